"""Regressions and a table of a million links in 20,000 blocks, one core each: seconds and memory.

    analysis.py [--links 1000000] [--blocks 20000]

Each is a process of its own that reads a Parquet file: the constant and five covariates, with a fifth of the
links wrong. `fit` begins when the file is read and ends with the printed summary, imports included.
CPU seconds are what one core takes; on a machine that does much else the clock shows more.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ONE_CORE = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
)
FORMULA = "{} ~ x1 + x2 + x3 + x4 + x5"
CASES = {
    "naive": {"method": "naive"},
    "ratio type": {"method": "ratio"},
    "Lahiri-Larsen": {"method": "lahiri-larsen"},
    "EBLUE": {"method": "eblue"},
    "EBLUE, jackknife": {"method": "eblue", "variance": "jackknife"},
    "inverse Q": {"method": "inverse"},
    "ratio type, q of an audit": {"method": "ratio", "audit": True},
    "ratio type, logistic": {"method": "ratio", "family": "logistic"},
    "EBLUE, logistic": {"method": "eblue", "family": "logistic"},
    "ratio type, Poisson": {"method": "ratio", "family": "poisson"},
    "ratio type, register of 1.25 million": {"method": "ratio", "register": True},
    "table of 10 x 8": {"table": True},
}


def generate(path: Path, links: int, blocks: int) -> None:
    """A linked file: in each block a fifth of the outcomes belong to another record."""
    import numpy as np
    import polars as pl

    random = np.random.default_rng(1)
    block = random.integers(0, blocks, links)
    X = random.normal(size=(links, 5))
    eta = 1 + X @ [0.4, -0.2, 0.1, 0.0, 0.3]
    rows = np.flatnonzero(random.random(links) < 0.2)
    rows = rows[np.lexsort((random.random(len(rows)), block[rows]))]
    source = np.arange(links)
    for begin, end in _runs(block[rows]):
        source[rows[begin:end]] = np.roll(rows[begin:end], 1)
    columns = {f"x{k + 1}": X[:, k] for k in range(5)}
    linear = eta + random.normal(size=links)
    logistic = random.random(links) < 1 / (1 + np.exp(-eta))
    table = pl.DataFrame(columns).with_columns(
        block=block,
        linear=linear[source],
        logistic=logistic[source],
        poisson=random.poisson(np.exp(eta / 2))[source],
        rows=random.integers(0, 10, links),
        columns=(random.integers(0, 8, links))[source],
    )
    table.write_parquet(path)


def _runs(sorted_codes):  # type: ignore[no-untyped-def]
    import numpy as np

    cuts = np.flatnonzero(np.diff(sorted_codes)) + 1
    return zip([0, *cuts], [*cuts, len(sorted_codes)], strict=True)


def run(path: Path, name: str) -> None:
    """One case: prints what it took as JSON."""
    import numpy as np
    import polars as pl

    settings = dict(CASES[name])
    started, busy = time.perf_counter(), time.process_time()
    data = pl.read_parquet(path)
    read = time.perf_counter()
    from tallystick.analysis import audited, exchangeable, regression

    blocks = data["block"]
    if settings.pop("audit", False):
        sizes = np.bincount(blocks.to_numpy())
        checked = np.minimum(sizes, 10)
        model = audited(blocks, np.round(checked * 0.8), checked)
    else:
        model = exchangeable(blocks, 0.8)
    if settings.pop("table", False):
        from tallystick.analysis import contingency_table

        result = contingency_table(data["rows"], data["columns"], model)
        text = str(result)
    else:
        family = settings.pop("family", "linear")
        if settings.pop("register", False):
            from tallystick.analysis import incomplete

            n = len(data)
            register = pl.concat([data, data[: n // 4]])
            model = incomplete(register["block"], 0.8, np.arange(n))
            settings["register"] = register
        result = regression(FORMULA.format(family), data, model, family=family, **settings)
        text = str(result.summary())
    ended = time.perf_counter()
    print(text, file=sys.stderr)
    print(
        json.dumps(
            {
                "read": read - started,
                "fit": ended - read,
                "cpu": time.process_time() - busy,
                "steps": getattr(result, "steps", None),
            }
        )
    )


def main() -> None:
    """Measure every case in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--links", type=int, default=1_000_000)
    parser.add_argument("--blocks", type=int, default=20_000)
    parser.add_argument("--case", nargs=2, metavar=("FILE", "NAME"))
    chosen = parser.parse_args()
    if chosen.case:
        run(Path(chosen.case[0]), chosen.case[1])
        return
    from measure import measure

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "links.parquet"
        making = f"import sys; sys.path.insert(0, {str(HERE)!r}); import analysis; from pathlib import Path; "
        making += f"analysis.generate(Path({str(path)!r}), {chosen.links}, {chosen.blocks})"
        measure([sys.executable, "-c", making], ONE_CORE)
        print("| | fit, s | CPU, s | whole process, s | GB |\n|---|---|---|---|---|")
        for name in CASES:
            taken = measure([sys.executable, __file__, "--case", path, name], ONE_CORE)
            said = json.loads(taken.output.strip().splitlines()[-1])
            seconds = " | ".join(f"{value:.1f}" for value in (said["fit"], said["cpu"], taken.seconds))
            print(f"| {name} | {seconds} | {taken.peak_gb:.2f} |", flush=True)


if __name__ == "__main__":
    main()
