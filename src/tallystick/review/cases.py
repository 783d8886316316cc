"""What a reviewer is shown: two records side by side, or one record and its best candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class RecordKey(NamedTuple):
    """The name of a record, which no other record has."""

    source: str
    id: str


@dataclass(frozen=True)
class CaseRecord:
    """A record with its values.

    Attributes
    ----------
    key : RecordKey
        Its name.
    values : mapping of str to (str or None)
        Values by field, in the order in which they are shown; None where missing.
    """

    key: RecordKey
    values: Mapping[str, str | None]


@dataclass(frozen=True)
class Part:
    """What one comparison adds to the weight of a pair.

    Attributes
    ----------
    comparison : str
        Its name.
    label : str
        What the level is called that the pair shows.
    weight : float
        Natural logarithm.
    left, right : tuple of str
        Fields that it reads; empty where they are not known.
    """

    comparison: str
    label: str
    weight: float
    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A record that another one may be.

    Attributes
    ----------
    record : CaseRecord
        The candidate.
    weight, posterior : float or None
        Of the pair; None where the run has not kept it.
    decision : str or None
        ``link``, ``possible`` or ``non-link``; None where the run has not kept the pair.
    """

    record: CaseRecord
    weight: float | None
    posterior: float | None
    decision: str | None


@dataclass(frozen=True)
class PairCase:
    """Two records side by side.

    Attributes
    ----------
    left, right : CaseRecord
        The records.
    weight, posterior : float or None
        Of the pair; the posterior is None where the run has not kept the pair.
    parts : tuple of Part
        The weight split by comparison; empty where no step compared both.
    decision : str
        ``link``, ``possible`` or ``non-link``.
    reason : str
        A sentence that says why.
    left_candidates, right_candidates : tuple of Candidate
        Other candidates of either record, the heaviest first.
    left_household, right_household : tuple of CaseRecord
        Who lives with them.
    entity : tuple of CaseRecord
        The other records of the entity that the two would be in.
    """

    left: CaseRecord
    right: CaseRecord
    weight: float | None
    posterior: float | None
    parts: tuple[Part, ...]
    decision: str
    reason: str
    left_candidates: tuple[Candidate, ...] = ()
    right_candidates: tuple[Candidate, ...] = ()
    left_household: tuple[CaseRecord, ...] = ()
    right_household: tuple[CaseRecord, ...] = ()
    entity: tuple[CaseRecord, ...] = ()


@dataclass(frozen=True)
class RecordCase:
    """One record and who it may be.

    Attributes
    ----------
    record : CaseRecord
        The record.
    candidates : tuple of Candidate
        Its best candidates, the heaviest first.
    household : tuple of CaseRecord
        Who lives with it.
    """

    record: CaseRecord
    candidates: tuple[Candidate, ...]
    household: tuple[CaseRecord, ...] = ()


class Casebook(Protocol):
    """Where cases come from: the records and pairs of one run.

    Attributes
    ----------
    run : str
        Fingerprint of the run.
    model : str
        SHA-256 of its model.
    title : str
        What the linkage is called.
    sources : tuple of str
        Names of its sources.
    fields : tuple of str
        Fields that are shown, in this order.
    weighed : frozenset of str
        Fields that weights depend on.
    """

    run: str
    model: str
    title: str
    sources: tuple[str, ...]
    fields: tuple[str, ...]
    weighed: frozenset[str]

    def pair(self, left: RecordKey, right: RecordKey) -> PairCase:
        """Two records side by side; `InputError` where one does not exist."""

    def record(self, key: RecordKey) -> RecordCase:
        """A record and its best candidates; `InputError` where it does not exist."""

    def partners(self, source: str) -> tuple[str, ...]:
        """Sources whose records a record of this source may be linked with."""

    def once(self, key: RecordKey, source: str) -> bool:
        """Whether a record has one link at most with the records of a source."""

    def search(self, words: Mapping[str, str], sources: tuple[str, ...], most: int) -> tuple[CaseRecord, ...]:
        """Records whose fields are like the given words, the likest first.

        `words` are by field; those under the empty name may stand in any field. Case does not matter.
        """
