"""A file of decisions, read row by row; what is wrong is said by its row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast, get_args

import polars as pl

from tallystick.errors import InputError
from tallystick.preparation.read import open_source
from tallystick.preparation.source import Source
from tallystick.review.cases import RecordKey
from tallystick.review.exporting import WORDS
from tallystick.review.formulas import unguarded
from tallystick.review.tasks import Verdict

NEEDED = ("left_source", "left_id", "right_source", "right_id", "verdict", "run", "model")
_OPTIONAL = (
    "worklist", "chosen_source", "chosen_id", "comment", "reviewer", "at", "kind", "number", "undoes", "seen",
)  # fmt: skip
_KINDS = ("review", "adjudication", "import", "undo")


@dataclass(frozen=True)
class FileRow:
    """A row of a file of decisions.

    Attributes
    ----------
    line : int
        Which row it is, from 1, the header not counted.
    worklist : str or None
        To which the task belongs, where the file says it.
    left : RecordKey
        The left record of a pair, or the record.
    right : RecordKey or None
        The right record of a pair.
    kind : {"import", "adjudication", "undo"}
        How the decision is kept.
    verdict, chosen, comment, reviewer, at, seen
        As of `tallystick.review.tasks.Decision`; None where the file does not say it.
    number, undoes : int or None
        By which rows of the file name each other.
    """

    line: int
    worklist: str | None
    left: RecordKey
    right: RecordKey | None
    kind: Literal["import", "adjudication", "undo"]
    verdict: Verdict | None
    chosen: RecordKey | None
    comment: str
    reviewer: str | None
    at: datetime | None
    seen: Mapping[str, Any]
    number: int | None
    undoes: int | None


def read_decision_file(path: str | Path, *, run: str, model: str) -> tuple[list[FileRow], int]:
    """Read a file of decisions.

    Parameters
    ----------
    path : path
        A CSV or Parquet file.
    run, model : str
        What its rows have to belong to.

    Returns
    -------
    rows : list of FileRow
        Those with a verdict, and undos.
    unanswered : int
        Rows without a verdict, which are left out.

    Raises
    ------
    InputError
        Where a column is missing or a value cannot be what its column is for: the message names the row.
    """
    path = Path(path)
    opened = open_source(Source(name="decisions", path=path))
    lacking = [name for name in NEEDED if name not in opened.columns]
    if lacking:
        raise InputError(
            f"{path}: there is no column {lacking[0]!r}: a file of decisions has the columns "
            f"{', '.join(NEEDED)}, as tallystick decisions export writes them."
        )
    names = [name for name in (*NEEDED, *_OPTIONAL) if name in opened.columns]
    frame = opened.read(names, None)
    frame = frame.with_columns(_text(frame[name]) for name in names)
    if path.suffix.lower() != ".parquet":
        frame = frame.with_columns(unguarded(pl.col(name)) for name in WORDS if name in names)
    rows, unanswered = [], 0
    for line, values in enumerate(frame.iter_rows(named=True), 1):
        try:
            row = _row(line, {name: value or None for name, value in values.items()}, run, model)
        except ValueError as error:
            raise InputError(f"{path}: row {line} {error}. Nothing was imported.") from None
        if row is None:
            unanswered += 1
        else:
            rows.append(row)
    return rows, unanswered


def _text(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f")
    text = column.cast(pl.String)
    return text if column.name in ("comment", "seen") else text.str.strip_chars()


def _row(line: int, values: dict[str, str | None], run: str, model: str) -> FileRow | None:
    kind = (values.get("kind") or "import").lower()
    if kind not in _KINDS:
        raise ValueError(f"has the kind {kind!r}: expected one of {', '.join(_KINDS)}")
    verdict = (values["verdict"] or "").lower()
    if kind != "undo" and not verdict:
        return None
    if kind == "undo" and verdict:
        raise ValueError("is an undo with a verdict: an undo has none")
    if verdict and verdict not in get_args(Verdict):
        raise ValueError(f"has the verdict {verdict!r}: expected one of {', '.join(get_args(Verdict))}")
    for name, wanted in (("run", run), ("model", model)):
        if values[name] != wanted:
            found = "no" if values[name] is None else "another"
            raise ValueError(
                f"has {found} {name} ({str(values[name])[:12]}, not {wanted[:12]}): take the decisions "
                "of this run"
            )
    left = _key(values, "left")
    if left is None:
        raise ValueError("names no record: left_source and left_id are empty")
    undoes = _number(values, "undoes")
    if (kind == "undo") != (undoes is not None):
        raise ValueError("is an undo without a number in the column undoes, or the other way round")
    return FileRow(
        line=line,
        worklist=values.get("worklist"),
        left=left,
        right=_key(values, "right"),
        kind=cast(Any, "import" if kind == "review" else kind),
        verdict=cast(Any, verdict or None),
        chosen=_key(values, "chosen"),
        comment=values.get("comment") or "",
        reviewer=values.get("reviewer"),
        at=_moment(values.get("at")),
        seen=_seen(values.get("seen")),
        number=_number(values, "number"),
        undoes=undoes,
    )


def _key(values: Mapping[str, str | None], side: str) -> RecordKey | None:
    source, id_ = values.get(f"{side}_source"), values.get(f"{side}_id")
    if (source is None) != (id_ is None):
        raise ValueError(f"has only one of {side}_source and {side}_id")
    return None if source is None or id_ is None else RecordKey(source, id_)


def _number(values: Mapping[str, str | None], name: str) -> int | None:
    text = values.get(name)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"has {text!r} in the column {name}: expected a whole number") from None


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"has {text!r} in the column at: expected a time such as 2026-05-04T09:30:00+00:00"
        ) from None
    if moment > datetime.now(UTC):
        raise ValueError(f"is of {text}, which is yet to come")
    return moment


def _seen(text: str | None) -> Mapping[str, Any]:
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError("has no JSON object in the column seen")
    return found
