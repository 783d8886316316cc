"""The commands about passes, apart from how they are called; each returns the text to print."""

from __future__ import annotations

import json
from pathlib import Path

from tallystick._progress import Progress
from tallystick.cli.commands import _bytes, _runnable
from tallystick.errors import InputError
from tallystick.linkage.blocks import analyse_blocks, parameters_for_blocks
from tallystick.linkage.evaluate_blocks import evaluate_blocks
from tallystick.linkage.saved import load_model


def show_blocks(
    path: Path,
    *,
    fit: bool,
    model: Path | None,
    suggest: float | None,
    most: int,
    show_values: bool,
    as_json: bool,
    threads: int | None,
    memory: float | None,
    progress: Progress,
) -> str:
    """What the passes of a specification do; with a model or a fit, which share of the matches they find."""
    if fit and model is not None:
        raise InputError("--fit and --model exclude each other: estimate a model, or give one.")
    analysis = analyse_blocks(
        _runnable(path),
        fit=fit,
        parameters=None if model is None else parameters_for_blocks(load_model(model)),
        suggest=suggest,
        most=most,
        threads=threads,
        memory=_bytes(memory),
        progress=progress,
    )
    if as_json:
        return json.dumps(analysis.to_dict(show_values), indent=2)
    return analysis.text(show_values)


def evaluate_passes(path: Path, truth: str, as_json: bool, threads: int | None, progress: Progress) -> str:
    """The passes of a specification against the truth."""
    found = evaluate_blocks(_runnable(path), truth, threads, progress)
    return json.dumps(found.to_dict(), indent=2) if as_json else found.text()
