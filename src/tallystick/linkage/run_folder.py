"""What a run's directory says of it: facts, sources, figures, read with clear words where it cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tallystick._files import file_sha256
from tallystick.errors import InputError
from tallystick.linkage.folder import RUN_FORMAT, WORK
from tallystick.preparation.source import Source
from tallystick.spec import Spec


def read_facts(run: Path) -> dict[str, Any]:
    """The content of run.json of a complete run.

    Parameters
    ----------
    run : path
        The directory.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        Where it is no directory of a complete run of this version.
    """
    path = run / "run.json"
    if not path.is_file():
        reason = (
            "the run is not complete: run it again"
            if (run / WORK).is_dir()
            else "it is no directory of a run"
        )
        raise InputError(f"{run}: there is no run.json: {reason}.")
    facts = read_figures(path)
    if facts.get("format") != RUN_FORMAT:
        raise InputError(
            f"{path}: the format is not {RUN_FORMAT!r}, so it is no run of this version: "
            "run the linkage again."
        )
    return facts


def model_version(run: Path, facts: dict[str, Any]) -> str:
    """SHA-256 of the model of a run, as it was before a purge has removed values from it.

    Parameters
    ----------
    run : path
        The directory.
    facts : dict
        Its ``run.json``.

    Returns
    -------
    str
    """
    return str(facts.get("purged", {}).get("model") or file_sha256(run / "model.json"))


def read_figures(path: Path) -> dict[str, Any]:
    """A JSON file of a run; `InputError` where it cannot be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: the file cannot be read as JSON ({error}): run the linkage again."
        ) from error
    return found if isinstance(found, dict) else {}


def read_later(path: Path) -> dict[str, Any] | None:
    """A JSON file that may have come after the run; None where it is not there."""
    return read_figures(path) if path.is_file() else None


def read_sources(run: Path, facts: dict[str, Any]) -> list[Source]:
    """The sources of a run.

    Parameters
    ----------
    run : path
        The directory.
    facts : dict
        What `read_facts` gives.

    Returns
    -------
    list of Source

    Raises
    ------
    InputError
        Where one was a table in memory.
    """
    sources = []
    for source, read in zip(facts["spec"]["sources"], facts["inputs"], strict=True):
        if source.get("path") is None and source.get("uri") is None:
            raise InputError(
                f"{run}: source {read['name']!r} was a table in memory: use Links.join in Python instead."
            )
        if "uri" in source:
            # The run does not keep a password: PostgreSQL then looks in PGPASSWORD and ~/.pgpass.
            source = {**source, "uri": source["uri"].replace(":***@", "@")}
        sources.append(Source(**source))
    return sources


def spec_of_run(run: Path, facts: dict[str, Any]) -> Spec:
    """The specification of a run with its sources, from ``run.json``.

    Parameters
    ----------
    run : path
        The directory.
    facts : dict
        Its ``run.json``.

    Returns
    -------
    Spec
    """
    return spec_without_sources(facts).model_copy(update={"sources": tuple(read_sources(run, facts))})


def spec_without_sources(facts: dict[str, Any]) -> Spec:
    """The specification of a run as its ``run.json`` has it, but for the sources."""
    return Spec.model_validate({key: value for key, value in facts["spec"].items() if key != "sources"})
