"""``tallystick reviewers``: who may review, and what each may see."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tallystick.cli.app import _plain_errors
from tallystick.cli.stores import RunDirectory, StoreUrl
from tallystick.errors import InputError

if TYPE_CHECKING:
    from tallystick.review.people import Reviewer
    from tallystick.review.tasks import Role

reviewers = typer.Typer(
    help="Who may review: names, roles, passwords, masked fields.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Name = Annotated[str, typer.Argument(help="Name by which decisions are signed.")]
ROLE_HELP = "reviewer, adjudicator (settles disagreements, too) or administrator (all)."
MASK_HELP = "A field whose values the person is not shown; may be repeated."
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file", help="Read the password from the first line of this file; - is the standard input."
    ),
]


@reviewers.command()
def add(
    run: RunDirectory,
    name: Name,
    role: Annotated[str, typer.Option("--role", help=ROLE_HELP)] = "reviewer",
    mask: Annotated[list[str] | None, typer.Option("--mask", metavar="FIELD", help=MASK_HELP)] = None,
    password_file: PasswordFile = None,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="No password: the person signs in by a token.")
    ] = False,
    store: StoreUrl = None,
) -> None:
    """Add a person; the password is asked for, unless a file has it."""
    with _plain_errors():
        if no_password and password_file is not None:
            raise InputError("--no-password and --password-file exclude each other: leave one out.")
        from tallystick.linkage.reviews.store import open_store

        with open_store(run, store) as opened:
            if opened.reviewer(name) is not None:
                raise InputError(
                    f"there is a reviewer {name!r} already: change that one, or take another name."
                )
            masked = _masks(run, mask)
            password = None if no_password else _password(name, password_file)
            person = opened.add_reviewer(name, cast("Role", role), password=password, masked=masked)
            print(f"{opened.place}: added {_line(person)}")


@reviewers.command("list")
def show(run: RunDirectory, store: StoreUrl = None) -> None:
    """Tell who may review."""
    with _plain_errors():
        from tallystick.linkage.reviews.store import open_store

        with open_store(run, store, create=False) as opened:
            people = opened.reviewers()
            print("\n".join(map(_line, people)) or "There are no reviewers yet: tallystick reviewers add.")


@reviewers.command()
def change(
    run: RunDirectory,
    name: Name,
    role: Annotated[str | None, typer.Option("--role", help=ROLE_HELP)] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option("--mask", metavar="FIELD", help=MASK_HELP + " In place of those before."),
    ] = None,
    no_masks: Annotated[bool, typer.Option("--no-masks", help="Show the person all fields.")] = False,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new password.")] = False,
    password_file: PasswordFile = None,
    activate: Annotated[
        bool, typer.Option("--activate", help="Let the person in again, after a lock-out, too.")
    ] = False,
    store: StoreUrl = None,
) -> None:
    """Change a person's role, masked fields or password, or let the person in again."""
    with _plain_errors():
        if mask and no_masks:
            raise InputError("--mask and --no-masks exclude each other: leave one out.")
        if not (role or mask or no_masks or password or password_file or activate):
            raise InputError("there is nothing to change: give --role, --mask, --no-masks, --password, "
                             "--password-file or --activate.")  # fmt: skip
        from tallystick.linkage.reviews.store import open_store

        with open_store(run, store, create=False) as opened:
            if opened.reviewer(name) is None:
                opened.set_role(name, "reviewer")  # says who there is
            masked = _masks(run, mask)
            if password or password_file is not None:
                opened.set_password(name, _password(name, password_file))
            if role is not None:
                opened.set_role(name, cast("Role", role))
            if mask or no_masks:
                opened.set_masked(name, masked)
            if activate:
                opened.activate(name)
            person = opened.reviewer(name)
            assert person is not None
            print(f"{opened.place}: {_line(person)}")


@reviewers.command()
def deactivate(run: RunDirectory, name: Name, store: StoreUrl = None) -> None:
    """Let a person in no longer; the decisions stay."""
    with _plain_errors():
        from tallystick.linkage.reviews.store import open_store

        with open_store(run, store, create=False) as opened:
            print(f"{opened.place}: {_line(opened.deactivate(name))}")


@reviewers.command()
def token(
    run: RunDirectory,
    name: Name,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days for which it is good.")] = 90,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="Make all tokens of the person void instead.")
    ] = False,
    store: StoreUrl = None,
) -> None:
    """Print a token that stands for a person's name and password; it is shown this once."""
    with _plain_errors():
        from tallystick.linkage.reviews.store import open_store

        with open_store(run, store, create=False) as opened:
            if revoke:
                print(f"{opened.place}: {opened.revoke_tokens(name):,} tokens of {name} are void")
            else:
                print(opened.new_token(name, days))


def _masks(run: Path, names: list[str] | None) -> tuple[str, ...]:
    if not names:
        return ()
    from tallystick.linkage.reviews.maskable import maskable_fields
    from tallystick.review.masks import checked_masks

    return checked_masks(names, maskable_fields(run))


def _password(name: str, file: Path | None) -> str:
    if file is not None:
        if str(file) == "-":
            text = sys.stdin.readline()
        elif file.is_file():
            text = file.read_text(encoding="utf-8").partition("\n")[0]
        else:
            raise InputError(f"{file}: there is no such file: write the password into its first line.")
        return text.rstrip("\r\n")
    if not sys.stdin.isatty():
        raise InputError(
            "there is no terminal to ask for the password on: use --password-file, where - is the standard "
            "input."
        )
    typed: str = typer.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True)
    return typed


def _line(person: Reviewer) -> str:
    parts: list[str] = [person.role]
    if person.masked:
        parts.append("not shown: " + ", ".join(person.masked))
    if not person.has_password:
        parts.append("no password")
    if not person.active:
        parts.append("not active")
    return f"{person.name}: {'; '.join(parts)}"
