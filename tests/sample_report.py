"""Realistic contents of model.json, run.json and quality.json, to try the report on.

``python tests/sample_report.py PAGE.html`` writes the page.
"""

from __future__ import annotations

import math
import sys
from dataclasses import asdict
from typing import Any

import numpy as np

from tallystick.quality.neighbours import fit_neighbours
from tallystick.quality.rates import estimated_rates

Json = dict[str, Any]

_JARO_WINKLER = ["differs", "Jaro-Winkler ≥ 0.75", "Jaro-Winkler ≥ 0.85", "Jaro-Winkler ≥ 0.92", "exact"]
_COMPARISONS: list[tuple[str, list[str], list[float], list[float]]] = [
    (
        "given_name",
        _JARO_WINKLER,
        [0.061, 0.014, 0.032, 0.103, 0.79],
        [0.9571, 0.0302, 0.0061, 0.0031, 0.0035],
    ),
    ("surname", _JARO_WINKLER, [0.052, 0.009, 0.028, 0.096, 0.815], [0.9744, 0.0195, 0.0032, 0.0014, 0.0015]),
    (
        "date_of_birth",
        ["differs", "one part differs", "day and month swapped", "same"],
        [0.031, 0.049, 0.008, 0.912],
        [0.961, 0.0389, 0.000042, 0.000058],
    ),
    ("street_number", ["differs", "same"], [0.088, 0.912], [0.9901, 0.0099]),
    (
        "address_1+address_2",
        ["differs", "one token shared", "all tokens shared"],
        [0.11, 0.19, 0.7],
        [0.992, 0.0078, 0.0002],
    ),
    ("postcode", ["differs", "one edit", "same"], [0.06, 0.071, 0.869], [0.9848, 0.0138, 0.0014]),
    ("state", ["differs", "same"], [0.081, 0.919], [0.7562, 0.2438]),
]


def _model() -> Json:
    comparisons = [
        {
            "spec": {
                "name": name,
                "left": name.split("+"),
                "right": name.split("+"),
                "comparator": {"type": "exact"},
            },
            "name": name,
            "labels": labels,
            "m": m,
            "u": u,
            "weights": [math.log(a / b) for a, b in zip(m, u, strict=True)],
            "m_origin": "EM",
            "u_origin": "all pairs",
        }
        for name, labels, m, u in _COMPARISONS
    ]
    return {
        "format": "tallystick-model/1",
        "version": "0.1.0",
        "kind": "link",
        "comparisons": comparisons,
        "passes": [{"type": "blocking_key", "parts": ["postcode"]}],
        "match_rates": [
            {
                "left": "census",
                "right": "survey",
                "pairs": 25_000_000,
                "expected_matches": 4996.3,
                "rate": 4996.3 / 25e6,
            }
        ],
        "em": {"converged": True, "iterations": 23, "log_likelihood": [-91_000.0, -83_215.2, -83_102.8]},
        "warnings": [],
    }


def _block(
    parts: list[str], values: list[str], records: int, pairs: int, share: float, large: int = 0
) -> Json:
    return {
        "parts": parts,
        "values": values,
        "records": records,
        "pairs": pairs,
        "share": share,
        "share_of_all": share * 0.4,
        "large": large,
    }


def _run() -> Json:
    return {
        "spec": {"name": "Census to coverage survey", "kind": "link"},
        "versions": {
            "tallystick": "0.1.0",
            "python": "3.11.9",
            "polars": "2.1.0",
            "numba": "0.68.0",
            "numpy": "2.4.0",
        },
        "inputs": [
            {"name": "census", "path": "data/census.csv", "sha256": "9f2c4b17" * 8, "rows": 5000},
            {"name": "survey", "path": "data/survey.parquet", "sha256": "03ad81ee" * 8, "rows": 5000},
        ],
        "seed": 20240501,
        "threads": 2,
        "timings": {
            "read": 0.061,
            "encode": 0.112,
            "estimate": 0.84,
            "score": 0.31,
            "assign": 0.052,
            "report": 0.034,
        },
        "counts": {
            "records": {"census": 5000, "survey": 5000},
            "pairs_allowed": 25_000_000,
            "passes": [
                {
                    "name": "postcode",
                    "pairs": 35_412,
                    "kept": 4512,
                    "links": 4391,
                    "largest_block": _block(["postcode"], ["2906"], 61, 930, 930 / 35_412),
                },
                {
                    "name": "soundex(surname), year(date_of_birth)",
                    "pairs": 61_870,
                    "kept": 701,
                    "links": 552,
                    "largest_block": _block(
                        ["soundex(surname)", "year(date_of_birth)"],
                        ["S530", "1961"],
                        118,
                        3479,
                        3479 / 63_110,
                    ),
                },
                {
                    "name": "pairs of a colleague",
                    "pairs": 1204,
                    "kept": 61,
                    "links": 38,
                    "largest_block": None,
                },
            ],
            "large_block": 5_000_000,
            "links": 4981,
            "possible": 23,
            "kept": 5274,
            "unlinked": {"census": 19, "survey": 19},
            "entities": 5019,
        },
    }


def _bell(x: float, mean: float, sd: float) -> float:
    return math.exp(-(((x - mean) / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi))


def _quality() -> Json:
    edges = [float(e) for e in range(-24, 46)]
    middles = [e + 0.5 for e in edges[:-1]]
    non_matches = [round(93_500 * _bell(x, -13, 4.2)) for x in middles]
    matches = [round(4990 * (0.8 * _bell(x, 36, 3.5) + 0.2 * _bell(x, 24, 6))) for x in middles]
    links = [n if x > 10 else 0 for n, x in zip(matches, middles, strict=True)]
    left = {
        "given_name": "Rosalind",
        "surname": "O'Featherstone",
        "date_of_birth": "1961-04-12",
        "street_number": "7",
        "address_1": "Kalgoorlie Crescent",
        "address_2": None,
        "postcode": "2906",
        "state": "nsw",
    }
    right = left | {
        "surname": "Featherston",
        "date_of_birth": "1961-12-04",
        "street_number": None,
        "state": "vic",
    }
    other = left | {
        "given_name": "Bartholomew",
        "surname": "Quill",
        "date_of_birth": "1987-09-30",
        "postcode": "2905",
    }
    return {
        "estimated": {
            "true_links": 4978.7,
            "false_links": 2.3,
            "missed": 17.6,
            "precision": 4978.7 / 4981,
            "recall": 4978.7 / 4996.3,
            "type1": 2.3 / 24_995_003.7,
            "type2": 17.6 / 4996.3,
            "blocking_missed": 6.1,
        },
        "neighbours": _neighbours(),
        "histogram": {
            "edges": edges,
            "candidates": [a + b for a, b in zip(non_matches, matches, strict=True)],
            "links": links,
        },
        "no_link_constant": 7.31,
        "upper": 10.2,
        "lower": 6.32,
        "completeness": {
            "census": dict(
                zip(left, [0.9778, 0.9904, 0.9814, 0.9684, 0.9804, 0.9158, 1.0, 0.9902], strict=True)
            ),
            "survey": dict(
                zip(left, [0.943, 0.9808, 0.9732, 0.9428, 0.9588, 0.612, 0.99996, 0.979], strict=True)
            ),
        },
        "examples": [
            _example("link", 0.99999998, [4, 4, 3, 1, 2, 2, 1], left, left),
            _example("possible", 0.62, [4, 2, 2, None, 1, 0, 0], left, right),
            _example("non-link", 0.0000021, [0, 0, 0, 1, 2, 1, 1], left, other),
        ],
    }


def _neighbours() -> Json:
    """Of 5,000 records 21 have no neighbour and 16 have two: the register is declared to cover them."""
    model = fit_neighbours(np.array([21, 4963, 15, 1]))
    return {
        "counted": "survey",
        "other": "census",
        "covers": True,
        "threshold": 10.2,
        **model.to_dict(),
        "recall": asdict(model.recall),
        "type1": model.type1(5000),
        "model": estimated_rates(np.full(model.pairs, 0.9967), 4996.3, 25_000_000).to_dict(),
    }


def _example(decision: str, posterior: float, levels: list[int | None], left: Json, right: Json) -> Json:
    parts = [
        {
            "comparison": name,
            "level": len(labels) if level is None else level,
            "label": "missing" if level is None else labels[level],
            "weight": 0.0 if level is None else math.log(m[level] / u[level]),
        }
        for (name, labels, m, u), level in zip(_COMPARISONS, levels, strict=True)
    ]
    weight = sum(part["weight"] for part in parts)
    return {
        "decision": decision,
        "weight": weight,
        "posterior": posterior,
        "parts": parts,
        "left": left,
        "right": right,
    }


def sample() -> tuple[Json, Json, Json]:
    """Contents of model.json, run.json and quality.json of a linkage of two files."""
    return _model(), _run(), _quality()


def troubled_sample() -> tuple[Json, Json, Json]:
    """A deduplication with an EM that stopped early and parameters that make no sense."""
    model, run, quality = sample()
    model |= {"kind": "dedupe", "em": {"converged": False, "iterations": 500, "log_likelihood": []}}
    state, surname = model["comparisons"][-1], model["comparisons"][1]
    state |= {"m": [0.4, 0.6], "u": [0.35, 0.65], "weights": [math.log(0.4 / 0.35), math.log(0.6 / 0.65)]}
    surname["weights"] = [-2.9, 2.5, 2.1, 4.2, 6.3]
    run["spec"] = {"kind": "dedupe"}
    run["inputs"] = run["inputs"][:1]
    run["counts"] |= {
        "records": {"census": 5000},
        "unlinked": {"census": 19},
        "entities": 3021,
        "pairs_allowed": 12_497_500,
    }
    run["counts"]["passes"][0] |= {
        "pairs": 6_244_400,
        "largest_block": _block(["postcode"], ["Nowhereville"], 3500, 6_123_250, 0.9806, large=2),
    }
    quality["completeness"].pop("survey")
    model["warnings"] = ["comparison state is not estimable in pass postcode, which blocks on it."]
    return model, run, quality


if __name__ == "__main__":
    from tallystick.quality.report import write_report

    write_report(sys.argv[1], *(troubled_sample() if "--troubled" in sys.argv else sample()))
