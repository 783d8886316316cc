"""The whole way, simulated: persons with families, errors, a linkage by this product, a regression on it.

One file holds x, the other y, and y = 1 + 2 x + e. x has nothing to do with what is compared, and e is
standard normal. The files are linked within stated blocks, the postcode less its last letter, by surname and
year of birth: forename, day and month of birth, sex, address and telephone are withheld, so that some 8 %
of the best candidates are wrong. m- and u-probabilities of the fields that are left come from a linkage of
other files with all fields (`learnt`); the expected matches are estimated anew each time. No linkage and no
estimate but `injected` and those with q of the truth sees who is who.

A second x is alike in families, with a correlation of 0.3: who is linked with a relative, or has a relative
among the candidates but no match, shows a part of the own x then, which no error model here allows for.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from simulate_links import moved

import tallystick as ts
from tallystick.analysis import (
    audited,
    audited_precision,
    contingency_table,
    exchangeable,
    listed_probabilities,
    posterior,
    record_level,
)
from tallystick.analysis.error_models.blocks import blocks_of
from tallystick.analysis.error_models.error_model import ErrorModel
from tallystick.analysis.regressions.fit import Estimate, fit
from tallystick.datasets import ErrorRates, persons

Floats = NDArray[np.float64]

INTERCEPT, SLOPE = 1.0, 2.0
FAMILY = 0.3  # correlation of the second x within a household
OVERLAP = 0.9
BANDS = (0.6, 0.9, 0.99)  # of the posterior, for q by record
AUDITED = 400
# Blocks are stated, so they hold no errors; who has moved is in another one.
RATES = ErrorRates(postcode_typing=0, postcode_ocr=0, postcode_transposed=0, missing_postcode=0)
CORRECTED = ("ratio", "lahiri-larsen", "eblue", "inverse")


def _comparisons(*names: str) -> list[Any]:
    names_alike = ts.jaro_winkler(0.92, 0.85, 0.75)
    known = {
        "forename": ts.comparison("forename", names_alike),
        "surname": ts.comparison("surname", names_alike),
        "sex": ts.comparison("sex", ts.exact()),
        "year": ts.comparison("year", ts.exact()),
        "house_number": ts.comparison("house_number", ts.exact()),
        "phone": ts.comparison("phone", ts.damerau_levenshtein(1)),
        "area": ts.comparison("area", ts.exact()),
    }
    return [known[name] for name in names]


def two_files(n: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two files of n persons each."""
    made = persons(n, n, overlap=OVERLAP, seed=seed, rates=RATES, threads=1)
    left, right = (
        table.with_columns(
            area=pl.col("postcode").str.slice(0, 7), year=pl.col("date_of_birth").str.slice(0, 4)
        )
        for table in (made.left, made.right)
    )
    return left, right


def _sources(files: tuple[pl.DataFrame, pl.DataFrame]) -> list[ts.Source]:
    truth = ("person_id", "household_id")
    return [
        ts.Source(name=name, table=table, id="record_id", truth=truth)
        for name, table in zip(("register", "survey"), files, strict=True)
    ]


def learnt(folder: Path, n: int = 20_000, seed: int = 99_991) -> Path:
    """A model of all fields, of files that are not analysed; gives the path it is saved at."""
    passes = ("area", "phone")
    linkage = ts.Linkage(
        comparisons=_comparisons("forename", "surname", "sex", "year", "house_number", "phone", "area"),
        passes=[*map(ts.blocking_key, passes), ts.blocking_key("surname", "forename")],
        one_to_one=True,
    )
    path = folder / "learnt.json"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ts.TallystickWarning)
        linkage.fit(*_sources(two_files(n, seed)), threads=1).save(path)
    return path


@dataclass(frozen=True)
class Linked:
    """Two files, linked, with what is true of them.

    Attributes
    ----------
    x : float64 array
        Of the records of the register.
    y, block, true_x : arrays
        Of the records of the survey: outcome, block, and the covariate that belongs to it.
    linked : int64 array
        Row of the register of each record of the survey, -1 for none: the best candidates one to one, ties
        at random.
    probability : float64 array
        Posterior of that link; 0 without one.
    right : bool array
        Whether the link is right.
    model : ErrorModel
        Posterior probabilities of all candidates.
    expected, matches : float
        Sum of the posteriors, and matches among the candidates.
    """

    x: Floats
    y: Floats
    block: NDArray[Any]
    true_x: Floats
    linked: NDArray[np.int64]
    probability: Floats
    right: NDArray[np.bool_]
    model: ErrorModel
    expected: float
    matches: float


def linked_files(n: int, seed: int, model: Path) -> tuple[Linked, Linked]:
    """Draw persons, files and outcomes, and link the files: x of each by itself, and x alike in families."""
    files = two_files(n, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ts.TallystickWarning)
        linkage = ts.Linkage(
            comparisons=_comparisons("surname", "year", "area"),
            passes=[ts.blocking_key("area")],
            lower=0.1,
            upper=0.1,
            one_to_one=True,
            estimation=ts.Estimation(previous=ts.Previous(model=str(model), use="as_is", others="estimate")),
        )
        links = linkage.fit(*_sources(files), threads=1).link(*_sources(files), threads=1)
    rng = np.random.default_rng([seed, 1])
    left, right = files
    found = listed_probabilities(links.pairs, left["record_id"], right["record_id"])
    who = pl.concat([table.select("person_id", "household_id") for table in files])
    who = who.unique("person_id", keep="first", maintain_order=True)
    household = who["household_id"].rank("dense").to_numpy().astype(np.int64) - 1
    row = pl.DataFrame({"person_id": who["person_id"], "row": np.arange(len(who))})
    person_left, person_right = (
        table.join(row, on="person_id", how="left", maintain_order="left")["row"].to_numpy()
        for table in files
    )
    linked, probability = _best(found.left, found.right, found.probability, len(left), len(right), rng)
    is_right = (linked >= 0) & (person_left[linked] == person_right)
    block = right["area"].to_numpy()
    errors = posterior(found, outcome="right", linked=linked, blocks=block)
    is_match = person_left[found.left] == person_right[found.right]
    own, noise = rng.standard_normal((2, len(who)))
    of_family = rng.standard_normal(household.max() + 1)[household]
    made = []
    for x in (own, np.sqrt(FAMILY) * of_family + np.sqrt(1 - FAMILY) * own):
        y = INTERCEPT + SLOPE * x + noise
        made.append(
            Linked(
                x[person_left],
                y[person_right],
                block,
                x[person_right],
                linked,
                probability,
                is_right,
                errors,
                float(found.probability.sum()),
                float(is_match.sum()),
            )
        )
    return made[0], made[1]


def _best(
    left: NDArray[Any],
    right: NDArray[Any],
    chance: Floats,
    n_left: int,
    n_right: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], Floats]:
    """The best candidate of each record one to one, ties at random."""
    free = np.ones(n_left, bool)
    linked = np.full(n_right, -1)
    probability = np.zeros(n_right)
    # Equal but for rounding is equal.
    for pair in np.lexsort((rng.random(len(left)), -chance.round(9))):
        if chance[pair] < 0.1:
            break
        if free[left[pair]] and linked[right[pair]] < 0:
            free[left[pair]] = False
            linked[right[pair]] = left[pair]
            probability[right[pair]] = chance[pair]
    return linked, probability


def _design(x: Floats) -> Floats:
    return np.column_stack([np.ones(len(x)), x])


def _slope(found: Estimate) -> tuple[float, float, float]:
    """Slope, its standard error, and whether the 95 % interval holds the true one."""
    from scipy.stats import t

    value, error = float(found.coefficients[1]), float(found.standard_errors[1])
    reach = float(t.ppf(0.975, found.df)) * error
    return value, error, float(abs(value - SLOPE) <= reach)


def _several(blocks: NDArray[Any]) -> NDArray[np.bool_]:
    """Rows of blocks that have more than one: a single record has no wrong link within its block."""
    found = blocks_of(blocks)
    return found.sizes[found.codes] > 1


def q_by_block(blocks: NDArray[Any], right: NDArray[np.bool_]) -> dict[Any, float]:
    """Share of right links of each block; no less than chance would give."""
    found = blocks_of(blocks)
    shares = np.maximum(found.means(right.astype(float)), 1.0001 / found.sizes)
    return dict(zip(found.labels.tolist(), shares.tolist(), strict=True))


def by_posteriors(files: Linked) -> dict[str, Any]:
    """The estimate by this run's own posteriors, and what the naive one and theory are."""
    found = fit(files.y, _design(files.x), files.model, method="lahiri-larsen")
    has = files.linked >= 0
    x, y, true_x = files.x[files.linked[has]], files.y[has], files.true_x[has]
    from_mean = x - x.mean()
    return {
        "links": int(has.sum()),
        "wrong": 1 - float(files.right[has].mean()),
        "expected": files.expected,
        "matches": files.matches,
        "naive": float(from_mean @ y / (from_mean @ from_mean)),
        # What the naive slope is on average over e, given who is linked with whom.
        "naive, theory": SLOPE * float(from_mean @ true_x / (from_mean @ from_mean)),
        "posterior Q": _slope(found),
    }


def as_exchangeable(files: Linked, seed: int) -> dict[str, Any]:
    """Estimators that take errors as exchangeable, on errors that are not."""
    has = np.flatnonzero(files.linked >= 0)
    has = has[_several(files.block[has])]
    y, block = files.y[has], files.block[has]
    right, design = files.right[has], _design(files.x[files.linked[has]])
    of_truth = exchangeable(block, q_by_block(block, right))
    made = {
        method: _slope(fit(y, design, of_truth, method=method))
        for method in ("ratio", "lahiri-larsen", "eblue")
    }
    shown = of_truth.expected(design @ np.array([INTERCEPT, SLOPE]))
    naive = np.linalg.lstsq(design, shown, rcond=None)[0][1]
    rng = np.random.default_rng([seed, 2])
    drawn = rng.choice(len(has), AUDITED, replace=False)
    pooled = audited(block, int(right[drawn].sum()), AUDITED, pooled=True)
    made["ratio, q audited"] = _slope(fit(y, design, pooled, method="ratio"))
    bands = np.digitize(files.probability[has], BANDS)
    # Neyman's allocation would do better; equal parts are what an office does first.
    right_of, checked = {}, {}
    for band in np.unique(bands):
        of_band = np.flatnonzero(bands == band)
        some = rng.choice(of_band, min(AUDITED // len(np.unique(bands)), len(of_band)), replace=False)
        right_of[int(band)], checked[int(band)] = int(right[some].sum()), len(some)
    sizes = {int(band): int((bands == band).sum()) for band in np.unique(bands)}
    precision = audited_precision(sizes, right_of, checked, shrink=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ts.TallystickWarning)
        by_band = record_level(block, precision, bands=bands)
        made["ratio, q by band audited"] = _slope(fit(y, design, by_band, method="ratio"))
    return {"naive, exchangeable": float(naive), **{f"real {name}": one for name, one in made.items()}}


def injected(files: Linked, seed: int) -> dict[str, Any]:
    """All estimators on right links, into which as many wrong ones are put as there were, block by block."""
    rng = np.random.default_rng([seed, 3])
    has = np.flatnonzero(files.linked >= 0)
    wrong_of = {}
    for block, right in zip(files.block[has], files.right[has], strict=True):
        wrong_of[block] = wrong_of.get(block, 0) + (not right)
    keep = has[_several(files.block[has])]
    found = blocks_of(files.block[keep])
    x, true_y = files.true_x[keep], files.y[keep]
    source = np.arange(len(keep))
    wrong = np.zeros(found.n_blocks, np.int64)
    order = np.argsort(found.codes, kind="stable")
    for at, rows in enumerate(np.split(order, np.cumsum(found.sizes)[:-1])):
        count = wrong_of[found.labels[at]]
        if count == 1:  # no permutation has a single wrong link
            count = 2 * int(rng.random() < 0.5)
        count = min(count, len(rows) - 1)
        if count > 1:
            chosen = rng.choice(rows, count, replace=False)
            source[chosen] = moved(rng, chosen)
            wrong[at] = count
    y = true_y[source]
    q = 1 - wrong / found.sizes
    model = exchangeable(found.labels[found.codes], q)
    design = _design(x)
    made: dict[str, Any] = {
        f"injected {m}": _slope(fit(y, design, model, method=m)) for m in (*CORRECTED, "naive")
    }
    legacy = fit(y, design, model, method="scheuren-winkler")
    made["injected scheuren-winkler"] = _slope(legacy)
    mean = design @ np.array([INTERCEPT, SLOPE])
    pull = mean - model.expected(mean)
    for name, shown in (("naive", mean - pull), ("scheuren-winkler", mean - (pull - model.expected(pull)))):
        made[f"theory {name}"] = float(np.linalg.lstsq(design, shown, rcond=None)[0][1])
    made["injected wrong"] = float(wrong.sum() / len(keep))
    made["a"] = float(found.sizes @ model.a / len(keep))
    high, cut = x > 0, true_y > INTERCEPT
    table = contingency_table(high, cut[source], model)
    truth = float((high & cut).sum())
    margins = found.sums(high.astype(float)) * found.sums(cut.astype(float)) / found.sizes
    inner = found.sums((high & cut).astype(float)) - margins
    made["table true"] = truth
    for name, power in (("unbiased", 0), ("naive", 1), ("biased", 2)):
        made[f"table {name}"] = float(getattr(table, name)[1, 1])
        made[f"table theory {name}"] = float((model.a**power * inner + margins).sum())
    low, upp = (float(table.unbiased[1, 1] + side * 1.96 * table.se_finite[1, 1]) for side in (-1, 1))
    made["table covers"] = float(low <= truth <= upp)
    return made


def repetition(n: int, seed: int, model: Path) -> dict[str, Any]:
    """All figures of one repetition."""
    files, alike = linked_files(n, seed, model)
    made = {"seed": seed}
    for before, one in (("", files), ("alike ", alike)):
        figures = {**by_posteriors(one), **as_exchangeable(one, seed)}
        made |= {before + name: figure for name, figure in figures.items()}
    return made | injected(files, seed)
