"""Forenames that stand in the field of the surname, and the other way round."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from tallystick.errors import InputError
from tallystick.preparation.steps.step import Applied, Context, Mask, PreparationStep

_SWAPPED = "forename and surname swapped back"
_DOUBTFUL = "forename and surname may be swapped"

_ROUNDS = 10
_SHARE = 0.01
"""Of swapped pairs, before any is found."""

Counts = NDArray[np.int64]


class SwappedNames(PreparationStep):
    """Swap a forename and a surname back that stand in each other's field, where the frequencies are clear.

    Log odds that a pair (f, s) is swapped are those of its values in each other's role against their own,
    with the share of swapped pairs as the odds beforehand:

        log [F(s) S(f)] / [F(f) S(s)] + log [share / (1 - share)]

    F and S count the records in which a value is really forename or surname, the record itself left out and
    smoothed; they and the share are estimated by EM (a few rounds), since swapped pairs blur the
    counts of the fields themselves. A pair is swapped back where the log odds reach `threshold` and each
    value stands more often in the other field. What comes near is reported.

    Attributes
    ----------
    forename, surname : str
        The two fields; both are read and written.
    threshold : float
        Natural log odds from which a pair is swapped back; the usual 4 are fifty to one.
    doubtful : float
        Log odds from which a pair is reported; from 0 on it is more likely swapped than not.
    """

    type: Literal["swapped_names"] = "swapped_names"
    forename: str
    surname: str
    threshold: Annotated[float, Field(gt=0)] = 4.0
    doubtful: Annotated[float, Field(ge=0)] = 0.0

    def reads(self, name: str) -> tuple[str, ...]:
        """The two fields (see `PreparationStep.reads`)."""
        if self.forename == self.surname:
            raise InputError(
                f"swapped_names needs two fields; forename and surname are both {self.forename!r}."
            )
        return (self.forename, self.surname)

    def writes(self, name: str) -> tuple[str, ...]:
        """The two fields (see `PreparationStep.writes`)."""
        return self.reads(name)

    def apply(self, values: pl.DataFrame, n_records: NDArray[np.int64], context: Context) -> Applied:
        """Swap distinct pairs back (see `PreparationStep.apply`)."""
        pairs = values.select(self.forename, self.surname)
        folded = pairs.select(pl.all().str.strip_chars().str.to_lowercase())
        codes, n_names = _codes(folded)
        both = (codes >= 0).all(axis=1)
        swapped = np.zeros(len(pairs), bool)
        while True:
            odds, leans = _log_odds(codes, n_names, n_records)
            turn = both & leans & (odds >= self.threshold)
            if not turn.any():
                break
            # A value moves only to the role that it has more often, so that none ever moves back.
            codes[turn] = codes[turn][:, ::-1]
            swapped ^= turn
        doubtful = both & (odds >= self.doubtful)
        keep = pl.Series(~swapped)
        forename, surname = pairs[self.forename], pairs[self.surname]
        return Applied(
            {
                self.forename: forename.zip_with(keep, surname).alias(self.forename),
                self.surname: surname.zip_with(keep, forename).alias(self.surname),
            },
            {_SWAPPED: swapped} if swapped.any() else {},
            {_DOUBTFUL: doubtful} if doubtful.any() else {},
        )


def _codes(folded: pl.DataFrame) -> tuple[Counts, int]:
    """Both columns as numbers of their values, shape (n_pairs, 2); -1 is missing."""
    first, second = folded.columns
    all_names = pl.concat([folded[first], folded[second].alias(first)]).cast(pl.Categorical)
    numbers = all_names.to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
    _, dense = np.unique(numbers, return_inverse=True)
    missing = numbers < 0
    dense = np.where(missing, -1, dense)
    return dense.reshape(2, len(folded)).T.astype(np.int64), int(dense.max(initial=-1)) + 1


def _log_odds(codes: Counts, n_names: int, n_records: Counts) -> tuple[NDArray[np.float64], Mask]:
    """Log odds of a swap, and whether each of the two values is more frequent in the other role."""
    forename, surname = codes[:, 0], codes[:, 1]
    n = n_records.astype(np.float64)

    def counts(as_forename: NDArray[np.float64], as_surname: NDArray[np.float64]) -> NDArray[np.float64]:
        there = [codes[:, side] >= 0 for side in (0, 1)]
        weights = (as_forename, as_surname)
        total = sum(
            np.bincount(codes[there[side], side], weights[side][there[side]], minlength=n_names)
            for side in (0, 1)
        )
        return np.append(total, 0.0)

    none = np.zeros(len(n))
    as_written = counts(n, none), counts(none, n)
    leans = (as_written[1][forename] >= as_written[0][forename]) & (
        as_written[0][surname] > as_written[1][surname]
    )
    both = (forename >= 0) & (surname >= 0)
    n_both = n[both].sum()
    swapped, share = none, _SHARE
    for _ in range(_ROUNDS):
        kept = 1 - swapped
        forenames, surnames = counts(n * kept, n * swapped), counts(n * swapped, n * kept)
        odds = (
            _smoothed(forenames, surname, swapped)
            + _smoothed(surnames, forename, swapped)
            - _smoothed(forenames, forename, kept)
            - _smoothed(surnames, surname, kept)
            + np.log(share / (1 - share))
        )
        # Only what leans to the other side may be swapped at all; so EM cannot turn a whole file round.
        swapped = np.where(both & leans, 1 / (1 + np.exp(-odds)), 0.0)
        share = float(np.clip((n[both] @ swapped[both] + 1) / (n_both + 100), 1e-4, 0.5))
    return odds, leans


def _smoothed(counts: NDArray[np.float64], names: Counts, own: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of how many records have a name in a role, the own one left out.

    To each is added how many a name that is not seen in the role is expected to have: all of them together
    as many as there are names seen once (I. J. Good, The population frequencies of species and the estimation
    of population parameters, Biometrika 40, 1953). Forenames are few, so that a name that is none of them is
    hardly ever one.
    """
    once = np.count_nonzero((counts > 0.5) & (counts < 1.5))
    unseen = np.count_nonzero(counts <= 0.5)
    logs: NDArray[np.float64] = np.log(
        np.maximum(counts[names] - own, 0) + min(0.5, (once + 1) / (unseen + 2))
    )
    return logs
