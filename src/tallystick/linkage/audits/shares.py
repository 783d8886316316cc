"""How many missed pairs one finding of a record without a link stands for."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from tallystick.quality.audit_strata import FOUND, Outcome
from tallystick.review.cases import RecordKey

Finding = tuple[RecordKey, RecordKey]
"""A record without a link, and the record that it was found to be."""
ENDS = ("source_left", "id_left", "source_right", "id_right")


@dataclass(frozen=True)
class Verdicts:
    """What people have said of pairs and of records without a link, in the whole sample.

    Attributes
    ----------
    findings : sequence of (RecordKey, RecordKey)
        Records without a link, and whom they were found to be.
    alone : collection of RecordKey
        Records without a link that were found to have no match.
    pairs : mapping of (RecordKey, RecordKey) to bool
        Whether a pair, a link or none, was judged to be a match.
    """

    findings: Sequence[Finding]
    alone: Iterable[RecordKey] = ()
    pairs: Mapping[Finding, bool] | None = None


class Shares:
    """Missed pairs of records that are found to be other ones.

    A reviewer names one record, and that pair is missed. The record is missed with yet others where these
    are the named one's record, too: by what people have said of links and other pairs of the
    sample this is known, else it is expected with the posterior of the model. A pair of two records that
    could both have been drawn could have been found twice, and counts half.

    Parameters
    ----------
    verdicts : Verdicts
        What people have said.
    drawable : polars.DataFrame
        ``source`` and ``id`` of the records without a link that could have been drawn.
    entities : polars.DataFrame
        ``source``, ``id`` and ``entity_id`` of all records.
    links, others : polars.DataFrame
        Links, and pairs that are kept and no links: `ENDS` and ``posterior``.
    between : bool
        Whether only records of different sources may be linked.
    once : sequence of str
        Sources whose records have one match at most.

    Examples
    --------
    >>> a, b, c = (RecordKey("f", name) for name in "abc")
    >>> entities = pl.DataFrame({"source": "f", "id": ["a", "b", "c"], "entity_id": ["1", "2", "2"]})
    >>> empty = pl.DataFrame(schema=dict.fromkeys(ENDS, pl.String) | {"posterior": pl.Float64})
    >>> links = pl.DataFrame([("f", "b", "f", "c", 0.9)], schema=empty.schema, orient="row")
    >>> drawable = entities[:1].select("source", "id")
    >>> shares = Shares(Verdicts([(a, c)]), drawable, entities, links, empty, between=False)
    >>> shares.missed(a, c).missed, shares.further(a, c)
    (1.0, 0.9)
    >>> judged = Verdicts([(a, c)], pairs={(b, c): True})
    >>> shares = Shares(judged, drawable, entities, links, empty, between=False)
    >>> shares.missed(a, c).missed, shares.further(a, c)
    (2.0, 0.0)
    """

    def __init__(
        self,
        verdicts: Verdicts,
        drawable: pl.DataFrame,
        entities: pl.DataFrame,
        links: pl.DataFrame,
        others: pl.DataFrame,
        *,
        between: bool,
        once: Iterable[str] = (),
    ) -> None:
        self._between = between
        self._once = frozenset(once)
        judged = verdicts.pairs or {}
        asked = keys_table(key for one in verdicts.findings for key in one)
        self._posterior = _posteriors(others, asked)
        named = keys_table(key for one in (*verdicts.findings, *judged) for key in one)
        own = entities.join(named, on=["source", "id"], how="semi").select("entity_id").unique()
        members = entities.join(own, on="entity_id", how="semi").select("source", "id")
        self._linked = _posteriors(links, members)
        reached = keys_table(other for own in self._posterior.values() for other in own)
        candidates = pl.concat([named, members, reached]).unique()
        self._drawable = {
            RecordKey(*row) for row in candidates.join(drawable, on=["source", "id"], how="semi").iter_rows()
        }
        self._findings = frozenset(verdicts.findings)
        self._alone = frozenset(verdicts.alone)
        self._same: dict[RecordKey, set[RecordKey]] = {}
        self._different: set[frozenset[RecordKey]] = set()
        for (left, right), match in {**judged, **dict.fromkeys(verdicts.findings, True)}.items():
            if match:
                self._same.setdefault(left, set()).add(right)
                self._same.setdefault(right, set()).add(left)
            else:
                self._different.add(frozenset((left, right)))

    def missed(self, record: RecordKey, chosen: RecordKey) -> Outcome:
        """What is missed, as people have judged, where a record is found to be another one."""
        follow, named = 0.0, self._weight(chosen)
        for other in self._known(record, chosen):
            if (other, record) in self._findings:  # who in turn was found to be this record
                named += self._weight(other)
            else:
                follow += self._weight(other)
        return _missed(named, follow)

    def further(self, record: RecordKey, chosen: RecordKey) -> float:
        """Expected missed pairs of a record beside those that people have judged.

        Where a link of the record that was found is a match, the other end is the record as well: so the
        posteriors along links are multiplied. Of pairs that are no links the smaller of both posteriors
        counts, since who is also the record is also the record that was found.
        """
        if record.source in self._once:
            return 0.0
        expected = self._reached(record, chosen)
        of_chosen = self._posterior.get(chosen, {})
        for other, posterior in self._posterior.get(record, {}).items():
            least = min(posterior, of_chosen.get(other, 0.0))
            if least > expected.get(other, 0.0):
                expected[other] = least
        settled = {record, chosen, *self._known(record, chosen), *self._alone}
        return math.fsum(
            share * self._weight(other)
            for other, share in expected.items()
            if other not in settled
            and self._allowed(record, other)
            and frozenset((chosen, other)) not in self._different
        )

    def _known(self, record: RecordKey, chosen: RecordKey) -> set[RecordKey]:
        """Who else is the record, by what people have judged."""
        if record.source in self._once:
            return set()
        found, open_ = {record, chosen}, [record, chosen]
        while open_:
            new = self._same.get(open_.pop(), set()) - found
            found |= new
            open_ += new
        return {one for one in found - {record, chosen} if self._allowed(record, one)}

    def _reached(self, record: RecordKey, chosen: RecordKey) -> dict[RecordKey, float]:
        """How likely records are the same as both, by the best way along links and what was judged."""
        best, open_ = {record: 1.0, chosen: 1.0}, deque([record, chosen])
        while open_:
            one = open_.popleft()
            # Of a record with one match at most that match is known by now.
            linked = {} if one.source in self._once else self._linked.get(one, {})
            steps = {**linked, **dict.fromkeys(self._same.get(one, ()), 1.0)}
            for other, posterior in steps.items():
                share = best[one] * posterior
                if frozenset((one, other)) not in self._different and share > best.get(other, 0.0):
                    best[other] = share
                    open_.append(other)
        return best

    def _allowed(self, record: RecordKey, other: RecordKey) -> bool:
        return not self._between or other.source != record.source

    def _weight(self, other: RecordKey) -> float:
        return 0.5 if other in self._drawable else 1.0


def keys_table(keys: Iterable[tuple[str, str]]) -> pl.DataFrame:
    """Names of records as a table of ``source`` and ``id``, each once."""
    return pl.DataFrame(
        list(dict.fromkeys(keys)), schema={"source": pl.String, "id": pl.String}, orient="row"
    )


def _posteriors(pairs: pl.DataFrame, names: pl.DataFrame) -> dict[RecordKey, dict[RecordKey, float]]:
    """Of the named records the posterior of each of their pairs, by the other record."""
    found: dict[RecordKey, dict[RecordKey, float]] = {}
    for side, other in (("left", "right"), ("right", "left")):
        own = pairs.join(
            names, left_on=[f"source_{side}", f"id_{side}"], right_on=["source", "id"], how="semi"
        )
        columns = [f"{name}_{end}" for end in (side, other) for name in ("source", "id")]
        for a, b, c, d, posterior in own.select(*columns, "posterior").iter_rows():
            found.setdefault(RecordKey(a, b), {})[RecordKey(c, d)] = posterior
    return found


def _missed(named: float, follow: float) -> Outcome:
    """The outcome of a finding of a pair, or half of one, from which others follow."""
    if not follow and named == 1:
        return FOUND
    also = f", and {follow:g} that follow" if follow else ""
    return Outcome(f"{FOUND.name} (pairs: {named:g}{also})", missed=named + follow, follow=follow)
