"""Counting the patterns of all pairs of CIS and PRD, tables of values made and kernels warm; prints JSON."""

from __future__ import annotations

import json
import time
from pathlib import Path

import tallystick as ts
from tallystick.linkage.prepare import prepare
from tallystick.patterns.count import count_patterns
from tallystick.spec import load_spec, resolved

SPEC = Path(__file__).parent.parent / "examples" / "essnet.toml"


def main() -> None:
    spec = resolved(load_spec(SPEC), SPEC.parent)
    plan = prepare(spec, spec.sources).plan
    count_patterns(plan)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        count_patterns(plan)
        seconds.append(time.perf_counter() - start)
    pairs = int(plan.blocking.candidate_pairs().sum())
    row = {
        "work": "CIS to PRD, counting",
        "by": f"tallystick {ts.__version__}",
        "seconds": min(seconds),
        "pairs": pairs,
    }
    print(json.dumps([row]))


if __name__ == "__main__":
    main()
