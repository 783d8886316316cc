"""The tables of a store: what is to be judged, every decision, and the people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    DDL,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

SCHEMA_VERSION = 1
"""Raised whenever a table changes."""
NO_WEIGHT = 1.7e308
"""Where a task without a weight stands in the order of weights: last."""


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC: a time with zone in PostgreSQL, sortable text (ISO 8601) in SQLite."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type of the column."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """From Python."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """To Python."""
        if value is None:
            return None
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.astimezone(UTC)


METADATA = MetaData()

ABOUT = Table(
    "about",
    METADATA,
    Column("number", Integer, CheckConstraint("number = 1"), primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("run", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", UtcTime, nullable=False),
)

WORKLISTS = Table(
    "worklists",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("blind", Boolean, nullable=False),
    Column("reviews", Integer, nullable=False),
    Column("share", Float, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("tasks", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("filled_at", UtcTime, nullable=False),
)

# The columns from `state` on follow from the decisions and are changed in the same transaction. The three
# `by_` columns ascend in the orders of the queue, so that one kind of index serves each.
TASKS = Table(
    "tasks",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("worklist", ForeignKey("worklists.number"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("left_source", Text, nullable=False),
    Column("left_id", Text, nullable=False),
    # Empty, not null, for a task about one record: nulls would never be equal to each other.
    Column("right_source", Text, nullable=False),
    Column("right_id", Text, nullable=False),
    Column("weight", Float(53)),
    Column("posterior", Float(53)),
    Column("information", Float(53), nullable=False),
    Column("place", Integer, nullable=False),
    Column("stratum", Text),
    Column("by_weight", Float(53), nullable=False),
    Column("by_information", Float(53), nullable=False),
    Column("by_plan", Integer, nullable=False),
    Column("wanted", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("verdict", Text),
    Column("chosen_source", Text),
    Column("chosen_id", Text),
    # Who judged an open task that wants a second judgement; empty where nobody has.
    Column("first_by", Text, nullable=False),
    Column("claimed_by", Text),
    Column("claimed_until", UtcTime),
    UniqueConstraint("worklist", "left_source", "left_id", "right_source", "right_id"),
    CheckConstraint("kind in ('pair', 'record')"),
    CheckConstraint("state in ('open', 'done', 'disagreement')"),
)
for _order in ("by_weight", "by_information", "by_plan"):
    Index(
        f"tasks_{_order}",
        TASKS.c.worklist,
        TASKS.c.state,
        TASKS.c.first_by,
        TASKS.c[_order],
        TASKS.c.number,
    )
Index("tasks_claimed", TASKS.c.claimed_by, TASKS.c.worklist)
Index("tasks_counted", TASKS.c.worklist, TASKS.c.state, TASKS.c.verdict)
Index("tasks_leased", TASKS.c.worklist, TASKS.c.claimed_until)
Index("tasks_left", TASKS.c.left_source, TASKS.c.left_id)
Index("tasks_right", TASKS.c.right_source, TASKS.c.right_id)

DECISIONS = Table(
    "decisions",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("worklist", ForeignKey("worklists.number"), nullable=False),
    Column("task", ForeignKey("tasks.number"), nullable=False, index=True),
    Column("reviewer", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("verdict", Text),
    Column("chosen_source", Text),
    Column("chosen_id", Text),
    # Unique: nothing is taken back twice.
    Column("undoes", ForeignKey("decisions.number"), unique=True),
    Column("comment", Text, nullable=False),
    Column("seen", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("imported_by", Text),
    Column("imported_at", UtcTime),
    CheckConstraint("kind in ('review', 'adjudication', 'import', 'undo')"),
    CheckConstraint("verdict in ('link', 'non-link', 'unsure')"),
    CheckConstraint("(kind = 'undo') = (verdict is null)"),
    CheckConstraint("(kind = 'undo') = (undoes is not null)"),
    sqlite_autoincrement=True,
)
Index("decisions_reviewer", DECISIONS.c.reviewer, DECISIONS.c.number)
# Holds all that the progress of a worklist is counted from.
Index("decisions_counted", DECISIONS.c.worklist, DECISIONS.c.reviewer, DECISIONS.c.number, DECISIONS.c.kind)

# Who has judged in a worklist that wants second judgements.
PARTICIPANTS = Table(
    "participants",
    METADATA,
    Column("worklist", ForeignKey("worklists.number"), primary_key=True),
    Column("reviewer", Text, primary_key=True),
)

REVIEWERS = Table(
    "reviewers",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("masked", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("password", Text),
    Column("failures", Integer, nullable=False),
    Column("locked_until", UtcTime),
    Column("added_at", UtcTime, nullable=False),
    CheckConstraint("role in ('reviewer', 'adjudicator', 'administrator')"),
)

TOKENS = Table(
    "tokens",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("name", ForeignKey("reviewers.name"), nullable=False, index=True),
    Column("made_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("name", ForeignKey("reviewers.name"), nullable=False, index=True),
    Column("minutes", Float, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
)

_KEPT = [column.name for column in DECISIONS.c if column.name not in ("comment", "seen")]

# `insert or replace` deletes without a word to triggers on deletion: hence the one on insertion.
_SQLITE_GUARDS = (
    """create trigger decisions_stay before delete on decisions
       begin select raise(abort, 'decisions are never deleted'); end""",
    """create trigger decisions_are_new before insert on decisions
       when exists (select 1 from decisions where number = new.number)
       begin select raise(abort, 'decisions are never replaced'); end""",
    f"""create trigger decisions_never_change before update on decisions
       when {" or ".join(f"new.{name} is not old.{name}" for name in _KEPT)}
         or new.comment not in ('', old.comment) or new.seen not in ('', old.seen)
       begin select raise(abort, 'decisions never change'); end""",
)
_POSTGRES_GUARDS = (
    f"""create function decisions_never_change() returns trigger language plpgsql as $$
       begin
         if tg_op <> 'UPDATE' then
           raise exception 'decisions are never deleted';
         elsif {" or ".join(f"new.{name} is distinct from old.{name}" for name in _KEPT)}
            or new.comment not in ('', old.comment) or new.seen not in ('', old.seen) then
           raise exception 'decisions never change';
         end if;
         return new;
       end $$""",
    """create trigger decisions_stay before update or delete on decisions
       for each row execute function decisions_never_change()""",
    """create trigger decisions_are_not_emptied before truncate on decisions
       for each statement execute function decisions_never_change()""",
)
for _dialect, _guards in (("sqlite", _SQLITE_GUARDS), ("postgresql", _POSTGRES_GUARDS)):
    for _guard in _guards:
        event.listen(DECISIONS, "after_create", DDL(_guard).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]
