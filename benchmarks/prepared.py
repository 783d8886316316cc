"""What preparation brings: files with known truth linked raw and prepared, with the same comparisons.

The simulated census of 2020 to that of 2030, with the comparisons of `benchmarks/households.py`, and the
historical persons of `examples/historical.toml`. The steps are what one would do without knowing the truth,
which is read to score, and for nothing else.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

from households import census
from work import DATA

import tallystick as ts
from tallystick.spec import load_spec, resolved

CLEAN = {"type": "text", "case": "lower", "punctuation": "space"}
NAME = [{"type": "missing", "names": True}, "repair", CLEAN, "fold"]
PLAIN = ["missing", "repair", CLEAN, "fold"]
STREET_TYPES = {"type": "standard_words", "dictionary": "street_types", "country": "US"}

CENSUS = {
    "first_name": [*NAME, "nickname"],
    "last_name": NAME,
    "middle_initial": ["missing", CLEAN],
    "date_of_birth": ["missing"],
    "street_number": ["missing", CLEAN],
    "street_name": ["missing", CLEAN, STREET_TYPES],
}
HISTORICAL = {
    "full_name": [
        *PLAIN,
        {"type": "remove_words", "dictionary": "titles"},
        {"type": "nickname", "first_word": True},
    ],
    "birth_place": PLAIN,
    "occupation": PLAIN,
}


def preparation(steps: dict[str, list[object]]) -> ts.Preparation:
    """A preparation of steps by field."""
    return ts.Preparation(fields=[{"field": name, "steps": own} for name, own in steps.items()])


def census_errors(prepare: ts.Preparation | None) -> ts.Rates:
    """Errors of the links from 2020 to 2030."""
    task = census(DATA)
    sources = [
        ts.Source(name=name, table=table, id=key, truth=("person", "household"))
        for name, table, key in zip(("left", "right"), (task.left, task.right), task.ids, strict=True)
    ]
    linkage = ts.Linkage(task.comparisons, task.passes, one_to_one=True, prepare=prepare)
    return linkage.fit(*sources).link(*sources).evaluate("person").links


def historical_errors(prepare: ts.Preparation | None) -> ts.Rates:
    """Errors of the entities of historical persons."""
    examples = Path(__file__).parent.parent / "examples"
    spec = resolved(load_spec(examples / "historical.toml"), examples)
    linkage = ts.Linkage(spec=spec.model_copy(update={"prepare": prepare}))
    found = linkage.fit(*spec.sources).link(*spec.sources).evaluate("cluster").entities
    assert found is not None
    return found


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    warnings.simplefilter("ignore", ts.TallystickWarning)
    print("| files | linked | precision | recall | F1 | wrong | missed | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    for name, errors, steps in (
        ("census 2020 to 2030", census_errors, CENSUS),
        ("historical_50k", historical_errors, HISTORICAL),
    ):
        for how, prepare in (("raw", None), ("prepared", preparation(steps))):
            start = time.perf_counter()
            found = errors(prepare)
            seconds = time.perf_counter() - start
            rates = " | ".join(f"{one:.4f}" for one in (found.precision, found.recall, found.f1))
            counts = f"{found.false_links:.0f} | {found.missed:.0f}"
            print(f"| {name} | {how} | {rates} | {counts} | {seconds:.1f} |")


if __name__ == "__main__":
    main()
