"""The share of matches that passes find, estimated without truth, against the truth: prints one table.

completeness.py [NAME ...] takes the data of the examples febrl3, essnet (CIS to PRD) and historical from
where these look (TALLYSTICK_FEBRL, TALLYSTICK_DATA). Each is linked with several sets of passes; truth only
scores.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

import tallystick as ts
from tallystick.blocking.passes import BlockingKey
from tallystick.linkage.completeness import estimated_completeness
from tallystick.linkage.evaluate_blocks import true_blocks
from tallystick.linkage.evaluation.evaluate import read_truth
from tallystick.linkage.links import fit_counts
from tallystick.linkage.outside import read_knowledge
from tallystick.linkage.prepare import prepare
from tallystick.patterns.count import count_patterns
from tallystick.records.encode import encode_values
from tallystick.spec import Spec, load_spec, resolved

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
key, first, last, soundex = ts.blocking_key, ts.first, ts.last, ts.soundex
PASSES: dict[str, tuple[tuple[BlockingKey, ...], ...]] = {
    "febrl3": (
        (key(soundex("surname"), "postcode"), key("date_of_birth", first("given_name", 1))),
        (key("surname", "given_name"), key("date_of_birth"), key("postcode", "street_number")),
        (
            key(soundex("surname"), "postcode"),
            key("date_of_birth", first("given_name", 1)),
            key("given_name", "suburb"),
            key("address_1", "street_number"),
        ),
    ),
    "essnet": (
        (key("pername1", "dob_day"), key("enumpc", "dob_year")),
        (
            key("pername2", "dob_day", "dob_mon"),
            key("enumpc", "sex"),
            key("pername1", "dob_year", "dob_mon"),
        ),
        (
            key("pername1", "pername2"),
            key("dob_day", "dob_mon", "dob_year"),
            key("enumpc", "dob_year"),
            key("enumpc", soundex("pername1")),
        ),
    ),
    "historical": (
        (key("full_name"), key("postcode_fake"), key("dob", "birth_place")),
        (key(last("full_name", 5), "dob"), key(first("full_name", 5), "birth_place"), key("postcode_fake")),
        (
            key("full_name"),
            key(first("full_name", 5), last("full_name", 5)),
            key(last("full_name", 5), "dob"),
            key(first("full_name", 5), "dob"),
            key(last("full_name", 5), "birth_place"),
            key("dob", "birth_place"),
            key("postcode_fake"),
        ),
    ),
}
TRUTH = {"febrl3": None, "essnet": "person_id", "historical": "cluster"}


def row(name: str, spec: Spec, passes: tuple[BlockingKey, ...]) -> list[str]:
    """One row of the table."""
    spec = spec.model_copy(update={"passes": passes})
    prepared = prepare(spec, spec.sources)
    counts = count_patterns(prepared.plan)
    parameters = fit_counts(prepared, counts, knowledge=read_knowledge(prepared)).parameters
    found = estimated_completeness(prepared, parameters, counts)
    column = TRUTH[name]
    if column is None:  # rec-1496-org, rec-1496-dup-0
        truth = prepared.records.ids.str.extract(r"^rec-(\d+)-")
    else:
        truth = pl.concat(read_truth(spec.sources, column))["truth"]
    true = true_blocks(prepared.plan.blocking, encode_values(truth)[0]).together
    assert true.completeness is not None
    overlap = found.by_overlap
    cells = (
        ["none"] * 3
        if overlap is None
        else [
            f"{overlap.share:.1%}",
            f"{overlap.low:.1%} to {overlap.high:.1%}",
            "yes" if overlap.low <= true.completeness <= overlap.high else "no",
        ]
    )
    keys = "; ".join(one.label for one in passes)
    return [name, keys, f"{true.pairs:,}", f"{true.completeness:.1%}", f"{found.by_model:.1%}", *cells]


def main(names: list[str]) -> None:
    """Print the table."""
    heads = ["data", "passes", "pairs", "true", "by the model", "by overlap", "interval", "holds it"]
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for name in names or list(PASSES):
        spec = resolved(load_spec(EXAMPLES / f"{name}.toml"), EXAMPLES)
        for passes in PASSES[name]:
            print("| " + " | ".join(row(name, spec, passes)) + " |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
