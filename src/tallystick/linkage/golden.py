"""The golden record of each entity: for every field the value that a rule takes, and where it is from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from tallystick._problems import nearest
from tallystick.errors import InputError
from tallystick.linking.entities import Golden, GoldenRule
from tallystick.preparation.read import ID_COLUMN, open_source, read_columns
from tallystick.preparation.source import Source

SUFFIXES = ("_source", "_id", "_records")
"""Of the columns that say where a value is from: source and id of a record, and how many records have it."""
_ENTITY = "entity_id"


def golden_records(entities: pl.DataFrame, sources: Sequence[Source], golden: Golden) -> pl.DataFrame:
    """One record for each entity, put together of the values that its records have in the sources.

    Parameters
    ----------
    entities : polars.DataFrame
        As `Links.entities`: ``entity_id``, ``source``, ``id``.
    sources : sequence of Source
        Where the records are; read again, but for their truth columns.
    golden : Golden
        Which value is taken, field by field.

    Returns
    -------
    polars.DataFrame
        ``entity_id``, ``records`` (their number), and for each field FIELD its value as the source has it (as
        text where the sources differ in type), ``FIELD_source`` and ``FIELD_id`` of the record that it is
        from, and ``FIELD_records``, the number of records that have this very value; in the order of the
        entities' first records. A field is null where no record of the entity has it.

    Raises
    ------
    InputError
        Where a rule names a field, a date or a source that does not exist.
    """
    columns = check_golden(golden, sources)
    parts = []
    for number, source in enumerate(sources):
        own = {field: of[source.name] for field, of in columns.items() if source.name in of}
        frame = read_columns(source, list(dict.fromkeys(own.values())))
        parts.append(
            frame.select(
                pl.lit(source.name).alias("source of record"),
                pl.lit(number).alias("number of source"),
                pl.col(ID_COLUMN).alias("id of record"),
                *(pl.col(column).alias(f"field {field}") for field, column in own.items()),
            )
        )
    entity = entities["entity_id"].unique(maintain_order=True)
    numbers = pl.DataFrame({_ENTITY: entity, "entity": np.arange(len(entity), dtype=np.int64)})
    key = ["source of record", "id of record"]
    numbered = entities.rename({"source": key[0], "id": key[1]}).join(numbers, on=_ENTITY, how="left")
    records = numbered.join(_together(parts), on=key, how="left").sort("number of source", "id of record")
    filled = pl.sum_horizontal(pl.col(f"field {field}").is_not_null().cast(pl.Int64) for field in columns)
    records = records.with_columns(filled.alias("filled"))
    result = [entity, records.group_by("entity").len().sort("entity")["len"].alias("records")]
    for field in columns:
        result += _chosen(records, field, golden.rule_of(field), [one.name for one in sources], len(entity))
    return pl.DataFrame(result)


def check_golden(golden: Golden, sources: Sequence[Source]) -> dict[str, dict[str, str]]:
    """Fields that golden records have, each with the column of every source that holds it.

    Parameters
    ----------
    golden : Golden
        The rules.
    sources : sequence of Source
        Where the records are.

    Returns
    -------
    dict of str to dict of str to str

    Raises
    ------
    InputError
        Where a rule names a field, a date or a source that does not exist, or a field is called as a column
        that golden records need.
    """
    columns = _fields(sources)
    _check(golden, columns, sources)
    _check_names(columns)
    return columns


def _fields(sources: Sequence[Source]) -> dict[str, dict[str, str]]:
    """Field to the column of each source that holds it: all columns but ids and truth."""
    found: dict[str, dict[str, str]] = {}
    for source in sources:
        called = {column: field for field, column in source.columns.items()}
        for column in open_source(source).columns:
            if column != source.id and column not in source.truth:
                found.setdefault(called.get(column, column), {})[source.name] = column
    return found


def _check(golden: Golden, columns: Mapping[str, object], sources: Sequence[Source]) -> None:
    names = [source.name for source in sources]
    rules: list[tuple[str, GoldenRule]] = [("entities.golden", golden)]
    rules += [(f"entities.golden.fields.{field}", rule) for field, rule in golden.fields.items()]
    for field in golden.fields:
        _known(field, columns, f"entities.golden.fields: found the field {field!r}, which no source has")
    for place, rule in rules:
        if rule.date is not None:
            _known(rule.date, columns, f"{place}.date: found {rule.date!r}, a field that no source has")
        for name in rule.sources:
            _known(name, names, f"{place}.sources: found {name!r}, which is no source")


def _known(name: str, valid: Mapping[str, object] | Sequence[str], text: str) -> None:
    if name not in valid:
        near = nearest(name, list(valid))
        hint = f" (did you mean {near!r}?)" if near else ""
        raise InputError(f"{text}{hint}: choose among {', '.join(sorted(valid))}.")


def _check_names(columns: Mapping[str, object]) -> None:
    made = [_ENTITY, "records", *(f"{field}{suffix}" for field in columns for suffix in SUFFIXES)]
    for name in made:
        if name in columns:
            raise InputError(
                f"A source has a field called {name!r}, which golden records need for themselves: give it "
                "another name by columns of the source."
            )


def _together(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The records of all sources; a field as text where they differ in type."""
    types: dict[str, set[pl.DataType]] = {}
    for part in parts:
        for name, type_ in part.schema.items():
            types.setdefault(name, set()).add(type_)
    mixed = {name for name, found in types.items() if len(found) > 1}
    return pl.concat(
        [
            part.with_columns(_as_text(part, name).alias(name) for name in part.columns if name in mixed)
            for part in parts
        ],
        how="diagonal",
    )


def _chosen(
    records: pl.DataFrame, field: str, rule: GoldenRule, names: Sequence[str], n_entities: int
) -> list[pl.Series]:
    """Value, origin and count of one field for each entity."""
    own = records.select(
        "entity",
        _as_text(records, f"field {field}").alias("text"),
        _preference(records, rule, names).alias("preference"),
        pl.int_range(pl.len(), dtype=pl.Int64).alias("row"),  # in the order in which origins are preferred
    ).filter(pl.col("text").is_not_null())
    most = pl.col("preference") == pl.col("preference").max()
    first = pl.col("row").min() if rule.rule == "most_frequent" else pl.col("row").filter(most).min()
    values = own.group_by("entity", "text").agg(pl.len().alias("count"), pl.col("preference").max(), first)
    ranked = values.with_columns(pl.col("text").str.len_chars().alias("length")).sort(
        "preference", "count", "length", "text", descending=[True, True, True, False]
    )
    best = ranked.unique("entity", keep="first", maintain_order=False)
    chosen = pl.DataFrame({"entity": np.arange(n_entities, dtype=np.int64)}).join(
        best, on="entity", how="left", maintain_order="left"
    )
    at = chosen["row"]
    return [
        records[f"field {field}"].gather(at).alias(field),
        records["source of record"].gather(at).alias(f"{field}_source"),
        records["id of record"].gather(at).alias(f"{field}_id"),
        chosen["count"].alias(f"{field}_records"),
    ]


def _as_text(records: pl.DataFrame, name: str) -> pl.Expr:
    column = pl.col(name)
    if isinstance(records.schema[name], pl.List):
        return column.list.eval(pl.element().cast(pl.String)).list.join("|")
    return column.cast(pl.String)


def _preference(records: pl.DataFrame, rule: GoldenRule, names: Sequence[str]) -> pl.Expr:
    """How much a record is preferred, whatever its value."""
    if rule.rule == "most_complete":
        return pl.col("filled").cast(pl.Int64)
    if rule.rule == "by_source":
        order = [*rule.sources, *(name for name in names if name not in rule.sources)]
        ranks = {name: -place for place, name in enumerate(order)}
        return pl.col("source of record").replace_strict(ranks, return_dtype=pl.Int64)
    if rule.rule == "most_recent":
        date = pl.col(f"field {rule.date}")
        if records.schema[f"field {rule.date}"].is_temporal():
            return date.cast(pl.Datetime("us")).cast(pl.Int64).fill_null(-(2**63))
        # Text of a time of day after the date is compared as text would be, where it is written alike.
        text = date.cast(pl.String).str.strip_chars()
        valid = text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).is_not_null()
        return pl.when(valid).then(text.str.replace("T", " ", literal=True)).otherwise(pl.lit(""))
    return pl.lit(0, dtype=pl.Int64)
