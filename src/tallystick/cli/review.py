"""``tallystick review``: people judge pairs and records in a browser."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tallystick.cli.app import Quiet, Threads, _plain_errors
from tallystick.cli.progress import Reporter
from tallystick.cli.stores import RunDirectory, StoreUrl, who
from tallystick.errors import InputError, TallystickWarning

if TYPE_CHECKING:
    from tallystick.linkage.reviews.casebook import RunCasebook
    from tallystick.review.store import Store


def review(
    run: RunDirectory,
    store: StoreUrl = None,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 for any.")] = 8765,
    reviewer: Annotated[
        str | None,
        typer.Option(
            help="Who works at this machine, without a login. [default: the system's user]",
            show_default=False,
        ),
    ] = None,
    order: Annotated[
        Literal["weight", "information", "plan"], typer.Option(help="Which tasks come first.")
    ] = "information",
    worklist: Annotated[str | None, typer.Option(help="Begin with this worklist.")] = None,
    double: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Share of the possible links that two people judge, blind to each other."
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", "-c", help="A further field or column to show; may be repeated."),
    ] = None,
    login: Annotated[
        bool, typer.Option("--login", help="Ask for names and passwords on this machine, too.")
    ] = False,
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="Name of this machine by which browsers ask for it; may be repeated."),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option("--tls-cert", help="Certificate (PEM), to serve over https.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--tls-key", help="Its key (PEM).")] = None,
    behind_https: Annotated[
        bool, typer.Option("--behind-https", help="A proxy on this machine serves it over https.")
    ] = False,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Print a line for each request, without what it holds.")
    ] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Judge possible links, and samples for quality, in a browser."""
    reporter = Reporter(quiet)
    with _plain_errors(reporter):
        import logging
        import warnings
        import webbrowser

        from tallystick.cli.commands import _find_modules_in
        from tallystick.linkage.reviews.casebook import open_casebook
        from tallystick.linkage.reviews.store import open_store
        from tallystick.linkage.reviews.tasks import fill_possible
        from tallystick.preparation.extras import require

        for module in ("sqlalchemy", "argon2", "fastapi", "uvicorn", "multipart"):
            require(module, "tallystick review", "review")

        from tallystick.review.app import make_app
        from tallystick.review.serve import check_certificate, listen, make_server, warning_about
        from tallystick.review.settings import Settings, is_local

        named = login or behind_https or not is_local(host)
        if named and reviewer is not None:
            raise InputError("--reviewer is for one who works without a login; here reviewers sign in.")
        check_certificate(certificate, key)
        if (certificate is not None) and behind_https:
            raise InputError("--behind-https is for a proxy that has the certificate: leave --tls-cert out.")
        listener = listen(host, port)
        _find_modules_in(Path())
        cases = open_casebook(run, columns or [], threads=threads, progress=reporter)
        kept = open_store(run, store)
        if named:
            _check_people(kept, run)
        _check_masks(kept, cases, run)
        fill_possible(kept, cases.opened, double)
        there = [one.name for one in kept.listed()]
        if worklist is not None and worklist not in there:
            raise InputError(
                f"--worklist {worklist}: there is none of this name; there are: {', '.join(there)}."
            )
        secure = certificate is not None or behind_https
        settings = Settings(
            reviewer=None if named else who(reviewer),
            host=host,
            port=listener.port,
            names=tuple(names or ()),
            secure=secure,
            behind_proxy=behind_https,
            order=order,
        )
        app = make_app(kept, cases, settings)
        warning = warning_about(host, secure)
        if warning is not None:
            warnings.warn(warning, TallystickWarning, stacklevel=1)
        reporter.close()
        address = settings.address + (f"worklists/{worklist}" if worklist else "")
        if not quiet:
            print(_hello(kept, settings.reviewer, address), flush=True)
        if access_log:
            logging.getLogger("tallystick.review.access").setLevel(logging.INFO)
        if not no_browser and _has_screen():
            webbrowser.open(address)
        try:
            server = make_server(app, certificate=certificate, key=key, behind_proxy=behind_https)
            server.run(sockets=[listener.socket])
        except KeyboardInterrupt:
            pass
        finally:
            count = sum(sum(one.progress.by_reviewer.values()) for one in kept.worklists())
            place = kept.place
            kept.close()
        if not quiet:
            stand = "1 decision stands" if count == 1 else f"{count:,} decisions stand"
            print(f"Stopped. {stand} in {place}; the same command goes on from there.")


def _check_people(store: Store, run: Path) -> None:
    if not any(one.active for one in store.reviewers()):
        raise InputError(
            "where people sign in there have to be reviewers, and there are none yet; add the first with: "
            f"tallystick reviewers add {run} NAME --role administrator"
        )


def _check_masks(store: Store, cases: RunCasebook, run: Path) -> None:
    """A mask that names no field would show everything."""
    from tallystick.linkage.reviews.maskable import maskable_fields
    from tallystick.review.masks import checked_masks

    people = [(one, set(one.masked) - set(cases.fields)) for one in store.reviewers() if one.active]
    if not any(strange for _, strange in people):
        return
    # A mask of a column that is shown at other times hides nothing that is shown now.
    fields = tuple(dict.fromkeys([*cases.fields, *maskable_fields(run)]))
    for person, strange in people:
        try:
            checked_masks(sorted(strange), fields)
        except InputError as error:
            raise InputError(
                f"{person.name}: {str(error).removesuffix('.')}; say anew what is masked with "
                f"tallystick reviewers change {run} {person.name} --mask FIELD, or --no-masks."
            ) from None


def _has_screen() -> bool:
    """Whether a browser would be a window, not a program that takes the terminal."""
    return sys.platform != "linux" or any(name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _hello(store: Store, reviewer: str | None, address: str) -> str:
    lines = []
    for one in store.worklists():
        figures = one.progress
        lines.append(f"{one.name}: {figures.done:,} of {figures.tasks:,} judged")
    by = f"you work as {reviewer}" if reviewer else "reviewers sign in"
    return "\n".join([*lines, f"decisions are kept in {store.place}", f"{address} ({by}); Ctrl-C stops."])
