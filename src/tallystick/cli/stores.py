"""What commands that use the store of a run share."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from tallystick.errors import InputError

RunDirectory = Annotated[Path, typer.Argument(metavar="RUN_DIR", help="Directory of the run.")]
StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="Where decisions are kept: a file, or postgresql://... . Default: what the environment variable "
        "TALLYSTICK_STORE says, else review.sqlite in the directory.",
    ),
]


def who(name: str | None) -> str:
    """The name that signs: the given one, else that of the system's user."""
    if name is not None:
        return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise InputError("the system has no name for this user: give one with --reviewer.") from None
