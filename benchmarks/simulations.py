"""Simulated files with known m, u and matches: bias, coverage of intervals, calibration of posteriors.

Run: python benchmarks/simulations.py [--runs 1000] [--design NAME] [--write]
With --write the table goes to docs/guide/simulations.md. Files of records are drawn, not independent pairs
(see tests/simulate.py); each run estimates anew and links, and only then is compared with the truth.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))
os.environ["POLARS_MAX_THREADS"] = "1"
os.environ["NUMBA_NUM_THREADS"] = "1"

from simulate import Field, Simulated, one_file, two_files  # noqa: E402

import tallystick as ts  # noqa: E402
from tallystick.blocking.passes import AnyPass  # noqa: E402
from tallystick.estimation.parameters import logit_interval  # noqa: E402
from tallystick.linkage.links import assemble, fit_counts  # noqa: E402
from tallystick.linkage.prepare import as_sources, prepare  # noqa: E402
from tallystick.patterns.count import count_patterns  # noqa: E402

PAGE = HERE.parent / "docs" / "guide" / "simulations.md"
BANDS = np.linspace(0, 1, 11)
FEWEST = 500

EVEN = (
    Field("given", 100, redrawn=0.12),
    Field("surname", 400, redrawn=0.08),
    Field("sex", 2, redrawn=0.1),
    Field("birth", 80, redrawn=0.1),
    Field("house", 60, redrawn=0.2),
)
SKEWED = (
    Field("given", 200, 1.0, redrawn=0.12, missing=0.05),
    Field("surname", 1500, 0.9, 4, redrawn=0.08, altered=0.1, missing=0.1),
    Field("sex", 2, redrawn=0.1, missing=0.02),
    Field("birth", 300, 0.3, redrawn=0.1, missing=0.2),
    Field("town", 300, 1.1, redrawn=0.2, missing=0.3),
)
TELLING = (
    Field("given", 300, 0.5, redrawn=0.12, missing=0.1),
    Field("surname", 2000, 0.5, 4, redrawn=0.1, altered=0.1),
    Field("birth", 1000, redrawn=0.1, missing=0.05),
    Field("place", 500, 0.5, 3, redrawn=0.15, altered=0.1, missing=0.3),
)
PASSES = (
    ts.blocking_key(ts.first("surname", 6)),
    ts.blocking_key("given", "birth"),
    ts.blocking_key("birth", "town"),
)


@dataclass(frozen=True)
class Design:
    """Files, how they are linked, and whether the fields of a copy go wrong apart from each other."""

    what: str
    fields: Sequence[Field]
    files: Callable[[Sequence[Field], int], Simulated]
    rate: float
    passes: Sequence[AnyPass] = (ts.all_pairs(),)
    one_to_one: bool = True
    together: float = 0.0


def link(left: int, right: int, matches: int) -> Callable[[Sequence[Field], int], Simulated]:
    """Two files without duplicates."""
    return lambda fields, seed: two_files(fields, left, right, matches, seed)


def dedupe(entities: int, twice: int) -> Callable[[Sequence[Field], int], Simulated]:
    """One file."""
    return lambda fields, seed: one_file(fields, entities, twice, seed)


DESIGNS = {
    "dense": Design("95 by 95 records, even values", EVEN, link(95, 95, 90), 1e-2),
    "even": Design("2,000 by 2,400, even values", EVEN, link(2000, 2400, 1200), 2.5e-4),
    "skewed": Design(
        "1,600 by 1,400, skewed values, up to 30 % missing",
        SKEWED,
        link(1600, 1400, 700),
        3.1e-4,
        one_to_one=False,
    ),
    "blocked": Design(
        "1,800 by 1,800, as skewed, three passes",
        SKEWED,
        link(1800, 1800, 900),
        2.8e-4,
        PASSES,
        one_to_one=False,
    ),
    "skewed, one-to-one": Design("as skewed, one-to-one links", SKEWED, link(1600, 1400, 700), 3.1e-4),
    "one file": Design(
        "2,400 records, as skewed, 600 twice", SKEWED, dedupe(1800, 600), 2.1e-4, one_to_one=False
    ),
    "rare": Design("5,000 by 4,000, 1 match in 20 records", TELLING, link(5000, 4000, 200), 1e-5),
    "very rare": Design("9,000 by 9,000, 1 match in 110 records", TELLING, link(9000, 9000, 81), 1e-6),
    "together": Design(
        "as even, but errors come together", EVEN, link(2000, 2400, 1200), 2.5e-4, together=0.5
    ),
}


def drawn(design: Design, seed: int) -> Simulated:
    """The files of a run; where errors come together, the copies of some entities have no error at all."""
    if not design.together:
        return design.files(design.fields, seed)
    # A share of the copies is spared, the others have so many more errors that m stays what it is.
    worse = [
        Field(
            f.name, f.n_values, f.skew, f.n_variants, f.redrawn / (1 - design.together), f.altered, f.missing
        )
        for f in design.fields
    ]
    spared = np.random.default_rng([seed, 1]).random(20_000) < design.together
    return two_files(worse, 2000, 2400, 1200, seed, spared=spared)


@dataclass(frozen=True)
class Run:
    """Estimates of a run: name, truth, estimate, limits; and posteriors by band."""

    rows: list[tuple[str, float, float, float, float]]
    bands: NDArray[np.float64]
    of_pairs: NDArray[np.float64]
    converged: bool


def one_run(name: str, seed: int) -> Run:
    """Draw files, link them, compare."""
    design = DESIGNS[name]
    files = drawn(design, seed)
    comparisons = [
        ts.comparison(one.name, ts.exact() if one.n_levels == 2 else ts.levenshtein(1))
        for one in design.fields
    ]
    linkage = ts.Linkage(
        comparisons,
        design.passes,
        one_to_one=design.one_to_one,
        estimation=ts.Estimation(random_pairs=1_000_000, related="none"),
        seed=seed + 1,
    )
    prepared = prepare(linkage.spec, as_sources(files.tables), threads=1)
    counts = count_patterns(prepared.plan, threads=1)
    fitted = fit_counts(prepared, counts, threads=1)
    parameters = fitted.parameters
    links = assemble(prepared, parameters, counts, fitted.scored, threads=1)
    rows = []
    for number, (field, one) in enumerate(zip(design.fields, parameters.comparisons, strict=True)):
        errors = parameters.errors_of(number)
        for which, true, found, error in (
            ("m", field.m, one.m, None if errors is None else errors[0]),
            ("u", field.u, one.u, None if errors is None else errors[1]),
        ):
            for level in range(1, field.n_levels):
                low, high = (
                    (np.nan, np.nan) if error is None else logit_interval(found[level], float(error[level]))
                )
                rows.append((f"{which} {field.name} {level}", float(true[level]), found[level], low, high))
    pair = parameters.pairs[0]
    spread = np.nan if parameters.uncertainty is None else 1.96 * parameters.uncertainty.errors[-1]
    e = pair.expected_matches
    rows.append(("matches", float(files.n_matches), e, e * np.exp(-spread), e * np.exp(spread)))
    entity = np.concatenate(files.entities)
    decided = links.decided
    match = entity[decided.pairs.left] == entity[decided.pairs.right]
    true_links = float((match & decided.links).sum())
    rates = links.quality()
    limits = rates.intervals
    for which, true in (
        ("precision", true_links / max(1, decided.links.sum())),
        ("recall", true_links / files.n_matches),
    ):
        own = limits.get(which)
        low, high = (np.nan, np.nan) if own is None else (own.low, own.high)
        rows.append((which, true, getattr(rates, which) or np.nan, low, high))
    bands = [_by_band(posterior, match) for posterior in (decided.posterior, decided.posterior_pair)]
    return Run(rows, *bands, bool(parameters.converged))


def _by_band(posterior: NDArray[np.float64], match: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Numbers of pairs, sums of posteriors, numbers of matches by tenth of the posterior, shape (3, 10)."""
    band = np.clip(np.digitize(posterior, BANDS) - 1, 0, 9)
    values = (np.ones(len(band)), posterior, match.astype(float))
    return np.stack([np.bincount(band, weights=one, minlength=10) for one in values])


def _run(job: tuple[str, int]) -> Run:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return one_run(*job)


@dataclass(frozen=True)
class Summary:
    """What many runs of a design show."""

    worst_bias: tuple[str, float, float]
    coverage: dict[str, tuple[float, float, float]]
    calibration: tuple[float, float]
    converged: float
    seconds: float


def summarise(runs: Sequence[Run], seconds: float) -> Summary:
    """Bias in standard errors of a single estimate and of the mean; coverage by kind; calibration."""
    names = [row[0] for row in runs[0].rows]
    values = np.array([[row[1:] for row in run.rows] for run in runs])
    true, found, low, high = (values[:, :, k] for k in range(4))
    inside = (low <= true) & (true <= high)
    worst, coverage = ("", 0.0, 0.0), {}
    for k, name in enumerate(names):
        kind = name.split()[0]
        coverage.setdefault(kind, []).append(float(inside[:, k].mean()))
        if kind in ("m", "u", "matches"):
            error = found[:, k] - true[:, k]
            sd = float(error.std(ddof=1))
            bias = float(error.mean()) / sd if sd > 0 else 0.0
            if abs(bias) > abs(worst[1]):
                worst = (name, bias, float(error.mean() / abs(true[:, k]).mean()))
    calibration = []
    for kind in ("bands", "of_pairs"):
        pairs, posterior, matches = np.sum([getattr(run, kind) for run in runs], axis=0)
        enough = pairs >= FEWEST
        calibration.append(float(np.abs((posterior - matches)[enough] / pairs[enough]).max()))
    ranges = {kind: (min(own), float(np.mean(own)), max(own)) for kind, own in coverage.items()}
    return Summary(
        worst,
        ranges,
        (calibration[0], calibration[1]),
        float(np.mean([run.converged for run in runs])),
        seconds,
    )


def table_of(found: dict[str, Summary], runs: int) -> str:
    """The table as the page has it."""
    lines = [
        "| files | match rate | largest bias of m, u, matches | m | u | matches | precision | recall "
        "| posterior | posterior_pair |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, one in found.items():
        design = DESIGNS[name]
        label, bias, relative = one.worst_bias
        cells = []
        for kind in ("m", "u", "matches", "precision", "recall"):
            low, mean, high = one.coverage[kind]
            cells.append(f"{mean:.3f}" + (f" ({low:.3f} to {high:.3f})" if high > low else ""))
        lines.append(
            f"| {design.what} | {design.rate:.0e} | {label}: {bias:+.2f} sd ({relative:+.2%}) | "
            + " | ".join(cells)
            + f" | {one.calibration[0]:.3f} | {one.calibration[1]:.3f} |"
        )
    return "\n".join(lines) + f"\n\n{runs:,} runs of each design.\n"


def main() -> None:
    """Run the designs and print, or write, the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--design", choices=DESIGNS, action="append")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    found: dict[str, Summary] = {}
    with ProcessPoolExecutor(asked.processes) as pool:
        for name in asked.design or DESIGNS:
            start = time.perf_counter()
            first = 10_000 * list(DESIGNS).index(name)
            jobs = [(name, first + k) for k in range(asked.runs)]
            found[name] = summarise(list(pool.map(_run, jobs, chunksize=10)), time.perf_counter() - start)
            print(name, found[name], flush=True)
            if asked.write:
                _write(table_of(found, asked.runs))
    print(table_of(found, asked.runs))


def _write(table: str) -> None:
    """Put the table in its place on the page, after each design what is known by then."""
    before, _, rest = PAGE.read_text("utf-8").partition("<!-- table -->\n")
    _, _, after = rest.partition("<!-- end of table -->\n")
    PAGE.write_text(f"{before}<!-- table -->\n{table}<!-- end of table -->\n{after}", "utf-8")


if __name__ == "__main__":
    main()
