"""``tallystick purge``: values of records removed from a run, its figures kept."""

from __future__ import annotations

from typing import Annotated

import typer

from tallystick.cli.app import _plain_errors
from tallystick.cli.stores import RunDirectory, StoreUrl


def purge(
    run: RunDirectory,
    store: StoreUrl = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove personal values from a run for good, and keep its figures; tells first what goes."""
    with _plain_errors():
        from tallystick.linkage.reviews.purge import plan_purge, purged_text
        from tallystick.linkage.reviews.purge import purge as remove

        plan = plan_purge(run, store)
        print(plan.text())
        if not plan.removals:
            return
        if not yes and not typer.confirm("Remove them?"):
            print("Nothing was removed.")
            return
        remove(plan)
        print(purged_text(plan))
