"""What one reviewer is shown of a case: plain data, in which a masked value never was."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tallystick.errors import InputError
from tallystick.review.cases import (
    Candidate,
    Casebook,
    CaseRecord,
    PairCase,
    Part,
    RecordCase,
    RecordKey,
)
from tallystick.review.differences import Piece, differences
from tallystick.review.tasks import Task

Relation = Literal["equal", "differs", "missing"]


@dataclass(frozen=True)
class Sight:
    """What a reviewer may see.

    Attributes
    ----------
    masked : frozenset of str
        Fields whose values are kept back.
    blind : bool
        Whether what the machine thinks is kept back: weight, posterior, decision, reason, entity.
    weighed : frozenset of str, optional
        Fields that weights depend on; by default any may be one.

    Examples
    --------
    >>> Sight(frozenset({"phone"})).weights, Sight(frozenset({"phone"}), weighed=frozenset({"name"})).weights
    (False, True)
    """

    masked: frozenset[str] = frozenset()
    blind: bool = False
    weighed: frozenset[str] | None = None

    @property
    def weights(self) -> bool:
        """Whether weights are shown: not where they depend on a masked field, whose part they would tell.

        The weight of a pair less the parts that are shown would be the part of what is masked.
        """
        masked = self.masked if self.weighed is None else self.masked & self.weighed
        return not (self.blind or masked)

    def shown(self, fields: Sequence[str]) -> tuple[str, ...]:
        """Those of some fields whose values are shown."""
        return tuple(name for name in fields if name not in self.masked)

    def kept_back(self, fields: Sequence[str]) -> tuple[str, ...]:
        """Those of some fields whose values are not."""
        return tuple(name for name in fields if name in self.masked)


@dataclass(frozen=True)
class PartRow:
    """What one comparison found.

    Attributes
    ----------
    comparison, label : str
        Its name, and what the level is called.
    weight : float or None
        Natural logarithm; None where it reads a masked field, or may do so.
    """

    comparison: str
    label: str
    weight: float | None


@dataclass(frozen=True)
class FieldRow:
    """A field of two records.

    Attributes
    ----------
    field : str
        Its name.
    left, right : tuple of Piece or None
        The values in pieces that agree or differ; None where missing.
    relation : {"equal", "differs", "missing"}
        How they are to each other; missing where one is.
    parts : tuple of PartRow
        Comparisons that read this field alone.
    """

    field: str
    left: tuple[Piece, ...] | None
    right: tuple[Piece, ...] | None
    relation: Relation
    parts: tuple[PartRow, ...]


@dataclass(frozen=True)
class OtherRecord:
    """A record beside those that are judged.

    Attributes
    ----------
    key : RecordKey
        Its name.
    cells : tuple of (tuple of Piece or None)
        Values in the order of the fields of the view, marked where they differ from the record that it may
        be; None where missing.
    weight, posterior : float or None
        With that record; None where not known, in a blind view, and where a masked field is in weights.
    decision : str or None
        None where not known, and in a blind view.
    """

    key: RecordKey
    cells: tuple[tuple[Piece, ...] | None, ...]
    weight: float | None = None
    posterior: float | None = None
    decision: str | None = None


@dataclass(frozen=True)
class PairView:
    """Two records side by side, as one reviewer sees them; see `tallystick.review.cases.PairCase`, too.

    Attributes
    ----------
    fields : tuple of str
        Fields that are shown.
    rows : tuple of FieldRow
        The fields of the two records.
    parts : tuple of PartRow
        What comparisons of several fields, or of none, add; those of masked fields with their label alone.
    masked : tuple of str
        Fields that are kept back, by name.
    weights : bool
        Whether weights, posteriors and the reason are shown.
    """

    kind: Literal["pair"]
    fields: tuple[str, ...]
    masked: tuple[str, ...]
    blind: bool
    weights: bool
    left: RecordKey
    right: RecordKey
    rows: tuple[FieldRow, ...]
    parts: tuple[PartRow, ...]
    weight: float | None
    posterior: float | None
    decision: str | None
    reason: str | None
    left_candidates: tuple[OtherRecord, ...]
    right_candidates: tuple[OtherRecord, ...]
    left_household: tuple[OtherRecord, ...]
    right_household: tuple[OtherRecord, ...]
    entity: tuple[OtherRecord, ...]


@dataclass(frozen=True)
class RecordView:
    """A record and who it may be, as one reviewer sees them; attributes as of `PairView`.

    Attributes
    ----------
    cells : tuple of (tuple of Piece or None)
        Values of the record.
    candidates : tuple of OtherRecord
        Who it may be: the heaviest first, in a blind view in an order that tells nothing.
    partners : tuple of str
        Sources that can be searched for it.
    """

    kind: Literal["record"]
    fields: tuple[str, ...]
    masked: tuple[str, ...]
    blind: bool
    weights: bool
    record: RecordKey
    cells: tuple[tuple[Piece, ...] | None, ...]
    candidates: tuple[OtherRecord, ...]
    household: tuple[OtherRecord, ...]
    partners: tuple[str, ...]


def show_task(task: Task, casebook: Casebook, sight: Sight) -> PairView | RecordView:
    """What a reviewer is shown of a task (see `show_pair`).

    Parameters
    ----------
    task : Task
        What is judged.
    casebook : Casebook
        Records and pairs.
    sight : Sight
        What the reviewer may see.

    Returns
    -------
    PairView or RecordView
    """
    if task.right is not None:
        return show_pair(casebook.pair(task.left, task.right), casebook.fields, sight)
    partners = casebook.partners(task.left.source)
    return show_record(casebook.record(task.left), casebook.fields, partners, sight)


def show_pair(case: PairCase, fields: Sequence[str], sight: Sight) -> PairView:
    """What a reviewer is shown of a pair.

    Values of masked fields are not in the result at all. Of a comparison that reads one, or of which it is
    not known what it reads, there is the label of its level ("equal", "0.92 and more") without its weight.
    Where weights depend on a masked field, there is no weight, posterior or reason of any pair, either: the
    weight less the parts that are shown would be that of what is masked. A blind view has nothing of what the
    machine thinks, and other candidates in an order that tells nothing.

    Parameters
    ----------
    case : PairCase
        The case, with all that is known.
    fields : sequence of str
        Fields of the casebook, in the order of the page.
    sight : Sight
        What the reviewer may see.

    Returns
    -------
    PairView

    Examples
    --------
    >>> from tallystick.review.cases import CaseRecord, PairCase, RecordKey
    >>> ann = CaseRecord(RecordKey("census", "1"), {"name": "ann", "born": "1970"})
    >>> anna = CaseRecord(RecordKey("survey", "7"), {"name": "anna", "born": "1970"})
    >>> case = PairCase(ann, anna, 3.2, 0.6, (), "possible", "between the thresholds")
    >>> view = show_pair(case, ("name", "born"), Sight(frozenset({"name"}), blind=True))
    >>> [row.field for row in view.rows], view.weight
    (['born'], None)
    """
    shown = sight.shown(fields)
    single: dict[str, list[PartRow]] = {name: [] for name in shown}
    others: list[PartRow] = []
    for part in () if sight.blind else case.parts:
        read = set(part.left) | set(part.right)
        home = next(iter(read)) if len(read) == 1 else None
        rows = others if home is None else single.get(home, others)
        rows.append(_part(part, read, sight))
    return PairView(
        "pair",
        shown,
        sight.kept_back(fields),
        sight.blind,
        sight.weights,
        case.left.key,
        case.right.key,
        tuple(_row(name, case.left, case.right, tuple(single[name])) for name in shown),
        tuple(others),
        case.weight if sight.weights else None,
        case.posterior if sight.weights else None,
        None if sight.blind else case.decision,
        case.reason if sight.weights else None,
        _candidates(case.left_candidates, case.left, shown, sight),
        _candidates(case.right_candidates, case.right, shown, sight),
        _plain(case.left_household, shown),
        _plain(case.right_household, shown),
        () if sight.blind else _plain(case.entity, shown),
    )


def show_record(
    case: RecordCase, fields: Sequence[str], partners: tuple[str, ...], sight: Sight
) -> RecordView:
    """What a reviewer is shown of a record and who it may be (see `show_pair`).

    Parameters
    ----------
    case : RecordCase
        The case.
    fields, sight
        As of `show_pair`.
    partners : tuple of str
        Sources that can be searched for it.

    Returns
    -------
    RecordView
    """
    shown = sight.shown(fields)
    return RecordView(
        "record",
        shown,
        sight.kept_back(fields),
        sight.blind,
        sight.weights,
        case.record.key,
        _cells(case.record, shown),
        _candidates(case.candidates, case.record, shown, sight),
        _plain(case.household, shown),
        partners,
    )


def show_found(
    found: Sequence[CaseRecord], record: CaseRecord | None, fields: Sequence[str], sight: Sight
) -> tuple[OtherRecord, ...]:
    """Records that a search has found, marked where they differ from the one that they may be.

    Parameters
    ----------
    found : sequence of CaseRecord
        The records.
    record : CaseRecord or None
        Whom they may be.
    fields, sight
        As of `show_pair`.

    Returns
    -------
    tuple of OtherRecord
    """
    shown = sight.shown(fields)
    return tuple(OtherRecord(one.key, _cells(one, shown, record)) for one in found)


def check_words(words: Mapping[str, str], fields: Sequence[str], sight: Sight) -> dict[str, str]:
    """The words of a search, by fields that the reviewer sees.

    Words that may stand in any field are under the empty name. A search in a masked field is refused: it
    would tell its values by trial.

    Parameters
    ----------
    words : mapping of str to str
        Words by field.
    fields, sight
        As of `show_pair`.

    Returns
    -------
    dict of str to str
        Without blank ones.

    Raises
    ------
    InputError
        Where a field is masked or unknown, or all words are blank.
    """
    kept = {name: text.strip() for name, text in words.items() if text.strip()}
    for name in kept:
        if name in sight.masked and name in fields:
            raise InputError(f"The field {name} is masked for you and cannot be searched.")
        if name and name not in fields:
            raise InputError(f"There is no field {name!r} to search in.")
    if not kept:
        raise InputError("Write what is to be searched for.")
    return kept


def seen(view: PairView | RecordView, chosen: OtherRecord | None = None) -> dict[str, Any]:
    """What was on the page, as it is kept with a decision.

    Parameters
    ----------
    view : PairView or RecordView
        What was shown.
    chosen : OtherRecord, optional
        The record that was chosen, with what was shown of it.

    Returns
    -------
    dict
        Values as texts by field, weight and posterior as far as they were shown, who the candidates were.

    Examples
    --------
    >>> from tallystick.review.cases import CaseRecord, RecordCase, RecordKey
    >>> case = RecordCase(CaseRecord(RecordKey("census", "1"), {"name": "ann", "born": None}), ())
    >>> seen(show_record(case, ("name", "born"), (), Sight()))["values"]
    {'name': 'ann', 'born': None}
    """
    kept: dict[str, Any] = {"blind": view.blind, "masked": list(view.masked)}
    if isinstance(view, PairView):
        kept |= {
            "left": {row.field: _text(row.left) for row in view.rows},
            "right": {row.field: _text(row.right) for row in view.rows},
            "weight": view.weight,
            "posterior": view.posterior,
            "decision": view.decision,
            "parts": [asdict(part) for part in (*(p for row in view.rows for p in row.parts), *view.parts)],
            "left_candidates": [list(one.key) for one in view.left_candidates],
            "right_candidates": [list(one.key) for one in view.right_candidates],
        }
    else:
        kept |= {
            "values": texts(view.fields, view.cells),
            "candidates": [_kept(one, view.fields) for one in view.candidates],
        }
    if chosen is not None:
        kept["chosen"] = _kept(chosen, view.fields)
    return kept


def _kept(one: OtherRecord, fields: Sequence[str]) -> dict[str, Any]:
    return {
        "record": list(one.key),
        "values": texts(fields, one.cells),
        "weight": one.weight,
        "posterior": one.posterior,
        "decision": one.decision,
    }


def texts(fields: Sequence[str], cells: Sequence[tuple[Piece, ...] | None]) -> dict[str, str | None]:
    """Values as texts, by field."""
    return {name: _text(cell) for name, cell in zip(fields, cells, strict=True)}


def _text(pieces: tuple[Piece, ...] | None) -> str | None:
    return None if pieces is None else "".join(piece.text for piece in pieces)


def _part(part: Part, read: Collection[str], sight: Sight) -> PartRow:
    hidden = bool(sight.masked & set(read)) if read else not sight.weights
    return PartRow(part.comparison, part.label, None if hidden else part.weight)


def _row(name: str, left: CaseRecord, right: CaseRecord, parts: tuple[PartRow, ...]) -> FieldRow:
    a, b = left.values.get(name), right.values.get(name)
    found = differences(a, b)
    relation: Relation = "missing" if a is None or b is None else "differs" if found.differ else "equal"
    return FieldRow(
        name, None if a is None else found.left, None if b is None else found.right, relation, parts
    )


def _cells(
    record: CaseRecord, fields: Sequence[str], beside: CaseRecord | None = None
) -> tuple[tuple[Piece, ...] | None, ...]:
    """Values in pieces, marked where they differ from those of another record."""
    cells: list[tuple[Piece, ...] | None] = []
    for name in fields:
        value = record.values.get(name)
        other = value if beside is None else beside.values.get(name)
        cells.append(None if value is None else differences(other, value).right)
    return tuple(cells)


def _plain(records: Sequence[CaseRecord], fields: Sequence[str]) -> tuple[OtherRecord, ...]:
    return tuple(OtherRecord(one.key, _cells(one, fields)) for one in records)


def _candidates(
    candidates: Sequence[Candidate], record: CaseRecord, fields: Sequence[str], sight: Sight
) -> tuple[OtherRecord, ...]:
    ordered = sorted(candidates, key=lambda one: _scattered(one.record.key)) if sight.blind else candidates
    return tuple(
        OtherRecord(
            one.record.key,
            _cells(one.record, fields, record),
            one.weight if sight.weights else None,
            one.posterior if sight.weights else None,
            None if sight.blind else one.decision,
        )
        for one in ordered
    )


def _scattered(key: RecordKey) -> bytes:
    """An order that says nothing of a record, the same at every look."""
    return hashlib.sha256("\0".join(key).encode("utf-8", "surrogatepass")).digest()
