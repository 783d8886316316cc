"""Whether a source can cover the other one, as it is declared to (`Source.covers_other`)."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick._problems import written_path
from tallystick.errors import InputError
from tallystick.preparation.source import Source
from tallystick.spec import Spec
from tallystick.spec.checks import cover_problem


def check_cover(spec: Spec, sources: Sequence[Source], n_records: Sequence[int]) -> None:
    """Raise `InputError` where a source is declared to cover the other and cannot.

    Parameters
    ----------
    spec : Spec
        The specification.
    sources : sequence of Source
        What is linked.
    n_records : sequence of int
        Their numbers of records.
    """
    if wrong := cover_problem(spec, sources):
        raise InputError(f"{written_path(wrong.path)}: {wrong.text}.")
    if not spec.decision.one_to_one:
        return
    for number, source in enumerate(sources):
        other = 1 - number
        if source.covers_other and n_records[number] < n_records[other]:
            raise InputError(
                f"Source {source.name!r} cannot cover source {sources[other].name!r}: it has "
                f"{n_records[number]:,} records and the other {n_records[other]:,}, each of an entity of its "
                "own where links are one-to-one; take covers_other out or declare it for the other source."
            )
