"""What it takes to make the run again."""

from __future__ import annotations

from tallystick.quality.report.figures import Content, Figures


def reproducibility(figures: Figures) -> Content:
    """Seed, threads, versions, and the time that each stage took."""
    run = figures.run
    return {
        "seed": run.get("seed"),
        "threads": run.get("threads"),
        "fingerprint": run.get("fingerprint"),
        "versions": dict(run.get("versions") or {}),
        "timings": dict(run.get("timings") or {}),
    }
