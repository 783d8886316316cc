"""Whether the parts of a specification fit each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tallystick._problems import KeyPath, Problem, misspelt
from tallystick.errors import SpecError
from tallystick.spec.household_checks import household_problems
from tallystick.spec.readers import fields_by_place
from tallystick.spec.step_checks import step_problems

if TYPE_CHECKING:
    from tallystick.preparation.source import Source
    from tallystick.spec.model import Spec


def problems(spec: Spec) -> list[Problem]:
    """What does not fit, in the order of the specification.

    Parameters
    ----------
    spec : Spec
        A specification whose parts are valid each on its own.

    Returns
    -------
    list of Problem
    """
    found: list[Problem] = []
    if spec.sources and (wrong := kind_problem(spec, len(spec.sources))):
        found.append(wrong)
    if wrong := cover_problem(spec, spec.sources):
        found.append(wrong)
    if spec.sources and (wrong := declared_problem(spec, spec.sources)):
        found.append(wrong)
    found += _repeated("sources", "name", [source.name for source in spec.sources])
    found += _unused_fields(spec)
    found += _repeated("comparisons", "name", [one.name for one in spec.comparisons])
    found += _repeated("passes", None, [one.label for one in spec.passes])
    found += _answers_read(spec)
    found += _unknown_sources(spec)
    found += _unknown_interactions(spec)
    found += step_problems(spec)
    found += household_problems(spec)
    bare = spec.match is None and not (spec.comparisons or spec.passes)
    # Sources alone can be profiled, and prepared.
    bare &= bool(spec.sources) or spec.prepare is not None
    if not spec.comparisons and spec.match is None and not bare:
        found.append(Problem(("comparisons",), "found none, expected at least one"))
    if wrong := _match_problem(spec):
        found.append(wrong)
    if (
        not spec.passes
        and spec.match is None
        and not bare
        and (spec.sources or not all(one.m and one.u for one in spec.comparisons))
    ):
        found.append(
            Problem(
                ("passes",),
                'found none, expected at least one: a blocking key, or type = "all_pairs" where every pair '
                "is to be compared",
            )
        )
    return found


def require_comparisons(spec: Spec) -> None:
    """Raise `SpecError` where a specification has no comparisons or passes, and pairs are to be weighed.

    Parameters
    ----------
    spec : Spec
    """
    for key, example in (("comparisons", ""), ("passes", ', such as one with type = "all_pairs"')):
        if getattr(spec, key):
            continue
        if spec.match is not None:
            why = "match keys alone are linked by tallystick match (Linkage.match)"
        elif spec.prepare is not None:
            why = "a preparation alone is run by tallystick prepare"
        else:
            why = "sources alone can be profiled and prepared"
        raise SpecError(f"{key}: found none, expected at least one [[{key}]]{example}: {why}")


def _match_problem(spec: Spec) -> Problem | None:
    """Why links that are unique on both sides do not go with the kind of linkage."""
    n = len(spec.sources)
    kind = spec.kind or ("dedupe" if n == 1 else "link")
    if spec.match is not None and spec.match.links == "one_to_one" and kind != "link":
        return Problem(
            ("match", "links"),
            f'found "one_to_one" with kind "{kind}", expected "many_to_many": one-to-one is for links '
            "between files without duplicates",
        )
    return None


def kind_problem(spec: Spec, n_sources: int) -> Problem | None:
    """Why the kind of linkage, or one-to-one, does not go with a number of sources.

    Parameters
    ----------
    spec : Spec
    n_sources : int

    Returns
    -------
    Problem or None
    """
    if spec.kind == "dedupe" and n_sources != 1:
        return Problem(
            ("kind",), f'found "dedupe" with {n_sources} sources, expected "link" or "link_and_dedupe"'
        )
    if spec.kind not in (None, "dedupe") and n_sources == 1:
        return Problem(
            ("kind",), f'found "{spec.kind}" with one source, expected "dedupe" or a second source'
        )
    kind = spec.kind or ("dedupe" if n_sources == 1 else "link")
    links = spec.decision.links
    if links != "many_to_many" and kind != "link":
        short = "links" not in spec.decision.model_fields_set
        return Problem(
            ("decision", "one_to_one" if short else "links"),
            f'found {"true" if short else chr(34) + links + chr(34)} with kind "{kind}", expected '
            f"{'false' if short else chr(34) + 'many_to_many' + chr(34)}: "
            f"{links.replace('_', '-')} is for links between files, not within them",
        )
    return None


def cover_problem(spec: Spec, sources: Sequence[Source]) -> Problem | None:
    """Why a source cannot be declared to cover the other one.

    Parameters
    ----------
    spec : Spec
    sources : sequence of Source
        What is linked: those of the specification, or others in their place.

    Returns
    -------
    Problem or None
    """
    kind = spec.kind or ("dedupe" if len(sources) == 1 else "link")
    for number, source in enumerate(sources):
        if source.covers_other and (kind != "link" or len(sources) != 2):
            n = f"{len(sources)} source{'' if len(sources) == 1 else 's'}"
            return Problem(
                ("sources", number, "covers_other"),
                f'found true with kind "{kind}" and {n}, expected false: only of two sources that are '
                "linked can one cover the other",
            )
    return None


def declared_problem(spec: Spec, sources: Sequence[Source]) -> Problem | None:
    """Why an assignment, or a source without duplicates, leaves nothing to do.

    Parameters
    ----------
    spec : Spec
    sources : sequence of Source
        What is linked: those of the specification, or others in their place.

    Returns
    -------
    Problem or None
    """
    kind = spec.kind or ("dedupe" if len(sources) == 1 else "link")
    declared = [number for number, source in enumerate(sources) if source.duplicate_free]
    if kind == "dedupe" and declared:
        return Problem(
            ("sources", declared[0], "duplicate_free"),
            'found true with kind "dedupe", expected false: there is nothing to look for in a file without '
            "duplicates",
        )
    if spec.decision.assignment != "optimal" and spec.decision.links == "many_to_many" and not declared:
        return Problem(
            ("decision", "assignment"),
            f'found "{spec.decision.assignment}" though pairs compete for no record, expected links = '
            '"one_to_one", "one_to_many" or "many_to_one" beside it',
        )
    return None


def _repeated(table: str, key: str | None, names: Iterable[str]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for number, name in enumerate(names):
        if name in first:
            path: KeyPath = (table, number) if key is None else (table, number, key)
            yield Problem(path, f'found "{name}", which names {table}[{first[name]}] too; expected another')
        first.setdefault(name, number)


def _unknown_interactions(spec: Spec) -> Iterator[Problem]:
    names = [one.name for one in spec.comparisons]
    for key in ("interactions", "match_interactions"):
        for number, one in enumerate(getattr(spec.estimation, key)):
            for name in one:
                if name not in names:
                    path: KeyPath = ("estimation", key, number)
                    yield Problem(path, misspelt(name, names, "the name of a comparison"))


def _unused_fields(spec: Spec) -> Iterator[Problem]:
    for name in spec.fields:
        if name not in spec.fields_named:
            yield Problem(
                ("fields", name),
                misspelt(name, spec.fields_named, "a field that a comparison or a pass reads"),
            )


def _unknown_sources(spec: Spec) -> Iterator[Problem]:
    """Parts of a preparation that are for a source which is not there."""
    if spec.prepare is None or not spec.sources:
        return
    names = [source.name for source in spec.sources]
    for path, name in spec.prepare.unknown_sources(names):
        yield Problem(path, misspelt(name, names, "the name of a source"))


def _answers_read(spec: Spec) -> Iterator[Problem]:
    """Fields that would read a record id or a truth column: a linkage may see neither."""
    for path, field in fields_by_place(spec):
        truth: dict[str, list[str]] = {}
        ids: dict[str, list[str]] = {}
        for source in spec.sources:
            column = source.column(field)
            if column in source.truth:
                truth.setdefault(column, []).append(source.name)
            elif column == source.id:
                ids.setdefault(column, []).append(source.name)
        if truth:
            yield Problem(
                path,
                f'found the field "{field}", which is {_of_sources("the truth column", truth)}; expected a '
                "field that a linkage may read",
            )
        if ids:
            yield Problem(
                path,
                f'found the field "{field}", which is {_of_sources("the record id", ids)}; expected a field '
                "that says something about the record",
            )


def _of_sources(what: str, columns: Mapping[str, Sequence[str]]) -> str:
    """Columns of sources for people: ``the truth column "person" of sources "a" and "b"``."""
    parts = []
    for column, names in columns.items():
        quoted = [f'"{name}"' for name in names]
        together = " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
        parts.append(f'{what} "{column}" of source{"s" * (len(names) > 1)} {together}')
    return " and ".join(parts)
