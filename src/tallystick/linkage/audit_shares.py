"""How many missed pairs one finding of a record without a link stands for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import polars as pl

from tallystick.quality.audit_strata import FOUND, Outcome
from tallystick.review.cases import RecordKey

Finding = tuple[RecordKey, RecordKey]
"""A record without a link, and the record that it was found to be."""
ENDS = ("source_left", "id_left", "source_right", "id_right")


class Shares:
    """Missed pairs of records that are found to be other ones.

    A record that is found to belong to an entity is missed with every member of it that it may be linked
    with; and where the record that was found is itself one of those that could have been drawn, the pair
    could have been found twice, and counts half. A reviewer names one record; that the record is yet others
    is expected of its further candidates as the model has it.

    Parameters
    ----------
    findings : sequence of (RecordKey, RecordKey)
        What was found.
    drawable : polars.DataFrame
        ``source`` and ``id`` of the records without a link that could have been drawn.
    entities : polars.DataFrame
        ``source``, ``id`` and ``entity_id`` of all records.
    others : polars.DataFrame
        Pairs that are kept and no links: `ENDS` and ``posterior``.
    between : bool
        Whether only records of different sources may be linked.
    once : sequence of str
        Sources whose records have one match at most.

    Examples
    --------
    >>> a, b, c = (RecordKey("f", name) for name in "abc")
    >>> entities = pl.DataFrame({"source": "f", "id": ["a", "b", "c"], "entity_id": ["1", "2", "2"]})
    >>> pairs = pl.DataFrame(schema=dict.fromkeys(ENDS, pl.String) | {"posterior": pl.Float64})
    >>> shares = Shares([(a, c)], entities[:1].select("source", "id"), entities, pairs, between=False)
    >>> shares.missed(a, c).missed, shares.further(a, c)
    (2.0, 0.0)
    """

    def __init__(
        self,
        findings: Sequence[Finding],
        drawable: pl.DataFrame,
        entities: pl.DataFrame,
        others: pl.DataFrame,
        *,
        between: bool,
        once: Iterable[str] = (),
    ) -> None:
        self._between = between
        self._once = frozenset(once)
        names = keys_table(key for one in findings for key in one)
        self._posterior = _posteriors(others, names)
        named = set(self._posterior) | {key for one in findings for key in one}
        self._drawable = _keys(keys_table(named).join(drawable, on=["source", "id"], how="semi"))
        own = entities.join(keys_table(named), on=["source", "id"], how="semi")
        members = entities.join(own.select("entity_id").unique(), on="entity_id", how="semi")
        self._entity: dict[RecordKey, str] = {}
        self._members: dict[str, list[RecordKey]] = {}
        for source, id_, entity in members.select("source", "id", "entity_id").iter_rows():
            self._entity[RecordKey(source, id_)] = entity
            self._members.setdefault(entity, []).append(RecordKey(source, id_))

    def missed(self, record: RecordKey, chosen: RecordKey) -> Outcome:
        """What is missed where a record is found to be another one."""
        if chosen in self._drawable:
            return _missed(0.5)
        members = self._members.get(self._entity.get(chosen, ""), [chosen])
        allowed = [one for one in members if not self._between or one.source != record.source]
        return _missed(1.0 if record.source in self._once else float(max(1, len(allowed))))

    def further(self, record: RecordKey, chosen: RecordKey) -> float:
        """Expected missed pairs of a record with others than the entity of the record that it is.

        Who is also the record is also the record that was found: so the smaller of both posteriors counts.
        """
        if record.source in self._once:
            return 0.0
        entity = self._entity.get(chosen)
        of_chosen = self._posterior.get(chosen, {})
        return math.fsum(
            min(posterior, of_chosen.get(other, 0.0)) * (0.5 if other in self._drawable else 1.0)
            for other, posterior in self._posterior.get(record, {}).items()
            if other != chosen and (entity is None or self._entity.get(other) != entity)
        )


def keys_table(keys: Iterable[RecordKey]) -> pl.DataFrame:
    """Names of records as a table of ``source`` and ``id``, each once."""
    return pl.DataFrame(
        list(dict.fromkeys(keys)), schema={"source": pl.String, "id": pl.String}, orient="row"
    )


def _keys(table: pl.DataFrame) -> set[RecordKey]:
    return {RecordKey(source, id_) for source, id_ in table.select("source", "id").iter_rows()}


def _posteriors(others: pl.DataFrame, names: pl.DataFrame) -> dict[RecordKey, dict[RecordKey, float]]:
    """Of the named records the posterior of each of their pairs, by the other record."""
    found: dict[RecordKey, dict[RecordKey, float]] = {}
    for side, other in (("left", "right"), ("right", "left")):
        own = others.join(
            names, left_on=[f"source_{side}", f"id_{side}"], right_on=["source", "id"], how="semi"
        )
        columns = [f"{name}_{end}" for end in (side, other) for name in ("source", "id")]
        for a, b, c, d, posterior in own.select(*columns, "posterior").iter_rows():
            found.setdefault(RecordKey(a, b), {})[RecordKey(c, d)] = posterior
    return found


def _missed(pairs: float) -> Outcome:
    return FOUND if pairs == 1 else Outcome(f"{FOUND.name} ({pairs:g} pairs)", missed=pairs)
