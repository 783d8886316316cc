"""The store of the review of a run."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tallystick._files import write_json
from tallystick.errors import InputError, RunError
from tallystick.linkage.run_folder import model_version, read_facts, read_later
from tallystick.preparation.extras import require

if TYPE_CHECKING:
    from tallystick.review.store import Store

STORE_FILE = "review.sqlite"
"""Where decisions are kept by default, in the directory of the run."""
STORES = "stores.json"
"""Names stores elsewhere, in the directory of the run."""
STORE_VARIABLE = "TALLYSTICK_STORE"
"""The environment variable that names another store: unlike an argument, it is not seen by other users."""


def open_store(run: Path, url: str | None = None, *, create: bool = True) -> Store:
    """Open the store of the review of a run.

    The sources of the run are not needed for it, only ``run.json`` and ``model.json``.

    Parameters
    ----------
    run : path
        The directory of the run.
    url : str, optional
        Another store than ``review.sqlite`` in the directory: a path, or ``postgresql://...``; by default
        what the environment variable ``TALLYSTICK_STORE`` says, if anything.
    create : bool
        Whether to make it where there is none.

    Returns
    -------
    Store

    Raises
    ------
    InputError
        Where the directory is no complete run with a model, or the store cannot be used or not for this run.
    """
    facts = read_facts(run)
    model = run / "model.json"
    if not model.is_file():
        raise InputError(
            f"{model}: there is no such file: the run has no model whose pairs people could judge, or the "
            "file has to be put back."
        )
    require("sqlalchemy", "the store of decisions", "review")
    from tallystick.review.store import Store

    place = url or os.environ.get(STORE_VARIABLE) or run / STORE_FILE
    store = Store.open(place, run=str(facts["fingerprint"]), model=model_version(run, facts), create=create)
    if create:
        note_store(run, store)
    return store


def note_store(run: Path, store: Store) -> None:
    """Note in the directory of a run that decisions are kept elsewhere, so that a purge knows of them."""
    known = noted_stores(run)
    if store.where != str((run / STORE_FILE).resolve()) and store.where not in known:
        with suppress(RunError):  # a directory that cannot be written to cannot be purged either
            write_json(run / STORES, {"stores": [*known, store.where]})


def noted_stores(run: Path) -> tuple[str, ...]:
    """Where decisions of a run are kept elsewhere, without users and passwords."""
    return tuple((read_later(run / STORES) or {}).get("stores", ()))


def forget_store(run: Path, where: str) -> None:
    """Note that a store elsewhere holds no values any more."""
    known = noted_stores(run)
    if where in known:
        write_json(run / STORES, {"stores": [one for one in known if one != where]})
