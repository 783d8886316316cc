"""What the rows of one run come to: ratios and limits, each beside its target."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Row = dict[str, Any]
MILLION = "deduplicate 1,000,000 persons"
MILLIONS = (MILLION, f"{MILLION}, whole address")
GROWTH = [f"deduplicate {n:,} persons" for n in (100_000, 1_000_000, 10_000_000)]


@dataclass(frozen=True)
class Target:
    """A figure and the limit it has to keep, at least or at most."""

    what: str
    value: float
    limit: float
    at_least: bool

    @property
    def met(self) -> bool:
        """Whether the limit is kept."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def as_dict(self) -> dict[str, Any]:
        """For results.json."""
        limit = {"at_least" if self.at_least else "at_most": self.limit}
        return {"what": self.what, "value": round(self.value, 4), **limit, "met": self.met}


def targets(rows: list[Row]) -> list[Target]:
    """The targets that the rows of this run tell about."""
    ours = {row["work"]: row for row in rows if row["by"].startswith("tallystick")}
    peers = {row["work"]: row for row in rows if not row["by"].startswith("tallystick")}
    return [
        *_kernels(ours, peers),
        *_limits(ours),
        *_against_splink(ours, peers),
        *_growth(ours),
        *_explained(ours),
    ]


def _kernels(ours: dict[str, Row], peers: dict[str, Row]) -> Iterator[Target]:
    for work in ours:
        if work.startswith("kernel:"):
            times = 5.0 if "surnames" in work else 3.0
            yield Target(f"{work}, times as fast", _times(ours, peers, work, "seconds"), times, True)


def _limits(ours: dict[str, Row]) -> Iterator[Target]:
    def speed(row: Row) -> float:
        return float(row["pairs"] / row["seconds"] / 1e6)

    def seconds(row: Row) -> float:
        return float(row["seconds"])

    def memory(row: Row) -> float:
        return float(row["peak_gb"])

    wanted: list[tuple[str, str, Callable[[Row], float], float, bool]] = [
        ("CIS to PRD, counting", "million pairs/s", speed, 150, True),
        ("CIS to PRD, whole", "seconds", seconds, 15, False),
        ("CIS to PRD, whole", "GB", memory, 1, False),
        ("febrl4, all pairs", "seconds", seconds, 3, False),
        ("tallystick --help", "seconds", seconds, 0.3, False),
        ("import tallystick", "seconds", seconds, 0.3, False),
        (GROWTH[-1], "GB", memory, 10, False),
    ]
    for work, unit, figure, limit, at_least in wanted:
        if work in ours:
            yield Target(f"{work}, {unit}", figure(ours[work]), limit, at_least)


def _against_splink(ours: dict[str, Row], peers: dict[str, Row]) -> Iterator[Target]:
    for work in MILLIONS:
        if work not in ours or work not in peers:
            continue
        yield Target(f"{work}, times as fast as Splink", _times(ours, peers, work, "seconds"), 30, True)
        yield Target(f"{work}, Splink's memory over ours", _times(ours, peers, work, "peak_gb"), 3, True)
        for mine, theirs in zip(ours[work]["errors"], peers[work]["errors"], strict=True):
            what = f"{work}, F1 less Splink's at {mine['cut_off']}"
            yield Target(what, mine["f1"] - theirs["f1"], 0, True)
            yield Target(f"{work}, Splink's F1 at {mine['cut_off']}", theirs["f1"], 0.98, False)


def _growth(ours: dict[str, Row]) -> Iterator[Target]:
    per_pair = [ours[work]["seconds"] / ours[work]["pairs"] for work in GROWTH if work in ours]
    if len(per_pair) > 1:
        yield Target("growth: slowest over fastest time per pair", max(per_pair) / min(per_pair), 1.5, False)
        most = max(later / before for before, later in pairwise(per_pair))
        yield Target("growth: time per pair over that of the next smaller file", most, 1.5, False)


def _explained(ours: dict[str, Row]) -> Iterator[Target]:
    """How far what `--explain` expects is from what came: pairs exactly, time and memory by a factor."""
    for work, row in ours.items():
        if "expected" in row:
            wrong = abs(row["expected"]["pairs"] - row["pairs"])
            yield Target(f"{work}, pairs that --explain has wrong", wrong, 0, False)
            for figure in ("seconds", "peak_gb"):
                factor = row["expected"][figure] / row[figure]
                yield Target(f"{work}, factor of --explain, {figure}", max(factor, 1 / factor), 2, False)


def _times(ours: dict[str, Row], peers: dict[str, Row], work: str, figure: str) -> float:
    return float(peers[work][figure] / ours[work][figure])
