"""What a run itself answers to the items of the quality statement, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tallystick import _formats as formats
from tallystick.quality.report.figures import Figures, Json
from tallystick.quality.report.headline import title
from tallystick.quality.report.limits import limits

There = Mapping[str, Any]
count, percent, listed = formats.count, formats.percent, formats.sentence_list


def _population(figures: Figures, there: There, known: There) -> list[str]:
    records = figures.counts.get("records") or {}
    each = [f"{count(n)} records in {name}" for name, n in records.items()]
    return [f"The files hold {listed(each)}."] if each else []


def _files(figures: Figures, there: There, known: There) -> list[str]:
    return [
        f"{one['name']}: {one['file'] or 'a table in memory'}, {count(one['records'])} records"
        + (f", SHA-256 {one['sha256']}." if one["sha256"] else ".")
        for one in there.get("inputs") or ()
    ]


def _cleaning(figures: Figures, there: There, known: There) -> list[str]:
    found = []
    for one in there.get("preparation") or ():
        steps, edits = one.get("steps") or (), one.get("edits") or ()
        found.append(
            f"{one['name']}: {count(len(steps))} steps and {count(len(edits))} edits; of "
            f"{count(one.get('records_read'))} records {count(one.get('records_dropped'))} were "
            "dropped by edits "
            f"and {count(one.get('duplicates_removed'))} removed as duplicates."
        )
    return found or ["Values were normalised as text (Unicode NFC, case) and not prepared otherwise."]


def _variables(figures: Figures, there: There, known: There) -> list[str]:
    given = there.get("completeness")
    if not given:
        return []
    rows = given["rows"]
    found = [f"{listed([row['field'] for row in rows])}."]
    for k, source in enumerate(given["sources"]):
        shares = [(row["cells"][k]["share"], row["field"]) for row in rows]
        present = [one for one in shares if one[0] is not None]
        if present:
            least = min(present)
            found.append(
                f"In {source} the least complete is {least[1]}, with a value in {percent(least[0])} "
                "of records."
            )
    return found


def _level(figures: Figures, there: There, known: There) -> list[str]:
    named = title(figures)
    asked = (figures.run.get("spec") or {}).get("decision") or {}
    found = [f"{named['what'] or named['name']}, record by record."]
    if asked.get("links"):
        found.append(f"Links are {str(asked['links']).replace('_', '-')}.")
    return found


def _methods(figures: Figures, there: There, known: There) -> list[str]:
    found = []
    steps = (there.get("pairs") or {}).get("steps") or ()
    if steps:
        found.append(f"In {count(len(steps))} steps: {listed([one['step'] for one in steps])}.")
    elif there.get("parameters"):
        found.append(
            "Probabilistic linkage (Fellegi and Sunter 1969): pairs are scored by match weights, "
            "the logarithms "
            "of likelihood ratios."
        )
    comparisons = (there.get("parameters") or {}).get("comparisons") or ()
    if comparisons:
        each = [f"{one['name']} ({len(one['levels'])} levels)" for one in comparisons]
        found.append(f"Comparisons: {listed(each)}.")
    for one in (there.get("pairs") or {}).get("passes") or ():
        found.append(
            f"Pass {one['name']}: {count(one['pairs'])} pairs compared that no earlier pass had, "
            f"{count(one['links'])} links."
        )
    return found


def _parameters(figures: Figures, there: There, known: There) -> list[str]:
    comparisons = (there.get("parameters") or {}).get("comparisons") or ()
    if not comparisons:
        return ["There are no parameters: links are those of match keys."]
    origins = {
        name: sorted({one[f"{name}_origin"] for one in comparisons if one[f"{name}_origin"]}) for name in "mu"
    }
    found = [f"{name} probabilities come from: {listed(given)}." for name, given in origins.items() if given]
    if known["em"]:
        found.append(known["em"])
    rates = (there.get("pairs") or {}).get("match_rates") or ()
    expected = sum(one.get("expected_matches") or 0 for one in rates)
    if len(rates) == 1:
        found.append(f"The model expects {count(expected)} matches.")
    return found


def _thresholds(figures: Figures, there: There, known: There) -> list[str]:
    found = []
    for one in there.get("weights") or ():
        each = [
            f"{limit['name'].lower()} {formats.weight(limit['weight'], sign=False)}"
            for limit in one["thresholds"]
        ]
        start = f"Step {one['step']}: " if one["step"] else "As match weights (natural logarithm): "
        if each:
            found.append(f"{start}{listed(each)}.")
        if one["rule"]:
            found.append(f"They were worked out by {one['rule']['explanation']}.")
    return found


def _review(figures: Figures, there: There, known: There) -> list[str]:
    found = []
    given = there.get("review")
    if given:
        each = [f"{row['name'].lower()} {count(row['value'])}" for row in given["rows"]]
        found.append(f"Decisions of reviewers were applied: {listed(each)}.")
        for one in given["worklists"]:
            if one["agreement"] and one["agreement"]["kappa"] is not None:
                kappa = one["agreement"]["kappa"]
                found.append(f"Agreement of two reviewers on {one['name']}: Cohen’s kappa {kappa:.2f}.")
    else:
        found.append("No decisions of reviewers were applied to these links.")
        if possible := figures.counts.get("possible"):
            found.append(f"{count(possible)} possible links await review.")
    if there.get("audit"):
        found.append("A sample was judged to estimate the error rates, apart from the review.")
    return found


def _flow(figures: Figures, there: There, known: There) -> list[str]:
    stages = (there.get("pairs") or {}).get("stages") or ()
    return [f"{one['name']}: {count(one['value'])}." for one in stages]


def _errors(figures: Figures, there: There, known: There) -> list[str]:
    found = []
    for one in (there.get("quality") or {}).get("by_origin", ()):
        shown = [row for row in one["rows"] if row["key"] in ("precision", "recall", "specificity", "f1")]
        each = [
            f"{row['name'].lower()} {_formed(row)}"
            + (f" (95% interval {formats.interval(row['interval'], row['form'])})" if row["interval"] else "")
            for row in shown
        ]
        if each:
            found.append(f"{one['name']}: {listed(each)}.")
    if not found:
        return ["Not known."]
    return [*found, "Figures of unlike origin are not to be mixed."]


def _formed(row: Json) -> str:
    if row["value"] is None:
        return "none"
    return percent(row["value"]) if row["form"] == "percent" else formats.probability(row["value"])


def _unlinked(figures: Figures, there: There, known: There) -> list[str]:
    records = figures.counts.get("records") or {}
    found = [
        f"{count(n)} of {count(records.get(name))} records of {name} ({percent(n / records[name])}) "
        "have no link."
        for name, n in (figures.counts.get("unlinked") or {}).items()
        if records.get(name)
    ]
    reasons = (there.get("unlinked") or {}).get("reasons") or ()
    sources = list(dict.fromkeys(row["source"] for row in reasons))
    for source in sources:
        each = [f"{row['reason']} {count(row['records'])}" for row in reasons if row["source"] == source]
        found.append(f"Reasons in {source}: {listed(each)}.")
    return found


def _bias(figures: Figures, there: There, known: There) -> list[str]:
    tables = [one for one in there.get("missed") or () if one["difference"] is not None]
    if not tables:
        return ["Linked and unlinked records were not compared."]
    return [
        f"{one['name']}{' of ' + one['source'] if one['source'] else ''}: standardised difference "
        "of linked and "
        f"unlinked records {one['difference']:.2f}"
        + (f" (95% interval {one['low']:.2f} to {one['high']:.2f})." if one["low"] is not None else ".")
        for one in tables
    ]


def _limits(figures: Figures, there: There, known: There) -> list[str]:
    return limits(figures, there, known)


def _reproducibility(figures: Figures, there: There, known: There) -> list[str]:
    run = figures.run
    versions = [f"{name} {version}" for name, version in (run.get("versions") or {}).items()]
    found = [f"Made with {listed(versions)}."] if versions else []
    if run.get("seed") is not None:
        found.append(f"Seed {run['seed']}.")
    if before := run.get("finalised"):
        found.append(
            f"Decisions of reviewers were applied to the run with the fingerprint {before['fingerprint']}."
        )
    if purged := run.get("purged"):
        found.append(f"Values of records were removed from the run directory ({purged['at']}).")
    if run.get("fingerprint"):
        found.append(f"Fingerprint of the run (inputs, specification, versions): {run['fingerprint']}.")
    return found


ANSWERS: dict[str, Callable[[Figures, There, There], list[str]]] = {
    "population": _population,
    "files": _files,
    "cleaning": _cleaning,
    "variables": _variables,
    "level": _level,
    "methods": _methods,
    "parameters": _parameters,
    "thresholds": _thresholds,
    "review": _review,
    "flow": _flow,
    "errors": _errors,
    "unlinked": _unlinked,
    "bias": _bias,
    "limits": _limits,
    "reproducibility": _reproducibility,
}
"""By the key of the item."""
