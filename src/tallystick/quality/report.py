"""The report of a run: one self-contained HTML page, made of the run's three JSON files alone.

The page makes no network request (its own policy forbids it), can be read without JavaScript
(every figure of a chart is also in a table), and shows the shape of record values only.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tallystick import _formats as formats
from tallystick._files import write_text
from tallystick._pages import page_environment
from tallystick.blocking.sizes import Block
from tallystick.quality import charts
from tallystick.quality.diagnostics import (
    em_sentence,
    level_weights,
    parameter_warnings,
    related_sentence,
    term_sentences,
)
from tallystick.quality.interactions import interaction_rows
from tallystick.quality.steps import flattened
from tallystick.quality.vega_bundle import vega_bundle

if TYPE_CHECKING:
    from jinja2 import Environment

Json = Mapping[str, Any]

_DONE = {"link": "Record linkage", "dedupe": "Deduplication", "link_and_dedupe": "Linkage and deduplication"}
_RUN: dict[str, Any] = {"inputs": [], "versions": {}, "seed": None, "threads": None, "timings": {}}
_COUNTS: dict[str, Any] = {"records": {}, "pairs_allowed": None, "passes": [], "unlinked": {}}
_DECISIONS = {"link": "Link", "possible": "Possible link", "non-link": "Non-link"}


def render_report(model: Json, run: Json, quality: Json, *, show_values: bool = False) -> str:
    """The report as one HTML text.

    Parameters
    ----------
    model, run, quality
        Contents of ``model.json``, ``run.json`` and ``quality.json``. Parts that a run cannot have
        (EM where m and u are given, examples, a histogram, estimated errors) may be absent or null.
    show_values
        Show the values of the example pairs and of the keys of large blocks; by default only the shapes
        of the former (see :func:`tallystick._formats.mask`), so that the page names nobody.

    Returns
    -------
    str
        A complete page, the same for the same input.
    """
    model = flattened(model)
    comparisons, drawn = _comparisons(model)
    histogram, histogram_chart = _histogram(quality)
    drawn |= histogram_chart
    bundle, script = (vega_bundle(), _asset("report.js")) if drawn else ("", "")
    converged, em = em_sentence(model.get("em"))
    warnings = [] if converged else [em]
    warnings += model.get("warnings") or []
    warnings += _duplicate_warnings(run)
    warnings += _block_warnings(run, show_values)
    warnings += [text for comparison in comparisons for text in comparison["warnings"]]
    page: str = (
        _environment()
        .get_template("report.html.j2")
        .render(
            title=_title(model, run),
            headline=_headline(model, run, quality),
            warnings=list(dict.fromkeys(warnings)),
            em=em if converged else None,
            estimated=quality.get("estimated") or {},
            intervals=(quality.get("estimated") or {}).get("intervals") or {},
            dispersion=_dispersion(model),
            neighbours=quality.get("neighbours"),
            run=_RUN | dict(run),
            counts=_COUNTS | dict(run.get("counts") or {}),
            candidates=sum(item["pairs"] for item in (run.get("counts") or {}).get("passes", ())),
            match_rates=model.get("match_rates") or [],
            comparisons=comparisons,
            related=related_sentence(model),
            interactions=interaction_rows(model),
            histogram=histogram,
            quality=quality,
            completeness=_completeness(quality),
            examples=_examples(model, quality, show_values),
            sides=_sides(model, run),
            show_values=show_values,
            style=_asset("report.css"),
            bundle=bundle,
            script=script,
            policy=_policy(bundle, script),
            charts=_for_script(drawn),
        )
    )
    return page


def write_report(
    path: str | os.PathLike[str], model: Json, run: Json, quality: Json, *, show_values: bool = False
) -> None:
    """Write the report; it appears under its name only when complete.

    Parameters
    ----------
    path
        File to write; one that exists is replaced.
    model, run, quality, show_values
        As for :func:`render_report`.

    Raises
    ------
    RunError
        The folder is absent or cannot be written, or the disk is full; nothing is left behind.
    """
    write_text(path, render_report(model, run, quality, show_values=show_values))


@cache
def _environment() -> Environment:
    names = (
        "count",
        "percent",
        "probability",
        "interval",
        "weight",
        "seconds",
        "without_password",
        "place",
    )
    return page_environment("tallystick.quality", names)


@cache
def _asset(name: str) -> str:
    return files("tallystick.quality").joinpath("templates", name).read_text(encoding="utf-8")


def _policy(*scripts: str) -> str:
    """Content security policy: nothing is loaded, and only our own scripts run."""
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts if s]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes) or "'none'"
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )


def _for_script(drawn: Json) -> str:
    """JSON that cannot end the script element that it stands in."""
    text = json.dumps(drawn, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _duplicate_warnings(run: Json) -> list[str]:
    """A sentence for each source that is declared to be without duplicates and has equal records."""
    counts = run.get("counts") or {}
    return [
        f"Source {name} is declared duplicate_free, but {n:,} of its {counts['records'][name]:,} records are "
        "equal to another one in every field that the linkage uses: duplicates.parquet has them."
        for name, n in (counts.get("duplicates") or {}).items()
        if n
    ]


def _block_warnings(run: Json, show_values: bool) -> list[str]:
    """A sentence for each pass with a large block; the key is named only where values are shown."""
    passes = (run.get("counts") or {}).get("passes", ())
    return [
        Block(**block).sentence(item["name"], show_values)
        for item in passes
        if (block := item.get("largest_block")) and block["large"]
    ]


def _dispersion(model: Json) -> float | None:
    """By how much intervals are widened, where that is to speak of."""
    dispersion = (model.get("uncertainty") or {}).get("dispersion", 1.0)
    return float(dispersion) if dispersion > 1.5 else None


def _sources(run: Json) -> list[str]:
    return [source["name"] for source in run.get("inputs") or ()]


def _sides(model: Json, run: Json) -> tuple[str, str]:
    """Headings of the two records of a pair; source names only where each side has its own."""
    names = _sources(run)
    if model.get("kind") == "link" and len(names) == 2:
        return names[0], names[1]
    return "Left record", "Right record"


def _title(model: Json, run: Json) -> dict[str, str]:
    name = (run.get("spec") or {}).get("name")
    done, sources = _DONE.get(model.get("kind", ""), "Record linkage"), formats.sentence_list(_sources(run))
    what = f"{done} of {sources}" if sources else done
    return {"name": name or what, "what": what if name else ""}


def _headline(model: Json, run: Json, quality: Json) -> dict[str, Any]:
    counts, estimated = run.get("counts") or {}, quality.get("estimated") or {}
    tiles = [
        ("Links", formats.count(counts.get("links"))),
        ("Possible links", formats.count(counts.get("possible"))),
    ]
    if model.get("kind") != "link" and counts.get("entities") is not None:
        tiles.append(("Entities", formats.count(counts["entities"])))
    if estimated.get("precision") is not None:
        tiles.append(("Estimated precision", formats.percent(estimated["precision"])))
    if estimated.get("recall") is not None:
        tiles.append(("Estimated recall", formats.percent(estimated["recall"])))
    return {"tiles": tiles, "sentences": list(_headline_sentences(model, run, quality))}


def _headline_sentences(model: Json, run: Json, quality: Json) -> Iterator[str]:
    counts, estimated = run.get("counts") or {}, quality.get("estimated") or {}
    count, percent = formats.count, formats.percent
    records = counts.get("records") or {}
    if records and counts.get("links") is not None:
        total = count(sum(records.values()))
        each = formats.sentence_list([f"{count(n)} in {name}" for name, n in records.items()])
        held = (
            f"{total} records of {next(iter(records))}" if len(records) == 1 else f"{total} records ({each})"
        )
        entities = (
            f", which leaves {count(counts['entities'])} distinct entities"
            if model.get("kind") != "link" and counts.get("entities") is not None
            else ""
        )
        yield f"Among {held}, {count(counts['links'])} pairs were accepted as links{entities}."
        if model.get("kind") != "link" and counts.get("cut_links"):
            yield (
                f"{count(counts['cut_links'])} of the links were cut: their records are in two entities, "
                "since too few of the other pairs between these agree."
            )
    if estimated.get("precision") is not None:
        wrong = (
            f" ({formats.about(estimated['false_links'])} false)"
            if estimated.get("false_links") is not None
            else ""
        )
        within = _within(estimated, "precision")
        yield (
            f"The model expects {percent(estimated['precision'])}{within} of the links to be true "
            f"matches{wrong}."
        )
    if estimated.get("recall") is not None:
        missed = (
            f" ({formats.about(estimated['missed'])} missed)" if estimated.get("missed") is not None else ""
        )
        within = _within(estimated, "recall")
        yield (
            f"It expects {percent(estimated['recall'])}{within} of all true matches to be among them{missed}."
        )
    if counts.get("possible"):
        yield (
            f"Another {count(counts['possible'])} pairs are too uncertain to accept or reject "
            "without a person’s judgement."
        )


def _within(estimated: Json, name: str) -> str:
    limits = (estimated.get("intervals") or {}).get(name)
    return f" (95% interval {formats.interval(limits, 'percent')})" if limits else ""


def _comparisons(model: Json) -> tuple[list[dict[str, Any]], dict[str, charts.Chart]]:
    """Tables and charts of m, u and weights; full agreement first, as people read them."""
    shown, drawn = [], {}
    given = model.get("comparisons") or []
    lowest = charts.smallest_probability(given)
    finite = [w for c in given for w in level_weights(c) if w is not None and math.isfinite(w)]
    axis = min([0.0, *finite]), max([0.0, *finite])
    for number, comparison in enumerate(given):
        labels, m, u = comparison["labels"], comparison["m"], comparison["u"]
        levels = [
            {
                "label": label,
                "m": m_k,
                "u": u_k,
                "m_interval": m_limits,
                "u_interval": u_limits,
                "weight": w,
                "bar": _bar(0.0, w or 0.0, *axis),
            }
            for label, m_k, u_k, m_limits, u_limits, w in zip(
                labels,
                m,
                u,
                comparison.get("m_intervals") or [None] * len(m),
                comparison.get("u_intervals") or [None] * len(u),
                level_weights(comparison),
                strict=True,
            )
        ]
        chart = f"levels-{number}"
        drawn[chart] = charts.levels_chart(labels, m, u, lowest)
        shown.append(
            {
                "name": comparison["name"],
                "levels": levels[::-1],
                "m_origin": comparison.get("m_origin"),
                "u_origin": comparison.get("u_origin"),
                "shared": comparison.get("shared"),
                "missing": comparison.get("missing_weight"),
                "terms": term_sentences(comparison),
                "warnings": parameter_warnings(comparison),
                "chart": chart,
            }
        )
    return shown, drawn


def _bar(start: float, end: float, lowest: float, highest: float) -> dict[str, Any]:
    """A bar from start to end on an axis, in per cent of its width; beyond the axis it is cut."""
    span = (highest - lowest) or 1.0

    def place(value: float) -> float:
        return 100 * (min(max(value, lowest), highest) - lowest) / span

    low, high = sorted((place(start), place(end)))
    return {
        "left": f"{low:.2f}",
        "width": f"{high - low:.2f}",
        "zero": f"{place(0):.2f}",
        "sign": "against" if end < start else "for",
    }


def _marks(quality: Json) -> list[tuple[str, float]]:
    named = (
        ("upper", "upper threshold"),
        ("lower", "lower threshold"),
        ("no_link_constant", "no-link constant"),
        ("none_weight", "weight of none"),
    )
    return [
        (f"{text} {formats.weight(quality[key], sign=False)}", quality[key])
        for key, text in named
        if quality.get(key) is not None and math.isfinite(quality[key])
    ]


def _histogram(quality: Json) -> tuple[list[dict[str, Any]], dict[str, charts.Chart]]:
    given = quality.get("histogram")
    if not given or not any(given["candidates"]):
        return [], {}
    edges, candidates, links = given["edges"], given["candidates"], given["links"]
    rows = [
        {"from": lo, "to": hi, "candidates": n, "links": k}
        for lo, hi, n, k in zip(edges[:-1], edges[1:], candidates, links, strict=True)
        if n or k
    ]
    return rows[::-1], {"weights-chart": charts.weights_chart(edges, candidates, links, _marks(quality))}


def _completeness(quality: Json) -> dict[str, Any]:
    """Fields down, sources across; a source without the field has None."""
    given = quality.get("completeness") or {}
    fields = list(dict.fromkeys(field for shares in given.values() for field in shares))
    return {
        "sources": list(given),
        "rows": [(f, [shares.get(f) for shares in given.values()]) for f in fields],
    }


def _fields(comparison: Json) -> tuple[list[str], list[str]]:
    """Fields of a comparison, left and right."""
    spec = comparison.get("spec") or {}
    same = spec.get("fields") or spec.get("field") or comparison["name"].split("+")
    sides = [spec.get("left") or same, spec.get("right") or same]
    left, right = ([side] if isinstance(side, str) else list(side) for side in sides)
    return left, right


def _values(record: Json, fields: Sequence[str], show_values: bool) -> str | None:
    """A record's values of some fields as the page shows them; None when all are missing."""
    present = [record.get(field) for field in fields]
    if all(value is None for value in present):
        return None
    texts = [str(value) if show_values else formats.mask(value) for value in present if value is not None]
    return " · ".join(texts)


def _examples(model: Json, quality: Json, show_values: bool) -> list[dict[str, Any]]:
    """Example pairs, each a waterfall: a comparison's bar starts where the one before ended."""
    fields = {c["name"]: _fields(c) for c in model.get("comparisons") or ()}
    shown = []
    for example in quality.get("examples") or ():
        parts = [(p["comparison"], p["label"], p["weight"] or 0.0) for p in example["parts"]]
        rest = example["weight"] - sum(w for _, _, w in parts)
        if abs(rest) > 0.005:
            parts.append(("Other terms", "", rest))
        totals = [0.0]
        for _, _, w in parts:
            totals.append(totals[-1] + w)
        finite = [t for t in totals if math.isfinite(t)]
        rows = []
        for (name, label, w), start, end in zip(parts, totals, totals[1:], strict=False):
            left, right = fields.get(name, ([], []))
            rows.append(
                {
                    "name": name,
                    "label": label,
                    "weight": w,
                    "left": _values(example["left"], left, show_values),
                    "right": _values(example["right"], right, show_values),
                    "values": bool(left or right),
                    "bar": _bar(start, end, min(finite), max(finite)),
                }
            )
        total = _bar(0.0, example["weight"], min(finite), max(finite))
        decision = _DECISIONS.get(example["decision"], example["decision"])
        shown.append(
            {**example, "decision": decision, "key": example["decision"], "rows": rows, "total": total}
        )
    return shown
