"""The audit of a run that decisions of reviewers are applied to: the run that comes of it says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tallystick.linkage.run_folder import read_facts, read_later


def audit_of(run: Path) -> dict[str, Any] | None:
    """What a judged sample said of a run, or of the one that it came of itself; None without an estimate.

    Parameters
    ----------
    run : path
        Directory of a complete run.

    Returns
    -------
    dict or None
        As ``audit.json``: numbers only. Its ``run`` is the fingerprint of the run that was audited.
    """
    found = read_later(run / "audit.json")
    if found and found.get("estimate") and found.get("run") == read_facts(run).get("fingerprint"):
        return found
    carried: dict[str, Any] | None = (read_later(run / "review.json") or {}).get("audit")
    return carried
