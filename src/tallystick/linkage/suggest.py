"""Passes that find a stated share of the matches at few pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick._progress import Progress, silent
from tallystick.blocking.criteria import Criterion, ways_of
from tallystick.blocking.finders import Asked, OneKey
from tallystick.blocking.key_candidates import candidate_keys, useful_parts
from tallystick.blocking.key_cover import cheapest_cover
from tallystick.blocking.passes import BlockingKey, KeyPart
from tallystick.blocking.plan import plan_blocking
from tallystick.blocking.union_pairs import union_pairs
from tallystick.estimation.factors import MAX_KEY_PARTS
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.completeness import Bits, agreements, columns_of
from tallystick.linkage.links import score_prepared
from tallystick.linkage.prepare import Prepared
from tallystick.patterns.count import PatternCounts
from tallystick.quality.overlap import Agreements, completeness
from tallystick.spec.toml import inline, plain_value

LEAST_POSTERIOR = 0.01
"""Pairs that are less likely to match are not looked at."""
MOST_MATCHES = 200_000
"""Of more probable matches so many are drawn."""
MISSED_DRAWN = 20_000
"""How many matches that no pass finds are drawn."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Suggestion:
    """Passes, and what they are expected to do.

    Attributes
    ----------
    passes : tuple of BlockingKey
        The passes.
    found : tuple of float
        Expected share of all matches that each pass finds.
    added : tuple of float
        Expected share of all matches that each pass finds and no earlier one.
    pairs : tuple of int
        Pairs that each pass finds.
    share : float
        Expected share of all matches that they find together.
    n_pairs : int
        Pairs that they find together.
    asked : float
        The share that was asked for.
    basis : str
        What the matches are that this rests on, in plain words.
    """

    passes: tuple[BlockingKey, ...]
    found: tuple[float, ...]
    added: tuple[float, ...]
    pairs: tuple[int, ...]
    share: float
    n_pairs: int
    asked: float
    basis: str

    def text(self) -> str:
        """For people: TOML to paste, each pass under what it is expected to do."""
        lines = [
            f"# {len(self.passes)} passes, expected to find {self.share:.2%} of the matches "
            f"(asked for: {self.asked:.2%}) among {self.n_pairs:,} pairs",
            f"# by {self.basis}",
        ]
        if self.share < self.asked:
            lines.append("# no keys of up to three parts reach what was asked for: these come nearest")
        for number, one in enumerate(self.passes):
            told = f"finds {self.found[number]:.1%} of the matches by itself"
            if number:
                told += f", {self.added[number]:.1%} that no earlier one finds"
            lines += ["", f"# {told}, among {self.pairs[number]:,} pairs", "[[passes]]"]
            lines += [f"{key} = {inline(value)}" for key, value in plain_value(one).items()]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        passes = [
            {**plain_value(one), "expected_share": found, "expected_new_share": added, "pairs": pairs}
            for one, found, added, pairs in zip(self.passes, self.found, self.added, self.pairs, strict=True)
        ]
        return {
            "passes": passes,
            "expected_share": self.share,
            "pairs": self.n_pairs,
            "asked": self.asked,
            "basis": self.basis,
        }


def suggest_passes(
    prepared: Prepared,
    parameters: Parameters,
    counts: PatternCounts,
    share: float,
    threads: int | None = None,
    progress: Progress = silent,
) -> Suggestion:
    """Find keys that together find a share of the matches at few pairs.

    Probable matches are the candidate pairs of the present passes, each with its posterior for weight. To
    these come matches that the present passes miss, drawn from the model of their overlap: how far the fields
    of the keys agree from the model, and how the other parts agree from found matches that are like them
    there, field by field.

    Parameters
    ----------
    prepared : Prepared
        The records and the plan.
    parameters : Parameters
        A model of them.
    counts : PatternCounts
        Counts of the patterns of the candidate pairs.
    share : float
        Share of all matches to be found.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far the scoring is.

    Returns
    -------
    Suggestion
    """
    records, blocking, seed = prepared.records, prepared.plan.blocking, prepared.spec.seed
    keyed = [
        one
        for one in blocking.passes
        if isinstance(one, BlockingKey) and not any(part.several for part in one.parts)
    ]
    given = tuple(dict.fromkeys(part for one in keyed for part in one.parts))
    single = [
        one.left[0] for one in prepared.spec.comparisons if len(one.left) == 1 and one.left == one.right
    ]
    fields = tuple(dict.fromkeys([*single, *(part.field for part in given)]))
    codes = useful_parts(records, fields, given)
    names = tuple(codes)
    pairs = score_prepared(prepared, parameters, counts, threads, progress)
    posterior = parameters.posterior(pairs.weight, pairs.source_pair)
    likely = np.flatnonzero(posterior >= LEAST_POSTERIOR)
    scale = 1.0
    if len(likely) > MOST_MATCHES:
        scale = len(likely) / MOST_MATCHES
        likely = np.random.default_rng((seed, 23)).choice(likely, MOST_MATCHES, replace=False)
    left, right = pairs.left[likely], pairs.right[likely]
    bits = np.stack([(own[left] != 0) & (own[left] == own[right]) for own in codes.values()], axis=1)
    weights = posterior[likely] * scale
    met = np.stack(
        [_meets(blocking.key_parts[own], left, right) for own in prepared.plan.key_parts]
        or [np.zeros(len(left), bool)],
        axis=1,
    )
    bits, weights, basis = _with_missed(prepared, met, names, bits, weights, seed)
    bits, weights = _together(bits, weights)

    keys = candidate_keys(records, prepared.kind, codes, seed)
    finds = np.stack([bits[:, list(key)].all(axis=1) for key in keys.keys])
    chosen = cheapest_cover(
        finds, weights, keys.n_pairs, share, [frozenset(key) for key in keys.keys], MAX_KEY_PARTS
    )
    chosen = _without_common_field(
        chosen, finds, weights, keys.n_pairs, [keys.key(k) for k in range(len(finds))]
    )
    passes = tuple(keys.key(number) for number in chosen)
    plan = plan_blocking(records, passes, prepared.kind, threads=threads)
    total = float(weights.sum())
    return Suggestion(
        passes=passes,
        found=tuple(float(weights[finds[number]].sum()) / total for number in chosen),
        added=tuple(
            float(weights[finds[number] & ~finds[chosen[:place]].any(axis=0)].sum()) / total
            for place, number in enumerate(chosen)
        ),
        pairs=tuple(plan.candidate_pairs().tolist()),
        share=float(weights[finds[chosen].any(axis=0)].sum()) / total if chosen else 0.0,
        n_pairs=union_pairs(plan, threads).n_pairs if chosen else 0,
        asked=share,
        basis=basis,
    )


def _together(bits: Bits, weights: Matrix) -> tuple[Bits, Matrix]:
    """Matches that agree on the same parts as one."""
    packed = np.packbits(bits, axis=1)
    _, first, number_of = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    return bits[first], np.asarray(np.bincount(number_of.ravel(), weights=weights), np.float64)


def _meets(asked: NDArray[np.int32] | Asked, left: NDArray[np.int32], right: NDArray[np.int32]) -> Bits:
    """Whether pairs meet a criterion of a pass."""
    finder = OneKey(asked) if isinstance(asked, np.ndarray) else asked
    return finder.holds(left, right)


def _with_missed(
    prepared: Prepared, met: Bits, names: Sequence[KeyPart], bits: Bits, weights: Matrix, seed: int
) -> tuple[Bits, Matrix, str]:
    """The matches found, and drawn ones that the present passes miss; and what this rests on."""
    found = f"{weights.sum():,.0f} matches expected among the pairs of the present passes"
    passes, criteria = prepared.plan.blocking.passes, prepared.plan.key_parts
    if prepared.plan.blocking.compares_all:
        return bits, weights, found + ", which are all pairs"
    biased = found + " alone: what these miss is not known, and the share is of what they find"
    ways = sum(len(ways_of(number, one)) for number, one in enumerate(passes) if criteria)
    table = agreements(passes, criteria, met, weights) if ways > 1 else None
    estimate = None if table is None else completeness(table, seed)
    if table is None or estimate is None or estimate.hidden is None or estimate.missed <= 0:
        return bits, weights, biased
    drawn = _missed(table, estimate.hidden, criteria, met, names, bits, weights, seed)
    own = np.full(len(drawn), estimate.missed / len(drawn))
    basis = f"{found} and {estimate.missed:,.0f} that these miss by the {estimate.method}"
    return np.concatenate([bits, drawn]), np.concatenate([weights, own]), basis


def _missed(
    table: Agreements,
    hidden: Matrix,
    criteria: Sequence[Criterion],
    met: Bits,
    names: Sequence[KeyPart],
    bits: Bits,
    weights: Matrix,
    seed: int,
) -> Bits:
    """Draw matches that no pass finds: fields as in a found match that meets the same criteria of them."""
    random = np.random.default_rng((seed, 29))
    cells = random.choice(len(hidden), MISSED_DRAWN, p=hidden / hidden.sum())
    drawn = np.zeros((MISSED_DRAWN, len(names)), bool)
    chances = weights / weights.sum()
    columns = columns_of(criteria)
    fields = [{field for k in numbers for field in criteria[k].fields} for numbers in columns.values()]
    for name in dict.fromkeys(part.field for part in names if not any(part.field in own for own in fields)):
        own = np.array([k for k, part in enumerate(names) if part.field == name], np.int64)
        drawn[:, own] = bits[np.ix_(random.choice(len(bits), MISSED_DRAWN, p=chances), own)]
    for column, (numbers, together) in enumerate(zip(columns.values(), fields, strict=True)):
        own = np.array([k for k, part in enumerate(names) if part.field in together], np.int64)
        place = 1 << np.arange(len(numbers))
        wanted, known = table.codes[column][table.levels[cells, column]], met[:, numbers] @ place
        for code in np.unique(wanted):
            rows, like = np.flatnonzero(wanted == code), np.flatnonzero(known == code)
            if len(like):
                donors = random.choice(like, len(rows), p=weights[like] / weights[like].sum())
                drawn[np.ix_(rows, own)] = bits[np.ix_(donors, own)]
                continue
            for place_of, number in enumerate(numbers):  # no found match is so: only what the keys say
                if (part := criteria[number]) in names:
                    drawn[rows, names.index(part)] = bool(code >> place_of & 1)
    return drawn


def _without_common_field(
    chosen: list[int], finds: Bits, weights: Matrix, costs: Matrix, keys: Sequence[BlockingKey]
) -> list[int]:
    """Add a key without the field that all chosen ones need, since its comparison could not be estimated."""
    if not chosen:
        return chosen
    common = set.intersection(*(set(keys[number].fields) for number in chosen))
    able = [k for k, one in enumerate(keys) if not common & set(one.fields)]
    if not common or not able:
        return chosen
    return [*chosen, max(able, key=lambda k: float(weights[finds[k]].sum()) / costs[k])]
