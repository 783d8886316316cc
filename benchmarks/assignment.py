"""The assignment beside scipy's: assignment.py [--no-persons] [--limit SECONDS] [--only WORD].

Generates components of some 400,000 pairs, each of another kind, and takes the pairs above the no-link
constant of CIS to PRD and of a million generated persons in two files. Of each it prints the seconds of the
processor (each method has one thread, and the machine may have other work), and the memory beyond that of the
pairs, of

- `assign`, as a linkage calls it: clear pairs, stars, the solver, the proof by prices, the ties;
- our solver alone (`best_matching`) on all pairs;
- scipy's `min_weight_full_bipartite_matching` on all pairs, which gives neither proof nor ties.

Each is timed in a process of its own, after a small call that loads what is compiled, and is stopped after
--limit seconds. The totals must be equal. CIS and PRD are read from the folder TALLYSTICK_DATA.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
DATA = Path(os.environ.get("TALLYSTICK_DATA", HERE.parent.parent / "shared" / "data"))
EDGES = 400_000
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Pairs = tuple[Ints, Ints, Floats]

PASSES = (
    ("forename", "surname"),
    ("date_of_birth", "surname"),
    ("postcode", "forename"),
)


def sparse(rng: np.random.Generator, n: int = 100_000) -> tuple[Ints, Ints]:
    """One component of `EDGES` pairs of n and n records: a path through all, and random pairs."""
    step = np.arange(n)
    path = np.concatenate([step * n + step, step[1:] * n + step[:-1]])
    cells = path
    while len(cells) < EDGES:
        more = rng.integers(0, n * n, 2 * (EDGES - len(cells)))
        more = np.setdiff1d(more, cells)
        cells = np.concatenate([cells, rng.permutation(more)[: EDGES - len(cells)]])
    return cells // n, n + cells % n


def dense(n: int = 650) -> tuple[Ints, Ints]:
    """All pairs of n and n records."""
    left, right = np.divmod(np.arange(n * n), n)
    return left, n + right


def chain(n: int = EDGES // 2) -> tuple[Ints, Ints]:
    """A path through n and n records, in the order of the rows."""
    step = np.arange(n)
    return np.concatenate([step, step[1:]]), n + np.concatenate([step, step[:-1]])


def generated(kind: str) -> Pairs:
    """A component: its shape and its weights."""
    rng = np.random.default_rng(1)
    shape, weights = kind.split(", ")
    left, right = {"sparse": lambda: sparse(rng), "dense": dense, "chain": chain}[shape]()
    n = len(left)
    values: dict[str, Callable[[], Floats]] = {
        "spread weights": lambda: rng.normal(5.0, 3.0, n).clip(0.01),
        "close weights": lambda: 10.0 + rng.random(n),
        "nearly equal weights": lambda: 10.0 + rng.random(n) * 1e-3,
        "five weights": lambda: rng.integers(1, 6, n).astype(float),
        "one weight": lambda: np.ones(n),
        "products of ranks": lambda: (1.0 + left) * (1.0 + right - right.min()),
    }
    return left, right, values[weights]()


def essnet() -> Pairs:
    """Pairs of CIS to PRD, their weights less the no-link constant."""
    import tallystick as ts

    linkage = ts.Linkage.from_toml(HERE.parent / "examples" / "essnet.toml")
    sources = [
        ts.Source(name=name, path=DATA / f"{name}.csv", id=f"{name}_id", truth=("person_id",))
        for name in ("cis", "prd")
    ]
    return _gains(linkage.fit(*sources).link(*sources))


def persons() -> Pairs:
    """The same of a million generated persons in two files."""
    import tallystick as ts
    from tallystick.datasets import persons as generate

    files = generate(1_000_000, 1_000_000, overlap=0.8, seed=1)
    names = [ts.comparison(field, ts.jaro_winkler(0.92, 0.85, 0.75)) for field in ("forename", "surname")]
    dates = [ts.comparison("date_of_birth", ts.damerau_levenshtein(1, 2))]
    rest = [ts.comparison(field, ts.exact()) for field in ("sex", "postcode", "house_number")]
    linkage = ts.Linkage([*names, *dates, *rest], [ts.blocking_key(*one) for one in PASSES], one_to_one=True)
    sources = [
        ts.Source(name=name, table=table, id="record_id", truth=("person_id", "household_id"))
        for name, table in (("left", files.left), ("right", files.right))
    ]
    return _gains(linkage.fit(*sources).link(*sources))


def _gains(links: Any) -> Pairs:
    from tallystick.linking.decide import constant_of

    pairs = links.decided.pairs
    gain = pairs.weight - constant_of(links.model.parameters.pairs[0])
    kept = gain > 0
    return pairs.left[kept].astype(np.int64), pairs.right[kept].astype(np.int64), gain[kept]


KINDS = (
    "sparse, spread weights",
    "sparse, close weights",
    "sparse, nearly equal weights",
    "sparse, five weights",
    "sparse, one weight",
    "dense, spread weights",
    "dense, nearly equal weights",
    "dense, five weights",
    "dense, products of ranks",
    "chain, close weights",
    "chain, one weight",
)


def whole(left: Ints, right: Ints, gain: Floats) -> dict[str, float]:
    """The assignment of a linkage."""
    from tallystick.linking.assign import assign

    found = assign(left, right, gain)
    return {"total": found.total, "chosen": int(found.chosen.sum()), "ties": int(found.tie.sum())}


def solver(left: Ints, right: Ints, gain: Floats) -> dict[str, float]:
    """Our solver alone, and its proof."""
    from tallystick.linking.assign import pair_graph
    from tallystick.linking.matching import best_matching

    graph = pair_graph(left, right)
    gains = gain[graph.position]
    scale = 2.0 ** (48 - int(np.frexp(gains.max())[1]))
    whole_gains = np.rint(gains * scale).astype(np.int64)
    second = graph.second - graph.n_first
    found = best_matching(graph.first, second, whole_gains)
    found.check(graph.first, second, whole_gains)
    return {"total": float(gains[found.chosen].sum()), "chosen": int(found.chosen.sum())}


def scipy_alone(left: Ints, right: Ints, gain: Floats) -> dict[str, float]:
    """scipy's solver; every row has a column of its own that stands for "no partner"."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    rows, row = np.unique(left, return_inverse=True)
    columns, column = np.unique(right, return_inverse=True)
    every = np.arange(len(rows))
    values = np.concatenate([gain + 1.0, np.ones(len(rows))])
    where = np.concatenate([row, every]), np.concatenate([column, len(columns) + every])
    table = coo_array((values, where), shape=(len(rows), len(columns) + len(rows))).tocsr()
    chosen = min_weight_full_bipartite_matching(table, maximize=True)
    real = chosen[1] < len(columns)
    return {"total": float(table[chosen].sum() - len(rows)), "chosen": int(real.sum())}


METHODS = {"assign": whole, "solver": solver, "scipy": scipy_alone}


def time_one(path: str, method: str, limit: float) -> None:
    """Time a method on saved pairs, in a process of its own."""
    data = np.load(path)
    pairs = data["left"], data["right"], data["gain"]
    small = np.array([0, 0, 1, 1]), np.array([5, 6, 5, 6]), np.array([3.0, 2.9, 2.8, 2.6])
    METHODS[method](*small)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    if limit:
        most = int(start + limit) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    result: dict[str, float] = METHODS[method](*pairs)
    result["seconds"] = time.process_time() - start
    result["mb"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps(result))


def save_pairs(kind: str, path: str) -> None:
    """Make pairs and save them; in a process of its own, so that its memory is let go."""
    of_files = {"CIS to PRD": essnet, "a million persons": persons}
    left, right, gain = of_files[kind]() if kind in of_files else generated(kind)
    np.savez(path, left=left, right=right, gain=gain)


def run(*arguments: str) -> str | None:
    """The output of this script with other arguments; None where it takes too long."""
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE)
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return None
    done.check_returncode()
    return done.stdout.decode()


def main() -> None:
    """Print a table of all kinds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-persons", action="store_true", help="leave the million persons out")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds after which a method is stopped")
    parser.add_argument("--only", default="", help="kinds whose name holds this")
    parser.add_argument("--save", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--time", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.save:
        save_pairs(*given.save)
        return
    if given.time:
        time_one(*given.time, given.limit)
        return
    kinds = [*KINDS, "CIS to PRD", *([] if given.no_persons else ["a million persons"])]
    print("| pairs | number | largest component | links | ties | assign | solver | scipy |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "pairs.npz")
        for kind in (one for one in kinds if given.only in one):
            run("--save", kind, path)
            data = np.load(path)
            line = [kind, f"{len(data['gain']):,}", f"{largest(data['left'], data['right']):,}"]
            cells, totals = [], []
            for method in METHODS:
                text = run("--limit", str(given.limit), "--time", path, method)
                if text is None:
                    cells.append(f"> {given.limit:.0f} s")
                    continue
                found = json.loads(text)
                cells.append(f"{found['seconds']:.2f} s, {found['mb']:.0f} MB")
                totals.append(found["total"])
                if method == "assign":
                    line += [f"{found['chosen']:,}", f"{found['ties']:,}"]
            if totals and not np.allclose(totals, totals[0], rtol=1e-9):
                raise SystemExit(f"{kind}: the totals differ: {totals}")
            print("| " + " | ".join([*line, *cells]) + " |", flush=True)


def largest(left: Ints, right: Ints) -> int:
    """Pairs of the largest component."""
    from tallystick.linking.cluster import connected_components

    part = connected_components(left, right, int(max(left.max(), right.max())) + 1)
    return int(np.bincount(part[left]).max())


if __name__ == "__main__":
    main()
