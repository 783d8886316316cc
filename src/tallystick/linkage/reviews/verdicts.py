"""What people decided of the records of a run, as pairs of rows, and whether it can all be true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.constraint import Constraint
from tallystick.errors import InputError
from tallystick.linkage.reviews.casebook import RunCasebook
from tallystick.linking.cluster import connected_components
from tallystick.review.cases import RecordKey
from tallystick.review.standing import Standing

SHOWN = 20
"""Contradictions that a message names."""
TWO, ONE = "though it has one link at most", "though the source has at most one record of each"
"""How the sentences end that are wrong where a source has several records of one."""
EARLIER = "an earlier review"
"""What has decided a pair of a run that is finalised for the second time."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Verdicts:
    """Pairs of records that people have decided, each once, by left and right row.

    Attributes
    ----------
    left, right : int32 arrays, shape (n,)
        Global rows, left < right.
    match : bool array, shape (n,)
        Whether they are one.
    by : tuple of str
        Which decision said so of each, as a message names it.
    judged : int32 array, shape (n,)
        The record that was judged, where the pair follows from that; -1 where the pair itself was judged.
    without : mapping of int to str
        Records of which a decision says that they have no match, and which: no pair of theirs is one, those
        included that are kept only once parameters are estimated anew.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    match: NDArray[np.bool_]
    by: tuple[str, ...]
    judged: NDArray[np.int32]
    without: dict[int, str]

    def __len__(self) -> int:
        return len(self.left)

    @property
    def records(self) -> dict[int, bool]:
        """Rows of the records that were judged, and whether they have a match."""
        linked = self.judged[self.match & (self.judged >= 0)].tolist()
        return {**dict.fromkeys(self.without, False), **dict.fromkeys(linked, True)}


def read_verdicts(book: RunCasebook, standing: Sequence[Standing]) -> Verdicts:
    """The pairs that decisions settle.

    A pair that is judged a link or a non-link is settled. A record that is judged to be one of its
    candidates is linked with it; where it is judged to be none of them, it has no match, so that all pairs of
    it that are kept are non-links, those included that were not shown for their number. Unsure settles
    nothing, nor does a task that is open or in disagreement. What an earlier review of a finalised run has
    settled stays so unless it is decided anew.

    Parameters
    ----------
    book : RunCasebook
        The records and the candidates that are shown of each.
    standing : sequence of Standing
        What people decided, of all worklists.

    Returns
    -------
    Verdicts

    Raises
    ------
    InputError
        Where a decision is of a record that does not exist or of a pair that is not compared, or two
        decisions differ about one pair.
    """
    said: dict[Pair, tuple[bool, str, int]] = {}
    wrong: list[str] = []
    without: dict[int, str] = {}

    def settle(pair: Pair, match: bool, by: str, judged: int = -1) -> None:
        first = said.setdefault(pair, (match, by, judged))
        if first[0] != match:
            wrong.append(
                f"{first[1]} and {by} judge {_named(book, pair[0])} and {_named(book, pair[1])} differently"
            )
        elif judged < 0:
            said[pair] = (match, first[1], judged)

    for row in standing:
        if row.verdict not in ("link", "non-link"):
            continue
        number = f"{row.task.kind} {row.number}"  # as the application calls it
        by = f"decision {row.decisions[-1].number} ({number})" if row.decisions else number
        task, match = row.task, row.verdict == "link"
        if task.kind == "pair":
            assert task.right is not None
            settle(_rows(book, task.left, task.right, by), match, by)
            continue
        one = _record(book, task.left, by)
        if match:
            if row.chosen is None:
                raise InputError(f"{by}: it links {task.left.id!r} with no record: decide it anew.")
            settle(_rows(book, task.left, row.chosen, by), True, by, one)
        else:
            without.setdefault(one, by)
            for pair in book.kept_pairs(one):
                settle(pair, False, by, one)
    if wrong:
        raise InputError(contradicted(wrong))
    linked = {row for pair, (match, _, _) in said.items() if match for row in pair}
    records = _earlier_records(book)
    for pair, match in _earlier(book).items():
        judged = next((row for row in pair if records.get(row) == match), -1)
        said.setdefault(pair, (match, EARLIER, judged))
    for one, has_match in records.items():
        if not has_match and one not in linked:
            without.setdefault(one, EARLIER)
    pairs = sorted(said)
    return Verdicts(
        np.array([pair[0] for pair in pairs], np.int32),
        np.array([pair[1] for pair in pairs], np.int32),
        np.array([said[pair][0] for pair in pairs], np.bool_),
        tuple(said[pair][1] for pair in pairs),
        np.array([said[pair][2] for pair in pairs], np.int32),
        without,
    )


def contradictions(
    found: Verdicts,
    book: RunCasebook,
    limits: Sequence[Constraint],
    duplicate_free: Sequence[bool],
) -> Iterator[str]:
    """Decisions that cannot all be true, a sentence each; decisions are named by number, records by id.

    Parameters
    ----------
    found : Verdicts
        The decisions.
    book : RunCasebook
        The records.
    limits : sequence of Constraint
        For each pair of sources, which records have at most one link.
    duplicate_free : sequence of bool
        Which sources have at most one record an entity.

    Yields
    ------
    str
    """
    prepared = book.opened.prepared
    records = prepared.records
    number = {pair: k for k, pair in enumerate(prepared.plan.blocking.source_pairs)}
    links = [
        (int(a), int(b), by)
        for a, b, match, by in zip(found.left, found.right, found.match, found.by, strict=True)
        if match
    ]
    source = prepared.source_of(np.arange(records.n_records))
    partner: dict[tuple[int, int], tuple[int, str]] = {}
    told: set[Pair] = set()
    for a, b, by in links:
        s, t = int(source[a]), int(source[b])
        limit = limits[number[(s, t)]]
        for row, other, in_source, once in ((a, b, t, limit.left_once), (b, a, s, limit.right_once)):
            if not once:
                continue
            first = partner.setdefault((row, in_source), (other, by))
            if first[0] != other:
                told.add((min(first[0], other), max(first[0], other)))
                yield (
                    f"{first[1]} and {by} link {_named(book, row)} with two records, "
                    f"{_named(book, first[0])} and {_named(book, other)}, {TWO}"
                )
        for row, other in ((a, b), (b, a)):
            if row in found.without:
                yield (
                    f"{found.without[row]} finds no match of {_named(book, row)}, but {by} links it with "
                    f"{_named(book, other)}"
                )
    left, right = (np.array([one[side] for one in links], np.int64) for side in (0, 1))
    entity = connected_components(left, right, records.n_records)
    for a, b, match, by in zip(found.left, found.right, found.match, found.by, strict=True):
        if not match and entity[a] == entity[b]:
            chain = ", ".join(_chain(links, int(a), int(b)))
            yield (
                f"{by} says that {_named(book, int(a))} and {_named(book, int(b))} are two, but the links of "
                f"{chain} join them through other records"
            )
    for s, free in enumerate(duplicate_free):
        own = entity[records.rows(s).start : records.rows(s).stop]
        for one in np.flatnonzero(np.bincount(own) > 1) if free else ():
            a, b = (int(row) + records.rows(s).start for row in np.flatnonzero(own == one)[:2])
            if (a, b) in told:  # that a record has both says it already
                continue
            chain = ", ".join(_chain(links, a, b))
            yield (f"the links of {chain} make {_named(book, a)} and {_named(book, b)} one entity, {ONE}")


def check_verdicts(
    found: Verdicts, book: RunCasebook, limits: Sequence[Constraint], duplicate_free: Sequence[bool]
) -> None:
    """Raise `InputError` where decisions cannot all be true (see `contradictions`)."""
    wrong = list(contradictions(found, book, limits, duplicate_free))
    if wrong:
        raise InputError(contradicted(wrong, book.opened.facts.get("finalised", {}).get("run")))


def contradicted(wrong: Sequence[str], earlier: str | None = None) -> str:
    """The message for decisions that contradict each other, or those of an earlier review of a run."""
    many = "1 contradiction" if len(wrong) == 1 else f"{len(wrong)} contradictions"
    lines = [f"{many} among the decisions; nothing was written:", *(f"- {one}" for one in wrong[:SHOWN])]
    if len(wrong) > SHOWN:
        lines.append(f"- and {len(wrong) - SHOWN} more")
    if any(EARLIER in one for one in wrong):
        lines.append(
            f"The earlier decision stands with the run {earlier} that this one was made of: undo the "
            "decision here, or decide it otherwise there and finalise that run anew."
        )
    else:
        lines.append(
            "Open one task of each line in tallystick review, under Search and list, and undo its verdict or "
            "settle it as non-link, or as unsure, which leaves the pair to the model; then finalise again."
        )
    if any(text in one for one in wrong for text in (TWO, ONE)):
        lines.append(
            "Where both links are right, a source has several records of one: then link anew with links that "
            'allow it (one_to_one = false, or links = "one_to_many"; duplicate_free = false), and review '
            "that run."
        )
    return "\n".join(lines)


def _rows(book: RunCasebook, one: RecordKey, other: RecordKey, by: str) -> Pair:
    if other.source not in book.partners(one.source) or one == other:
        raise InputError(
            f"{by}: {one.id!r} of source {one.source!r} and {other.id!r} of source {other.source!r} are not "
            "compared by this linkage: undo it."
        )
    rows = _record(book, one, by), _record(book, other, by)
    return min(rows), max(rows)


def _record(book: RunCasebook, key: RecordKey, by: str) -> int:
    try:
        return book.row(key)
    except InputError as error:
        raise InputError(f"{by}: {error}") from error


def _named(book: RunCasebook, row: int) -> str:
    key = book.key(row)
    return repr(key.id) if len(book.sources) == 1 else f"{key.id!r} of source {key.source!r}"


def _earlier(book: RunCasebook) -> dict[Pair, bool]:
    """What an earlier review has settled, which a finalised run keeps with its pairs."""
    links, decided = book.opened.links, book.opened.decided
    if "decided_by" not in links.columns:
        return {}
    own = (links["decided_by"] == "reviewer").to_numpy()
    said = (decided.pairs.left, decided.pairs.right, decided.links)
    return {(a, b): link for a, b, link in zip(*(column[own].tolist() for column in said), strict=True)}


def _earlier_records(book: RunCasebook) -> dict[int, bool]:
    """The records that an earlier review has judged, and whether they have a match."""
    told = book.opened.facts.get("finalised", {}).get("records", ())
    return {book.row(RecordKey(one["source"], one["id"])): one["match"] for one in told}


def _chain(links: Sequence[tuple[int, int, str]], start: int, end: int) -> list[str]:
    """Decisions whose links lead from one record to another, by the shortest way."""
    around: dict[int, list[tuple[int, str]]] = {}
    for a, b, by in links:
        around.setdefault(a, []).append((b, by))
        around.setdefault(b, []).append((a, by))
    came: dict[int, tuple[int, str]] = {start: (start, "")}
    queue = [start]
    for row in queue:
        for other, by in around.get(row, ()):
            if other not in came:
                came[other] = (row, by)
                queue.append(other)
    found = []
    while end != start:
        end, by = came[end]
        found.append(by)
    return list(dict.fromkeys(reversed(found)))
