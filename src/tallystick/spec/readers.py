"""Which part of a specification reads which field: for messages that have to say where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick._problems import KeyPath, written_path

if TYPE_CHECKING:
    from tallystick.spec.model import Spec


def fields_by_place(spec: Spec) -> list[tuple[KeyPath, str]]:
    """Every part that reads a field, with the field, in the order of the specification.

    Parameters
    ----------
    spec : Spec

    Returns
    -------
    list of (path, field)

    Examples
    --------
    >>> from tallystick.blocking.filters import difference
    >>> from tallystick.blocking.passes import blocking_key
    >>> from tallystick.spec import Spec
    >>> spec = Spec(
    ...     comparisons=[{"field": "surname", "comparator": {"type": "exact"}}],
    ...     passes=[blocking_key("town", filters=(difference("age", 5),))],
    ... )
    >>> fields_by_place(spec)[-1]
    (('passes', 0, 'filters', 0), 'age')
    """
    read: list[tuple[KeyPath, str]] = []
    made: set[str] = set()
    if spec.prepare is not None:
        for number, prepared in enumerate(spec.prepare.fields):
            # What a step writes must be no answer either, and no id.
            touched = dict.fromkeys((*prepared.reads, *prepared.writes))
            read += [(("prepare", "fields", number), field) for field in touched if field not in made]
            made.update(prepared.writes)
        for number, edit in enumerate(spec.prepare.edits):
            read += [(("prepare", "edits", number), field) for field in edit.reads]
        for number, duplicates in enumerate(spec.prepare.duplicates):
            read += [(("prepare", "duplicates", number), field) for field in duplicates.reads]
    for number, one in enumerate(spec.comparisons):
        read += [(("comparisons", number), field) for field in dict.fromkeys((*one.left, *one.right))]
    for number, step in enumerate(spec.passes):
        read += [(("passes", number), field) for field in step.fields]
        for place, own in enumerate(step.filters):
            read += [(("passes", number, "filters", place), field) for field in own.fields]
    if rules := spec.estimation.deterministic:
        for number, rule in enumerate(rules.rules):
            read += [(("estimation", "deterministic", "rules", number), field) for field in rule]
    if spec.match is not None:
        for number, key in enumerate(spec.match.keys):
            read += [(("match", "keys", number), field) for field in key.fields]
    if spec.households:
        origin = "id" if spec.households.id is not None else "address"
        read += [(("households", origin), field) for field in spec.households.fields]
    for number, by in enumerate(spec.quality.subgroups or ()):
        read.append((("quality", "subgroups", number), by.field))
    return read


def readers(spec: Spec) -> dict[str, str]:
    """The first part of a specification that reads each field, as it is written there.

    Parameters
    ----------
    spec : Spec

    Returns
    -------
    dict of str to str
        Field to ``passes[0]`` and the like.
    """
    found: dict[str, str] = {}
    for path, field in fields_by_place(spec):
        found.setdefault(field, written_path(path))
    return found
