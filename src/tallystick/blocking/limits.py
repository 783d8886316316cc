"""How many pairs a run compares before it asks to be told so."""

from __future__ import annotations

from tallystick.blocking.pass_sizes import found_sizes
from tallystick.blocking.plan import BlockingPlan
from tallystick.blocking.sampled_sizes import total_size
from tallystick.blocking.sizes import largest_blocks, shown_time
from tallystick.errors import TooManyPairs
from tallystick.records.records import Records

MOST_PAIRS = 20_000_000_000
"""Pairs of all passes beyond which a run is refused: about an hour on two cores at the rate of 24 million
pairs a second that was measured on ten million persons, since pairs that no memory holds are gone through
three times; two hours and more where the comparisons cost as much as edit distances on long texts."""
LOOKED_AT = 10
"""Pairs that an index or a filter looks at and drops, for one that is compared: they take about a tenth."""


def check_pairs(plan: BlockingPlan, records: Records, most: int, seconds_per_pair: float) -> None:
    """Refuse passes that make more pairs than were confirmed; all pairs are confirmed by asking for them.

    Where not every pair that is looked at is found, the pairs found are counted or estimated, as
    `tallystick.blocking.pass_sizes` has it, and ten that are only looked at stand for one.

    Parameters
    ----------
    plan : BlockingPlan
        The passes.
    records : Records
        The records.
    most : int
        How many pairs may be compared.
    seconds_per_pair : float
        What a pair takes in a whole run.

    Raises
    ------
    TooManyPairs
        Where the passes make more; says how many, how long they take, and which block makes most of them.
    """
    looked_at = plan.pairs_to_visit()
    if plan.compares_all or looked_at <= most:
        return
    size = total_size(found_sizes(plan, plan.threads), looked_at)
    n_pairs = max(round(size.n_pairs), looked_at // LOOKED_AT)
    if n_pairs <= most:
        return
    made = f"{size.text} pairs"
    if size.n_pairs != looked_at:
        made += f" out of {looked_at:,} that they look at"
    blocks = [
        (block.pairs, one.label, block)
        for one, block in zip(plan.passes, largest_blocks(plan, records), strict=True)
        if block is not None
    ]
    blame = ""
    if blocks:
        pairs, label, block = max(blocks, key=lambda one: one[0])
        blame = (
            f" (the largest block, {block.key} of pass {label}, makes {pairs:,} of them from "
            f"{block.records:,} records)"
        )
    where = "" if round(size.n_pairs) == n_pairs else f", which take as long as {n_pairs:,}"
    raise TooManyPairs(
        f"The passes make {made}{blame}{where}, more than {most:,}; to compare them takes "
        f"{shown_time(n_pairs * seconds_per_pair)}: add parts to the keys (tallystick blocks tells what each "
        f"pass makes), or confirm with most_pairs = {n_pairs} in [linkage], or --most-pairs {n_pairs}."
    )
