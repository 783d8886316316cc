"""What the passes of a run did."""

from __future__ import annotations

from pathlib import Path

from tallystick.cli.commands import _facts
from tallystick.quality.steps import passes_text, steps_text


def show_passes(run: Path) -> str:
    """The table of the passes of a run, of a sequential one that of its steps."""
    counts = _facts(run)["counts"]
    return steps_text(counts["steps"]) if "steps" in counts else passes_text(counts["passes"])
