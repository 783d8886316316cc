"""What the passes of a run did, its steps, or its match keys."""

from __future__ import annotations

from pathlib import Path

from tallystick.cli.match import keys_text
from tallystick.linkage.run_folder import read_facts
from tallystick.quality.steps import passes_text, steps_text


def show_passes(run: Path) -> str:
    """The table of the passes of a run, of its steps where it is sequential, or of its match keys."""
    counts = read_facts(run)["counts"]
    if "steps" in counts:
        return steps_text(counts["steps"])
    return passes_text(counts["passes"]) if "passes" in counts else keys_text(counts)
