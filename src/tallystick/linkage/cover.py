"""Whether sources can be what they are declared to be: cover the other one, or be without duplicates."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick._problems import written_path
from tallystick.blocking.constraint import constraint
from tallystick.errors import InputError
from tallystick.preparation.source import Source
from tallystick.spec import Spec
from tallystick.spec.checks import cover_problem, declared_problem


def check_cover(spec: Spec, sources: Sequence[Source], n_records: Sequence[int]) -> None:
    """Raise `InputError` where a source cannot be what it is declared to be.

    Parameters
    ----------
    spec : Spec
        The specification.
    sources : sequence of Source
        What is linked.
    n_records : sequence of int
        Their numbers of records.
    """
    if wrong := cover_problem(spec, sources) or declared_problem(spec, sources):
        raise InputError(f"{written_path(wrong.path)}: {wrong.text}.")
    covering = [number for number, source in enumerate(sources) if source.covers_other]
    if not covering:
        return
    limits = constraint(spec.decision.links, sources[0].duplicate_free, sources[1].duplicate_free)
    for number in covering:
        source, other = sources[number], 1 - number
        once = limits.right_once if number else limits.left_once
        if once and n_records[number] < n_records[other]:
            raise InputError(
                f"Source {source.name!r} cannot cover source {sources[other].name!r}: it has "
                f"{n_records[number]:,} records and the other {n_records[other]:,}, each of an entity of its "
                f"own where a record of {source.name!r} has one link at most; take covers_other out or "
                "declare it for the other source."
            )
