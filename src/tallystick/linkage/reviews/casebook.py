"""The cases of a run for those who judge them: its records and pairs, found quickly one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick._progress import Progress, silent
from tallystick.errors import InputError
from tallystick.linkage.household_links import HouseholdLinks
from tallystick.linkage.identify import known_records
from tallystick.linkage.model import Model
from tallystick.linkage.reviews.record_search import RecordSearch
from tallystick.linkage.saved_run import SavedRun, limits_of, open_run
from tallystick.linkage.why import row_of_record
from tallystick.linking.decide import Verdict
from tallystick.preparation.read import ID_COLUMN, named_column, no_such_column, open_source, read_columns
from tallystick.records.encode import encode_jointly, encode_values
from tallystick.records.records import Column, Records
from tallystick.review.cases import Candidate, CaseRecord, PairCase, Part, RecordCase, RecordKey

MOST_CANDIDATES = 20
"""Candidates of a record that are shown, the heaviest first."""
MOST_TOGETHER = 50
"""Other records of a household or of an entity that are shown."""

Ints = NDArray[np.int64]


class RunCasebook:
    """The records and pairs of one run, as `tallystick.review.cases.Casebook` asks for them.

    Values of the fields that the linkage uses are shown as they were compared, those of further columns as
    they were read.

    Parameters
    ----------
    opened : SavedRun
        The run.
    columns : sequence of str
        Fields or columns of the sources that are shown besides.

    Raises
    ------
    InputError
        Where no source has a column, or it holds the truth.
    """

    def __init__(self, opened: SavedRun, columns: Sequence[str] = ()) -> None:
        self.opened = opened
        records = opened.prepared.records
        self.run: str = opened.fingerprint
        self.model: str = opened.model_version
        self.title: str = opened.facts["spec"].get("name") or opened.folder.name
        self.sources: tuple[str, ...] = records.sources
        self._columns: dict[str, Column] = {**records.columns, **_further(opened, columns)}
        self.fields: tuple[str, ...] = tuple(self._columns)
        self._compared = _compared(opened)
        spec = opened.prepared.spec
        self.weighed: frozenset[str] = frozenset(
            (
                *(field for one in spec.comparisons for field in (*one.left, *one.right)),
                *(spec.households.fields if spec.households else ()),
            )
        )

    def pair(self, left: RecordKey, right: RecordKey) -> PairCase:
        """Two records side by side.

        Parameters
        ----------
        left, right : RecordKey
            Their names.

        Returns
        -------
        PairCase

        Raises
        ------
        InputError
            Where one does not exist, or the linkage does not compare the two.
        """
        rows = self.row(left), self.row(right)
        if right.source not in self.partners(left.source) or rows[0] == rows[1]:
            raise InputError(
                f"{left.id!r} of source {left.source!r} and {right.id!r} of source {right.source!r} are not "
                "compared by this linkage: name two records that are."
            )
        sides = [(rows[0], left), (rows[1], right)]
        (low, first), (high, second) = sorted(sides)
        others = [
            tuple(one for one in self._candidates(row) if one.record.key != other)
            for row, other in zip(rows, (right, left), strict=True)
        ]
        shown = {
            "left": self._record(rows[0]),
            "right": self._record(rows[1]),
            "left_candidates": others[0],
            "right_candidates": others[1],
            "left_household": self._household(rows[0]),
            "right_household": self._household(rows[1]),
            "entity": self._entity(rows),
        }
        try:
            found = self.opened.why(first, second)
        except InputError as error:  # no step compared both
            at = self._kept_pair(low, high)
            decided = self.opened.decided
            verdict = Verdict.NON_LINK if at is None else Verdict(int(decided.verdict[at]))
            chance = None if at is None else float(decided.posterior[at])
            return PairCase(
                **shown,  # type: ignore[arg-type] # built just above
                weight=None,
                posterior=chance,
                parts=(),
                decision=verdict.label,
                reason=str(error),
            )
        parts = tuple(
            Part(
                part["comparison"],
                part["label"],
                part["weight"],
                *self._compared.get(part["comparison"], (tuple(self.weighed), tuple(self.weighed))),
            )
            for part in found.parts
        )
        return PairCase(
            **shown,  # type: ignore[arg-type] # built just above
            weight=found.weight,
            posterior=found.posterior,
            parts=parts,
            decision=found.decision,
            reason=found.reason,
        )

    def record(self, key: RecordKey) -> RecordCase:
        """A record and its best candidates.

        Parameters
        ----------
        key : RecordKey
            Its name.

        Returns
        -------
        RecordCase

        Raises
        ------
        InputError
            Where it does not exist.
        """
        row = self.row(key)
        return RecordCase(self._record(row), self._candidates(row), self._household(row))

    def kept_pairs(self, row: int) -> tuple[tuple[int, int], ...]:
        """Global rows, the left one first, of all pairs of a record that the run has kept."""
        starts, order = self._by_record
        pairs = self.opened.decided.pairs
        own = order[starts[row] : starts[row + 1]]
        return tuple(zip(pairs.left[own].tolist(), pairs.right[own].tolist(), strict=True))

    def partners(self, source: str) -> tuple[str, ...]:
        """Sources whose records a record of this source may be linked with.

        Parameters
        ----------
        source : str
            Its name.

        Returns
        -------
        tuple of str
        """
        found = []
        for s, t in self.opened.prepared.plan.blocking.source_pairs:
            names = self.sources[s], self.sources[t]
            if source in names:
                found.append(names[1] if names[0] == source else names[0])
        return tuple(dict.fromkeys(found))

    def once(self, key: RecordKey, source: str) -> bool:
        """Whether a record has one link at most with the records of a source.

        Parameters
        ----------
        key : RecordKey
            The record.
        source : str
            Name of a source whose records it may be linked with.

        Returns
        -------
        bool
        """
        pairs = self.opened.prepared.plan.blocking.source_pairs
        for limit, (s, t) in zip(limits_of(self.opened), pairs, strict=True):
            sides = self.sources[s], self.sources[t]
            if sides == (key.source, source):
                return limit.left_once
            if sides == (source, key.source):
                return limit.right_once
        return False

    def search(self, words: Mapping[str, str], sources: tuple[str, ...], most: int) -> tuple[CaseRecord, ...]:
        """Records whose fields are like the given words, the likest first.

        Parameters
        ----------
        words : mapping of str to str
            By field; those under the empty name may stand in any field, or be an id. Case does not matter.
        sources : tuple of str
            Whose records are wanted.
        most : int
            How many at most.

        Returns
        -------
        tuple of CaseRecord

        Raises
        ------
        InputError
            Where a field or a source does not exist.
        """
        for name in sources:
            if name not in self.sources:
                raise InputError(f"There is no source {name!r}: the sources are {', '.join(self.sources)}.")
        for field in words:
            if field and field not in self._columns:
                raise InputError(f"There is no field {field!r}: the fields are {', '.join(self.fields)}.")
        return tuple(self._record(row) for row in self._search.rows(words, sources, most))

    def row(self, key: RecordKey) -> int:
        """Global row of a record.

        Parameters
        ----------
        key : RecordKey
            Its name.

        Returns
        -------
        int

        Raises
        ------
        InputError
            Where there is no such record.
        """
        return row_of_record(self.opened.prepared, *key)

    def key(self, row: int) -> RecordKey:
        """Name of the record of a global row."""
        records = self.opened.prepared.records
        source = int(np.searchsorted(records.offsets, row, side="right") - 1)
        return RecordKey(records.sources[source], records.ids[row])

    @cached_property
    def _search(self) -> RecordSearch:
        return RecordSearch(self.opened.prepared.records, self._columns)

    @cached_property
    def _by_record(self) -> tuple[Ints, Ints]:
        """Where the kept pairs of each record begin, and the pairs, the heaviest of each record first."""
        pairs = self.opened.decided.pairs
        rows = np.concatenate((pairs.left, pairs.right))
        weight = np.where(np.isnan(pairs.weight), np.inf, pairs.weight)  # match keys give none
        order = np.lexsort((np.tile(-weight, 2), rows))
        starts = np.searchsorted(rows[order], np.arange(self.opened.prepared.records.n_records + 1))
        return starts, order % max(1, len(pairs))

    @cached_property
    def _members(self) -> tuple[Ints, Ints, Ints]:
        """Entity of each record, where the records of each entity begin, and these records."""
        return _entities(self.opened.prepared.records, self.opened.entities)

    def _kept_pair(self, low: int, high: int) -> int | None:
        starts, order = self._by_record
        pairs = self.opened.decided.pairs
        for at in order[starts[low] : starts[low + 1]]:
            if pairs.left[at] == low and pairs.right[at] == high:
                return int(at)
        return None

    def _record(self, row: int) -> CaseRecord:
        values = {name: column.values[0][int(column.codes[row])] for name, column in self._columns.items()}
        return CaseRecord(self.key(row), values)

    def _candidates(self, row: int) -> tuple[Candidate, ...]:
        starts, order = self._by_record
        decided = self.opened.decided
        pairs = decided.pairs
        found = []
        for at in order[starts[row] : min(starts[row + 1], starts[row] + MOST_CANDIDATES)]:
            other = int(pairs.right[at] if pairs.left[at] == row else pairs.left[at])
            weight = float(pairs.weight[at])
            found.append(
                Candidate(
                    self._record(other),
                    None if np.isnan(weight) else weight,
                    float(decided.posterior[at]),
                    Verdict(int(decided.verdict[at])).label,
                )
            )
        return tuple(found)

    def _household(self, row: int) -> tuple[CaseRecord, ...]:
        steps = self.opened.steps
        if not isinstance(steps, HouseholdLinks) or steps.stages is None:
            return ()
        made = steps.stages.first.households
        home = int(made.of[row])
        if home < 0:
            return ()
        members = made.members[made.starts[home] : made.starts[home + 1]]
        return tuple(self._record(int(one)) for one in members if one != row)[:MOST_TOGETHER]

    def _entity(self, rows: tuple[int, int]) -> tuple[CaseRecord, ...]:
        entity, starts, members = self._members
        found: list[int] = []
        for own in dict.fromkeys(int(entity[row]) for row in rows):
            found += [int(one) for one in members[starts[own] : starts[own + 1]] if one not in rows]
        return tuple(self._record(one) for one in sorted(found)[:MOST_TOGETHER])


def _compared(opened: SavedRun) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Fields of either side that the parts of weights read, by the name of the part."""
    found = {one.name: (one.left, one.right) for one in opened.prepared.spec.comparisons}
    model = opened.model
    estimated = (model.parameters,) if isinstance(model, Model) else model.steps
    for parameters in estimated:
        for one in () if parameters is None else parameters.interactions:
            own = [found[name] for name in one.names if name in found]
            if len(own) == len(one.names):
                left, right = (
                    [field for side in sides for field in side] for sides in zip(*own, strict=True)
                )
                found[one.label] = tuple(dict.fromkeys(left)), tuple(dict.fromkeys(right))
    return found


def open_casebook(
    folder: Path,
    columns: Sequence[str] = (),
    *,
    threads: int | None = None,
    progress: Progress = silent,
) -> RunCasebook:
    """Open the directory of a run to show its records and pairs.

    Parameters
    ----------
    folder : path
        The directory.
    columns : sequence of str
        Fields or columns of the sources that are shown besides those that the linkage uses.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far the reading is.

    Returns
    -------
    RunCasebook

    Raises
    ------
    InputError
        Where it is no complete run with a model, a source is gone or has changed, or has no such column.
    """
    return RunCasebook(open_run(folder, threads=threads, progress=progress), columns)


def _entities(records: Records, table: pl.DataFrame) -> tuple[Ints, Ints, Ints]:
    own = table.select("source", pl.col("id").cast(pl.String), "entity_id")
    joined = known_records(records).join(own, on=["source", "id"], how="left", maintain_order="left")
    entity = joined["entity_id"].rank("dense").fill_null(0).to_numpy().astype(np.int64)
    members = np.argsort(entity, kind="stable")
    starts = np.searchsorted(entity[members], np.arange(int(entity.max(initial=0)) + 2))
    return entity, starts, members


def _further(opened: SavedRun, names: Sequence[str]) -> dict[str, Column]:
    """Columns of the sources that the linkage does not use, as they were read."""
    records, sources = opened.prepared.records, opened.prepared.spec.sources
    result: dict[str, Column] = {}
    for name in dict.fromkeys(names):
        if name in records.columns:
            continue
        parts, held = [], False
        for number, source in enumerate(sources):
            own = named_column(source, open_source(source).columns, name)
            ids = records.ids[int(records.offsets[number]) : int(records.offsets[number + 1])]
            if own is not None:
                held = True
                read = read_columns(source, [own]).select(
                    pl.col(ID_COLUMN).alias("id"), pl.col(own).cast(pl.String, strict=False).alias("value")
                )
                found = pl.DataFrame({"id": ids}).join(read, on="id", how="left", maintain_order="left")
                parts.append(encode_values(found["value"]))
            else:
                parts.append(encode_values(pl.Series([None] * len(ids), dtype=pl.String)))
        if not held:
            raise no_such_column(sources, name)
        result[name] = encode_jointly(parts)
    return result
