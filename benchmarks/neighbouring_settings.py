"""CIS to PRD by the settings of examples/essnet.toml and by others near them: errors, and what was expected.

Run: python benchmarks/neighbouring_settings.py. No setting is chosen by the truth, which only scores.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "examples"))

import essnet  # noqa: E402

import tallystick as ts  # noqa: E402
from tallystick.linkage.linkage import Linkage  # noqa: E402

NAMES = ("pername1", "pername2")
CASES: dict[str, dict[str, Any]] = {
    "as it is: Jaro-Winkler 0.92, 0.85, 0.75; posterior 0.5": {},
    "levels 0.92, 0.85": {"levels": (0.92, 0.85)},
    "levels 0.95, 0.9, 0.85, 0.8, 0.75": {"levels": (0.95, 0.9, 0.85, 0.8, 0.75)},
    "agreement of names by equality alone": {"levels": ()},
    "frequencies by bands": {"frequencies": True},
    "frequencies value by value": {"frequencies": "values"},
    "names interpolated, scaled": {"interpolate": {"scaled": True}},
    "no class of related records": {"estimation": {"related": "none"}},
    "month and year of birth together among matches": {
        "estimation": {"match_interactions": [["dob_mon", "dob_year"]]}
    },
    "month with year, and the names, together among matches": {
        "estimation": {"match_interactions": [["dob_mon", "dob_year"], ["pername1", "pername2"]]}
    },
    "posterior 0.3": {"upper": 0.3},
    "posterior 0.7": {"upper": 0.7},
    "posterior 0.9": {"upper": 0.9},
    "not one-to-one": {"one_to_one": False},
}


def linkage(case: dict[str, Any]) -> Linkage:
    """The linkage of the example, some of it changed."""
    base = essnet.linkage()
    spec = base.spec
    changed = []
    for one in spec.comparisons:
        if one.name in NAMES:
            levels = case.get("levels", (0.92, 0.85, 0.75))
            comparator = ts.jaro_winkler(*levels) if levels else ts.exact()
            rest = {key: case[key] for key in ("frequencies", "interpolate") if key in case}
            one = ts.comparison(one.name, comparator, **rest)
        changed.append(one)
    decision = {
        "one_to_one": True,
        "upper": 0.5,
        **{k: case[k] for k in ("upper", "one_to_one") if k in case},
    }
    decision["lower"] = min(0.1, decision["upper"])
    return Linkage(
        changed,
        spec.passes,
        sources=spec.sources,
        folder=base.folder,
        estimation=ts.Estimation(**case.get("estimation", {})),
        **decision,
    )


def main() -> None:
    """Link and print a row each."""
    print("| setting | false | missed | F1 | expected matches | precision | true | recall | true |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, case in CASES.items():
        links = _links(linkage(case))
        rates, truth = links.quality(), links.evaluate("person_id").links
        cells = [
            f"{truth.false_links:.0f}",
            f"{truth.missed:.0f}",
            f"{truth.f1:.4f}",
            f"{rates.matches:,.0f}",
        ]
        for which in ("precision", "recall"):
            limits = rates.intervals[which]
            value = getattr(rates, which)
            cells += [f"{value:.4f} ({limits.low:.4f} to {limits.high:.4f})", f"{getattr(truth, which):.4f}"]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _links(asked: Linkage) -> Any:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        return asked.run(Path(folder) / "out")


if __name__ == "__main__":
    main()
