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
from tallystick.quality.report.figures import Figures

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


def _curve(first: float, last: float) -> list[Json]:
    return [
        {
            "weight": first + (last - first) * k / 40,
            "links": 6000.0 - 40 * k,
            "precision": 1 - 0.3 * math.exp(-k / 6),
            "recall": 0.999 - 0.00012 * k * k,
        }
        for k in range(41)
    ]


def _residuals(source: str) -> Json:
    return {
        "source": source,
        "records": 5000,
        "unlinked": 19,
        "share": 0.0038,
        "reasons": [
            {"reason": "no candidate", "records": 11, "share": 11 / 19},
            {"reason": "below threshold", "records": 8, "share": 8 / 19},
        ],
        "completeness": [{"field": "surname", "linked": 0.991, "unlinked": 0.737, "by_reason": {}}],
        "passes": [
            {"pass": "postcode", "unlinked": 3, "share_unlinked": 3 / 19, "linked": 0, "share_linked": 0.0}
        ],
        "unlinkable": {"no_pass": 2, "too_little": 1, "either": 3, "share": 3 / 19, "of_all_records": 4},
        "attainable": None,
        "best": None,
    }


def _group(name: str, records: int, linked: int) -> Json:
    return {
        "group": name,
        "records": records,
        "linked": linked,
        "rate": linked / records,
        "rate_low": linked / records - 0.003,
        "rate_high": min(1.0, linked / records + 0.002),
        "share_linked": 0.5,
        "share_unlinked": 0.6,
        "difference": -0.2,
        "difference_low": -0.4,
        "difference_high": 0.05,
    }


def _missed(source: str) -> Json:
    groups = [_group("female", 2500, 2493), _group("male", 2400, 2390), _group("missing", 100, 98)]
    table = {"name": "sex", "field": "sex", "difference": 0.21, "low": 0.03, "high": 0.4, "small": 0}
    return {
        "source": source,
        "records": 5000,
        "linked": 4981,
        "rate": 0.9962,
        "rate_low": 0.994,
        "rate_high": 0.9976,
        "subgroups": [{**table, "groups": groups}],
    }


def _audit() -> Json:
    estimates = {"precision": 0.998, "recall": 0.991, "specificity": 0.99999991, "f1": 0.9945}
    intervals = {"precision": [0.994, 0.9995], "recall": [0.982, 0.996]}
    return {
        "format": "tallystick audit 1",
        "by": "record",
        "sources": ["census"],
        "seed": 1,
        "strata": [
            {
                "name": "links 1",
                "label": "links, posterior 0.99 to 1",
                "kind": "link",
                "low": 0.99,
                "high": 1.0,
                "size": 4900,
                "drawn": 300,
                "expected_errors": 1.2,
                "origin": "audit",
            }
        ],
        "below": {"expected_matches": 6.1, "origin": "model", "counted": False, "label": "below the floor"},
        "estimate": {
            "made_at": "2026-01-02T03:04:05Z",
            "reviewers": 2,
            "drawn": 300,
            "judged": 298,
            "unsure": 2,
            "open": 0,
            "disagreements": 0,
            "strata": [
                {
                    "name": "links 1",
                    "judged": 298,
                    "unsure": 2,
                    "open": 0,
                    "outcomes": {"right": 297, "wrong": 1},
                }
            ],
            "counts": {"links": 4981, "true_links": 4971.0, "false_links": 10.0, "missed": 45.0},
            "estimates": estimates,
            "intervals": intervals,
            "corrected": {"estimates": {"precision": 0.9985, "recall": 0.992}, "intervals": intervals},
            "notes": ["Reviewers were unsure of 2: these count as not judged."],
        },
    }


def _review() -> Json:
    kappa = {"n": 40, "observed": 0.95, "expected": 0.6, "kappa": 0.875, "low": 0.74, "high": 1.0}
    return {
        "format": "tallystick review 1",
        "re_estimated": False,
        "tasks": 23,
        "verdicts": {"link": 15, "non-link": 6, "unsure": 2, "open": 0, "disagreement": 0},
        "worklists": [
            {
                "name": "possible",
                "blind": False,
                "reviews": 2,
                "tasks": 23,
                "done": 21,
                "unsure": 2,
                "disagreements": 0,
                "open": 0,
                "agreement": {"overall": kappa},
            }
        ],
        "reviewers": 2,
        "pairs_decided": 21,
        "links": {"before": 4966, "after": 4981, "confirmed": 0, "refused": 0, "new_by_review": 15},
        "found_among_reviewed": {"false_links": 0, "missed_matches": 15, "missed_that_were_possible": 15},
        "entities_changed": 15,
    }


def _truth() -> Json:
    rates = {
        "links": 4981,
        "true_links": 4976,
        "false_links": 5,
        "missed": 20,
        "precision": 0.999,
        "recall": 0.996,
        "f1": 0.9975,
        "type1": 2e-7,
        "type2": 0.004,
    }
    points = [
        {"threshold": p["weight"], **{key: p[key] for key in ("links", "precision", "recall")}}
        for p in reversed(_curve(-1.0, 30.0))
    ]
    bins = [(0.0, 0.5, 120, 3.2, 2), (0.5, 1.0, 4990, 4985.0, 4979)]
    return {
        "truth": "person_id",
        "unknown_records": 0,
        "matrix": {
            "link": {"match": 4976, "non_match": 5, "unknown": 0},
            "possible": {"match": 14, "non_match": 9, "unknown": 0},
            "non-link": {"match": 2, "non_match": 268, "unknown": 0},
            "not kept": {"match": 4, "non_match": 24_994_722, "unknown": 0},
        },
        "rates": rates,
        "rates_with_possible": {**rates, "precision": 0.997, "recall": 0.9988},
        "curve": {
            "score": "weight",
            "floor": -3.0,
            "points": points,
            "note": "Of pairs before an assignment.",
        },
        "assigned_curve": None,
        "entities": {
            "pairwise": rates,
            "b_cubed": {"precision": 0.9995, "recall": 0.998, "f1": 0.9987},
            "exact": {
                "true_entities": 5004,
                "entities": 5019,
                "right": 4990,
                "split": 14,
                "joined": 3,
                "precision": 0.994,
                "recall": 0.997,
                "f1": 0.9955,
            },
        },
        "calibration": [
            {
                "low": low,
                "high": high,
                "pairs": n,
                "expected": expected,
                "true": true,
                "expected_share": expected / n,
                "true_share": true / n,
                "share_low": max(0.0, true / n - 0.01),
                "share_high": min(1.0, true / n + 0.01),
            }
            for low, high, n, expected, true in bins
        ],
    }


def full_sample() -> Figures:
    """A run with all that can come of it and after it."""
    model, run, quality = sample()
    model["em"]["log_likelihood"] = [-91_000.0 - 8000 * math.exp(-k / 3) for k in range(23)]
    model["uncertainty"] = {"dispersion": 3.2}
    for item, found, alone in zip(
        run["counts"]["passes"], (35_412, 63_110, 5900), (30_000, 58_000, 1204), strict=True
    ):
        item |= {"found": found, "unique": alone}
    bins = quality["histogram"]
    bins["matches"] = [
        float(n if x > 10 else n * 0.001) for n, x in zip(bins["candidates"], bins["edges"], strict=False)
    ]
    sources = {"census": quality["completeness"]["census"], "survey": quality["completeness"]["survey"]}
    quality |= {
        "distinct": {
            source: {
                field: {"distinct": 1000 - 40 * k, "records_per_value": 5.0, "commonest": 0.01}
                for k, field in enumerate(own)
            }
            for source, own in sources.items()
        },
        "curve": {"scale": "weight", "points": _curve(-1.0, 30.0)},
        "values": [
            {
                "comparison": "surname",
                "bands": [
                    {
                        "first": 2**k,
                        "last": 2 ** (k + 1) - 1,
                        "values": 900 // 2**k,
                        "records": 900,
                        "share": 2**k / 5000,
                        "weight": 9.0 - 0.7 * k,
                        "low": 8.7 - 0.7 * k,
                        "high": 9.3 - 0.7 * k,
                    }
                    for k in range(7)
                ],
            }
        ],
        "reach": {
            "edges": [float(k) for k in range(0, 41)],
            "sampled": False,
            "sources": {
                name: {
                    "records": 5000,
                    "counts": [0] * 8 + [60] + [0] * 20 + [4940] + [0] * 10,
                    "median": 29.4,
                    "below": 60,
                }
                for name in sources
            },
        },
        "entities": {
            "method": "clusters",
            "support": 0.5,
            "entities": 5019,
            "several": 4981,
            "largest": 2,
            "cut_links": 0,
            "sizes": [[1, 38], [2, 4981]],
        },
        "residuals": {"sources": [_residuals(name) for name in sources]},
        "missed": {"level": 0.95, "smallest": 10, "sources": [_missed(name) for name in sources]},
    }
    return Figures(model, run, quality, audit=_audit(), review=_review(), truth=_truth())


if __name__ == "__main__":
    from tallystick._files import write_text
    from tallystick.quality.report import render_page, report_content, write_report

    if "--full" in sys.argv:
        write_text(sys.argv[1], render_page(report_content(full_sample())))
    else:
        write_report(sys.argv[1], *(troubled_sample() if "--troubled" in sys.argv else sample()))
