"""How records were linked, in sentences: variables, methods, parameters, thresholds (RECORD 12.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tallystick import _formats as formats
from tallystick.linking.decision import Decision
from tallystick.quality.report.figures import Figures
from tallystick.quality.report.headline import title
from tallystick.quality.report.match_keys import rule_of_keys
from tallystick.quality.steps import of_step

There = Mapping[str, Any]
count, listed, counted = formats.count, formats.sentence_list, formats.counted

_ASSIGNMENTS = {
    "optimal": "Where pairs compete for a record, the best set of links as a whole is chosen (optimal "
    "assignment).",
    "greedy": "Where pairs compete for a record, the best pair is chosen first (greedy assignment).",
    "unique": "Where pairs compete for a record, only those without a competitor are links.",
}


def variables(figures: Figures, there: There, known: There) -> list[str]:
    """The fields that are compared or make keys; how complete they are stands in a table."""
    fields = [row["field"] for row in (there.get("completeness") or {}).get("rows", ())]
    if not fields and figures.match:
        fields = list(figures.match.fields)
    if not fields:
        return ["The run does not say which fields were used."]
    return [f"The matching variables are {listed(fields)}."]


def level(figures: Figures, there: There, known: There) -> list[str]:
    """What was linked to what."""
    named = title(figures)
    found = [f"{named['what'] or named['name']}, record by record."]
    if method := (there.get("entities") or {}).get("method"):
        found.append(f"Records were put together in entities {method}.")
    return found


def methods(figures: Figures, there: There, known: There) -> list[str]:
    """The kind of linkage, its steps and what its tables show."""
    found = []
    given = there.get("pairs") or {}
    steps = [one["step"] for one in given.get("steps") or ()]
    if figures.match:
        keys = counted(len(figures.match.keys), "match key")
        first = "first" if there.get("parameters") else "strictest first"
        found.append(f"Deterministic linkage by {keys}, {first}: records that agree on a key are linked.")
    if steps:
        each = listed([f"“{name}”" for name in steps])
        found.append(
            f"In {counted(len(steps), 'step')}: {each}. Each sees the records that those before it have left."
        )
    if there.get("parameters"):
        found.append(
            "Probabilistic linkage (Fellegi and Sunter 1969): pairs are scored by match weights, the "
            "logarithms of likelihood ratios, which add up over the comparisons."
        )
    if given.get("passes"):
        found.append("Pairs are compared that a pass finds; a pair belongs to the first pass that does.")
        if figures.review:
            found.append("Links of a pass include those that reviewers have made of its pairs.")
    return found or ["The run does not say how records were compared."]


def parameters(figures: Figures, there: There, known: There) -> list[str]:
    """Where m, u and the match rate come from."""
    comparisons = (there.get("parameters") or {}).get("comparisons") or ()
    if not comparisons:
        return ["There are no parameters: links are those of match keys."]
    origins = {
        name: sorted({one[f"{name}_origin"] for one in comparisons if one[f"{name}_origin"]}) for name in "mu"
    }
    found = [f"{name} probabilities come from: {listed(given)}." for name, given in origins.items() if given]
    if known["em"]:
        found.append(known["em"])
    rates: Sequence[Mapping[str, Any]] = (there.get("pairs") or {}).get("match_rates") or ()
    if len(rates) == 1 and rates[0].get("expected_matches") is not None:
        found.append(f"The model expects {count(rates[0]['expected_matches'])} matches.")
    return found or ["Their values stand in the report; where they come from the run does not say."]


def thresholds(figures: Figures, there: There, known: There) -> list[str]:
    """When a pair is a link: thresholds, how many links a record may have, competition, ties."""
    by_keys = rule_of_keys(figures)
    if figures.by_keys_alone:
        return ["There are no thresholds.", *by_keys]
    found = by_keys
    asked = Decision.model_validate(figures.spec.get("decision") or {})
    found += _asked(figures, asked)
    for one in there.get("weights") or ():
        each = [
            f"{limit['name'].lower()} {formats.weight(limit['weight'], sign=False)}"
            for limit in one["thresholds"]
        ]
        if each:
            found.append(f"As match weights (natural logarithm){of_step(one['step'])}: {listed(each)}.")
    found += _links(figures, asked)
    if ties := figures.counts.get("ties"):
        words = counted(ties, "pair ties", "pairs tie")
        found.append(f"{words} with others that are as good: none of these is a link by the model.")
    if figures.review:
        found.append("What reviewers have decided stands, whatever a pair weighs.")
    return found


def _asked(figures: Figures, asked: Decision) -> Iterator[str]:
    """The thresholds that were asked for, on their own scale: once where all steps have the same."""
    by_step = {}
    for step, part in figures.parts:
        if rule := part.get("rule"):
            by_step[step] = f"the thresholds were worked out by {rule['explanation']}."
            continue
        limits = part.get("thresholds") or {"lower": asked.lower, "upper": asked.upper}
        scale = str(part.get("scale") or asked.scale)
        words = "posterior probability" if scale == "posterior" else "match weight"
        by_step[step] = (
            f"a pair is a link from a {words} of {limits['upper']:g} up, a possible link from "
            f"{limits['lower']:g}, and a non-link below."
        )
    if len(set(by_step.values())) == 1:
        text = next(iter(by_step.values()))
        yield text[0].upper() + text[1:]
    else:
        yield from (f"In step {step} {text}" for step, text in by_step.items())


def _links(figures: Figures, asked: Decision) -> Iterator[str]:
    """How many links a record may have, and what is done where pairs compete."""
    sources = figures.sources
    two = len(sources) == 2 and figures.model.get("kind") == "link"
    left, right = sources[:2] if two else ("an earlier file", "a later file")
    words = {
        "one_to_one": "Links are one-to-one: a record has one link at most to each other file.",
        "one_to_many": f"Links are one-to-many: a record of {left} may have several, one of {right} has one "
        "at most.",
        "many_to_one": f"Links are many-to-one: a record of {left} has one at most, one of {right} may have "
        "several.",
        "many_to_many": "Links are many-to-many: a record may have several.",
    }
    yield words[asked.links]
    free = [one["name"] for one in figures.spec.get("sources") or () if one.get("duplicate_free")]
    if free:
        are = "are" if len(free) > 1 else "is"
        yield (
            f"{listed(free)} {are} declared to be without duplicates: a record of another file has one link "
            "at most to each."
        )
    if asked.links != "many_to_many" or free:
        yield (
            "The posterior of a pair is given all pairs that compete for its records. "
            f"{_ASSIGNMENTS[asked.assignment]}"
        )
