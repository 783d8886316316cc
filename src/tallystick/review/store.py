"""The store of a review: worklists, claims, decisions and people, in SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import func, select, update

from tallystick.review import claims, credentials, deciding, people, worklists
from tallystick.review.agreement import Agreement, agreement_of
from tallystick.review.cases import RecordKey
from tallystick.review.compared import compared
from tallystick.review.connect import WAIT, Database
from tallystick.review.decision_file import FileRow
from tallystick.review.exporting import decision_table, write_decisions
from tallystick.review.filters import Filters
from tallystick.review.importing import Imported, import_decisions, import_rows
from tallystick.review.open_store import check_or_make
from tallystick.review.people import Reviewer
from tallystick.review.rows import STANDS, decision_of, select_decisions, select_tasks, worklist_number
from tallystick.review.standing import Listed, Progress, Standing, TaskRow, Worklist
from tallystick.review.tables import DECISIONS, TASKS
from tallystick.review.tasks import Decision, Order, Role, Task, Verdict


class Store:
    """What is to be judged in one run, what people decided, and who they are.

    Decisions are rows that are added, never changed and never taken away; the database itself refuses it.
    Each call is one transaction, which is on the disk when the call returns. Any number of processes and
    threads may use a store at once.

    Parameters
    ----------
    database : Database
        Where it is.
    run, model : str
        Fingerprint of the run and SHA-256 of its model.
    lease : float
        Seconds for which a task that was handed out is a reviewer's own.

    Examples
    --------
    >>> import tempfile
    >>> from tallystick.review.cases import RecordKey
    >>> from tallystick.review.tasks import Task
    >>> folder = tempfile.TemporaryDirectory()
    >>> with Store.open(Path(folder.name) / "review.sqlite", run="r", model="m") as store:
    ...     pair = Task("pair", RecordKey("a", "1"), RecordKey("b", "7"), weight=2.5, posterior=0.6)
    ...     store.fill("possible", [pair])
    ...     row = store.next("possible", "ann")
    ...     made = store.decide(row.number, "ann", "link", seen={"weight": 2.5})
    ...     [one.verdict for one in store.standing()]
    ['link']
    >>> folder.cleanup()
    """

    def __init__(self, database: Database, *, run: str, model: str, lease: float = claims.LEASE) -> None:
        self._database = database
        self.run = run
        self.model = model
        self.lease = lease

    @classmethod
    def open(
        cls,
        url: str | Path,
        *,
        run: str,
        model: str,
        create: bool = True,
        wait: float = WAIT,
        lease: float = claims.LEASE,
    ) -> Store:
        """Open a store, and make its tables where there are none.

        Parameters
        ----------
        url : str or path
            A path is a file of SQLite, else a URL: ``postgresql://user@host/database`` or ``sqlite:///path``.
        run, model : str
            Fingerprint of the run and SHA-256 of its model.
        create : bool
            Whether to make it where there is none.
        wait : float
            Seconds that a lock or a server is waited for.
        lease : float
            Seconds for which a task that was handed out is a reviewer's own.

        Returns
        -------
        Store

        Raises
        ------
        InputError
            Where it is of another run, of an older model or of another version of tallystick, or cannot be
            used: locked, read-only, gone, unreachable.
        """
        database = Database(url, wait=wait)
        try:
            check_or_make(database, run=run, model=model, create=create)
        except BaseException:
            database.close()
            raise
        return cls(database, run=run, model=model, lease=lease)

    def close(self) -> None:
        """Let the database go."""
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def place(self) -> str:
        """Where the store is, without a password."""
        return self._database.place

    @property
    def where(self) -> str:
        """Which database it is, whoever uses it: the whole path of a file, else a URL without a user."""
        return self._database.where

    @property
    def file(self) -> Path | None:
        """The file that it is in, if any."""
        return self._database.file

    # Worklists

    def fill(
        self,
        worklist: str,
        tasks: Sequence[Task],
        *,
        blind: bool = False,
        reviews: int = 1,
        share: float = 1.0,
        seed: int = 1,
    ) -> None:
        """Put tasks into a new worklist; nothing happens where it is there with the very same ones.

        Parameters
        ----------
        worklist : str
            Its name.
        tasks : sequence of Task
            Each about another pair or record.
        blind : bool
            Whether reviewers are not to see what the machine says.
        reviews : int
            2 for double review: two people judge a task without seeing each other's judgement.
        share : float
            Share of the tasks, drawn at random, that are judged by two people; the rest is judged by one.
        seed : int
            Of the draw.

        Raises
        ------
        InputError
            Where the worklist is there with other tasks or settings, or a task is there twice.
        """
        worklists.fill(self._database, worklist, tasks, blind=blind, reviews=reviews, share=share, seed=seed)

    def worklists(self) -> tuple[Worklist, ...]:
        """All worklists, in the order in which they were filled."""
        return worklists.worklists(self._database)

    def listed(self) -> tuple[Listed, ...]:
        """All worklists, in the same order, without counting how far they are."""
        return worklists.listed(self._database)

    def progress(self, worklist: str) -> Progress:
        """How far a worklist is."""
        return worklists.progress(self._database, worklist)

    # Work

    def next(
        self,
        worklist: str,
        reviewer: str,
        *,
        order: Order = "information",
        filters: Filters = Filters(),  # noqa: B008 (frozen)
        after: int | None = None,
    ) -> TaskRow | None:
        """Hand out the next open task that nobody else is on and that the reviewer has not judged.

        Parameters
        ----------
        worklist, reviewer : str
            Names.
        order : {"information", "weight", "plan"}
            Which comes first.
        filters : Filters
            Which are meant; only open ones are handed out.
        after : int, optional
            Number of the task that the reviewer was on: it is given back if it is still theirs, and the
            queue goes on behind it; at its end it begins again. By default it begins at the front.

        Returns
        -------
        TaskRow or None
            The reviewer's for the time of the lease, without what others judged; a task that they have
            already taken comes first. None where there is none (or others are on all that are left).
        """
        return claims.next_task(
            self._database, worklist, reviewer, order=order, filters=filters, after=after, lease=self.lease
        )

    def claim(self, number: int, reviewer: str, *, settle: bool = False) -> TaskRow:
        """Take a named task that is open, or one that is judged, to settle it.

        A task that the reviewer had taken before is given back: nobody has more than one.

        Parameters
        ----------
        number : int
            Of the task.
        reviewer : str
            Who takes it.
        settle : bool
            Whether it is to be settled: then all judgements that are wanted have to be there, and are given.

        Returns
        -------
        TaskRow
            Without what others judged, unless it is to be settled.

        Raises
        ------
        InputError
            Where another person is on it, it is judged, or has the reviewer's judgement already; where it is
            to be settled, but is open, or not by this person (see `adjudicate`).
        """
        return claims.claim(self._database, number, reviewer, self.lease, settle=settle)

    def renew(self, number: int, reviewer: str) -> None:
        """Prolong the lease of a task; `InputError` where it is not the reviewer's any more."""
        claims.renew(self._database, number, reviewer, self.lease)

    def release(self, number: int, reviewer: str) -> None:
        """Give a task back; nothing happens where it is not the reviewer's."""
        claims.release(self._database, number, reviewer)

    def decide(
        self,
        number: int,
        reviewer: str,
        verdict: Verdict,
        *,
        chosen: RecordKey | None = None,
        comment: str = "",
        seen: Mapping[str, Any],
        replace: bool = False,
    ) -> Decision:
        """Judge a task: when this returns, the decision is on the disk.

        Sent again with the same answer it changes nothing and gives the decision that was made, so that it
        can be repeated when an answer was lost on its way.

        Parameters
        ----------
        number : int
            Of the task.
        reviewer : str
            Who has taken it. If the lease ran out, or another task was taken since, that is no matter as long
            as nobody else is on this one.
        verdict : {"link", "non-link", "unsure"}
            Of a record, ``link`` needs `chosen`, and ``non-link`` is that it is none.
        chosen : RecordKey, optional
            With which record.
        comment : str
            Why.
        seen : mapping
            What was on the page, as JSON.
        replace : bool
            Whether it takes the place of the judgement that the reviewer has given: that is undone in the
            same transaction.

        Returns
        -------
        Decision

        Raises
        ------
        InputError
            Where another person is on the task, or it is judged, or has their judgement already, which is not
            to be replaced or cannot be (see `undo`).
        """
        return deciding.decide(
            self._database,
            number,
            reviewer,
            verdict,
            chosen=chosen,
            comment=comment,
            seen=seen,
            replace=replace,
            run=self.run,
            model=self.model,
        )

    def undo(self, reviewer: str, number: int | None = None) -> Decision | None:
        """Take back the reviewer's last decision that stands, or the one about a task.

        The task is open again (or in disagreement again, where an adjudication is taken back) and the
        reviewer's, unless another person is on it.

        Returns
        -------
        Decision or None
            The new row, of the kind ``undo``; None where there is nothing to take back.

        Raises
        ------
        InputError
            Where an adjudicator has settled the task since, or both judgements of a task in double review are
            there and the person has the role of a reviewer.
        """
        return deciding.undo(
            self._database, reviewer, number, run=self.run, model=self.model, lease=self.lease
        )

    def adjudicate(
        self,
        number: int,
        reviewer: str,
        verdict: Verdict,
        *,
        chosen: RecordKey | None = None,
        comment: str = "",
        seen: Mapping[str, Any],
    ) -> Decision:
        """Settle a disagreement, or judge anew what is judged already; parameters as of `decide`.

        The last settlement counts. A comment is needed, unless the task is a disagreement or was judged
        unsure. Who settles a task that another person has settled has to have taken it (see `claim`), so
        that nobody does it unawares; an own settlement is undone in the same transaction.

        Raises
        ------
        InputError
            Where the task is open, another person is on it, there is no comment, or the person is no
            adjudicator, or has judged the task before and is no administrator.
        """
        return deciding.adjudicate(
            self._database,
            number,
            reviewer,
            verdict,
            chosen=chosen,
            comment=comment,
            seen=seen,
            run=self.run,
            model=self.model,
        )

    def history(self, reviewer: str, worklist: str, most: int = 50) -> tuple[TaskRow, ...]:
        """Tasks that a reviewer has judged, the last first, with the reviewer's own decisions."""
        with self._database.reading() as connection:
            number = worklist_number(connection, worklist)
            # A task may have two of one person: a judgement, and the settlement of the disagreement.
            mine = (
                select(DECISIONS.c.task)
                .where(DECISIONS.c.worklist == number, DECISIONS.c.reviewer == reviewer, STANDS)
                .order_by(DECISIONS.c.number.desc())
                .limit(2 * most)
            )
            newest = list(dict.fromkeys(connection.execute(mine).scalars()))[:most]
            places = {task: place for place, task in enumerate(newest)}
            rows = connection.execute(select_tasks().where(TASKS.c.number.in_(list(places)))).all()
            rows = sorted(rows, key=lambda row: places[row.t_number])
            return worklists.with_decisions(self._database, connection, rows, reviewer)

    def disagreements(self, worklist: str) -> tuple[TaskRow, ...]:
        """Tasks whose two reviewers disagree, with their decisions."""
        return self.tasks(worklist, Filters(state="disagreement"), most=1_000_000)

    def task(self, number: int, *, reviewer: str | None = None) -> TaskRow:
        """A task with the decisions about it that stand, of all or of one reviewer alone."""
        return worklists.one_task(self._database, number, reviewer)

    def tasks(
        self,
        worklist: str,
        filters: Filters = Filters(),  # noqa: B008 (frozen)
        *,
        offset: int = 0,
        most: int = 50,
        order: Order = "weight",
        reviewer: str | None = None,
    ) -> tuple[TaskRow, ...]:
        """Tasks of a worklist, a page at a time, with the decisions that stand, of all or of one reviewer.

        The state and the verdict of a row tell what others judged, whoever is named as `reviewer`.
        """
        return worklists.tasks(
            self._database, worklist, filters, offset=offset, most=most, order=order, reviewer=reviewer
        )

    def count(self, worklist: str, filters: Filters = Filters()) -> int:  # noqa: B008 (frozen)
        """How many tasks of a worklist meet filters."""
        return worklists.count(self._database, worklist, filters)

    def strata(self, worklist: str) -> tuple[str, ...]:
        """Strata of a sampling plan to which tasks of a worklist belong, in alphabetical order."""
        return worklists.strata(self._database, worklist)

    # What was decided

    def decisions(self, worklist: str | None = None) -> tuple[Decision, ...]:
        """Every row, those undone and the undoing ones too, in the order of time."""
        with self._database.reading() as connection:
            query = select_decisions()
            if worklist is not None:
                query = query.where(TASKS.c.worklist == worklist_number(connection, worklist))
            return tuple(map(decision_of, connection.execute(query)))

    def count_decisions(self) -> int:
        """How many rows there are, those undone and the undoing ones too."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(DECISIONS)).scalar_one())

    def latest(self, most: int) -> tuple[tuple[Decision, bool], ...]:
        """The latest rows, the newest first, without what was seen.

        Parameters
        ----------
        most : int
            How many.

        Returns
        -------
        tuple of (Decision, bool)
            The second is whether the task still waits for another person, who is not to know of this one.
        """
        with self._database.reading() as connection:
            newest = select_decisions(seen=False).order_by(None).order_by(DECISIONS.c.number.desc())
            rows = connection.execute(newest.limit(most)).all()
            return tuple((decision_of(row), row.t_state == "open" and row.t_wanted > 1) for row in rows)

    def standing(self, worklist: str | None = None) -> tuple[Standing, ...]:
        """The verdict that counts of every task, by number of the task."""
        return worklists.standing(self._database, worklist)

    def agreement(self, worklist: str, bands: Sequence[float] | None = None) -> Agreement:
        """Cohen's kappa of a worklist, in all and by band of weight.

        Parameters
        ----------
        worklist : str
            Its name.
        bands : sequence of float, optional
            Limits of the bands, ascending; by default the quartiles.

        Returns
        -------
        Agreement
            See `tallystick.review.agreement.agreement`.
        """
        return agreement_of(compared(self._database, worklist), bands)

    def export(
        self,
        path: str | Path,
        *,
        worklist: str | None = None,
        still_open: bool = False,
        seen: bool = False,
    ) -> int:
        """Write decisions to a CSV or Parquet file.

        Parameters
        ----------
        path : path
            Ends in ``.csv`` or ``.parquet``.
        worklist : str, optional
            Only this one.
        still_open : bool
            Whether tasks that are still to be judged are rows, too, for people to fill in `verdict` and
            `reviewer`.
        seen : bool
            Whether what was on the page is a column: values of records.

        Returns
        -------
        int
            How many rows were written.
        """
        waiting = [one for one in self.standing(worklist) if one.state == "open"] if still_open else ()
        frame = decision_table(self.decisions(worklist), waiting, run=self.run, model=self.model, seen=seen)
        write_decisions(frame, path)
        return frame.height

    def import_file(self, path: str | Path, reviewer: str) -> Imported:
        """Add the decisions of a file: all of them, or none.

        Who decided and when is kept as the file says it, and who imported it beside it. Rows that the store
        has already are passed over, so that a file can be imported again.

        Parameters
        ----------
        path : path
            A CSV or Parquet file with the columns that `export` writes, of which ``left_source``,
            ``left_id``, ``right_source``, ``right_id``, ``verdict``, ``run`` and ``model`` are needed.
        reviewer : str
            Who imports it; also who decided, where a row does not say it.

        Returns
        -------
        Imported
            How many rows were added.

        Raises
        ------
        InputError
            Where a row is about a pair that is in no worklist, of another run or model, contradicts another
            row or a decision that stands, or cannot be read; the message names the row.
        """
        return import_decisions(self._database, path, reviewer, run=self.run, model=self.model)

    def import_rows(
        self, rows: Sequence[FileRow], path: str | Path, reviewer: str, *, unanswered: int = 0
    ) -> Imported:
        """Add decisions that were read from a file of another form, as `import_file` does."""
        return import_rows(
            self._database, rows, path, reviewer, unanswered=unanswered, run=self.run, model=self.model
        )

    def forget_values(self) -> int:
        """Empty what was seen and the comments of all decisions, and keep all else; how many had any."""
        with self._database.writing() as connection:
            return connection.execute(
                update(DECISIONS)
                .where((DECISIONS.c.seen != "") | (DECISIONS.c.comment != ""))
                .values(seen="", comment="")
            ).rowcount

    # People

    def add_reviewer(
        self, name: str, role: Role, *, password: str | None = None, masked: Sequence[str] = ()
    ) -> Reviewer:
        """Add a person.

        Parameters
        ----------
        name : str
            By which decisions are signed.
        role : {"reviewer", "adjudicator", "administrator"}
            What the person may do: each role all that those before it may.
        password : str, optional
            At least 8 characters; only a hash (Argon2id) is kept. Without one a token is needed to sign in.
        masked : sequence of str
            Fields whose values the person is not shown.

        Returns
        -------
        Reviewer

        Raises
        ------
        InputError
            Where the name is taken or cannot be one, or the password is too short.
        """
        return people.add(self._database, name, role, password, masked)

    def set_password(self, name: str, password: str) -> Reviewer:
        """Give a person another password, and end the sessions."""
        return people.set_password(self._database, name, password)

    def set_role(self, name: str, role: Role) -> Reviewer:
        """Give a person another role."""
        return people.set_role(self._database, name, role)

    def set_masked(self, name: str, masked: Sequence[str]) -> Reviewer:
        """Say anew which fields a person is not shown."""
        return people.set_masked(self._database, name, masked)

    def deactivate(self, name: str) -> Reviewer:
        """Let a person in no longer: sessions and tokens end, tasks are given back; decisions stay."""
        return people.set_active(self._database, name, False)

    def activate(self, name: str) -> Reviewer:
        """Let a person in again, one who was locked out, too."""
        return people.set_active(self._database, name, True)

    def reviewers(self) -> tuple[Reviewer, ...]:
        """All people, by name."""
        return people.reviewers(self._database)

    def reviewer(self, name: str) -> Reviewer | None:
        """One person; None where there is none of this name."""
        return people.reviewer(self._database, name)

    def check_password(self, name: str, password: str) -> Reviewer | None:
        """The person, if the password is right.

        None where it is wrong, there is no such person, the person is not active, or a hundred wrong
        passwords in a row locked the name out for five minutes: which of these is not said, and takes the
        same time.
        """
        return people.check_password(self._database, name, password)

    def new_token(self, name: str, days: int = 90) -> str:
        """Make a token that stands for a person; it is shown this once, and only a hash of it is kept."""
        return credentials.new_token(self._database, name, days)

    def check_token(self, token: str) -> Reviewer | None:
        """The person for whom a token stands; None where it is none, or too old."""
        return credentials.check_token(self._database, token)

    def revoke_tokens(self, name: str) -> int:
        """Make all tokens of a person void; how many there were."""
        return credentials.revoke_tokens(self._database, name)

    def start_session(
        self, name: str, minutes: float = 60, hours: float = credentials.LONGEST_SESSION
    ) -> str:
        """Begin a session, which ends when nothing is asked for some minutes, or after some hours anyway.

        Returns
        -------
        str
            What stands for it in a cookie; only a hash of it is kept.
        """
        return credentials.start_session(self._database, name, minutes, hours)

    def session(self, token: str, *, prolong: bool = True) -> Reviewer | None:
        """The person whose session it is, which lasts the longer for it if asked; None where it has ended."""
        return credentials.session(self._database, token, prolong)

    def end_session(self, token: str) -> None:
        """End a session."""
        credentials.end_session(self._database, token)
