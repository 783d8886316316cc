"""Candidates of each record with their probabilities, and draws among them and none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Candidates:
    """Which records have an unequivocal link, and the candidates of the others.

    Attributes
    ----------
    sure_donor : int64 array, shape (n,)
        The donor of a record whose link is unequivocal, else -1.
    row, donor : int64 arrays, shape (n_candidates,)
        Candidates of the other records, sorted by record.
    place : int64 array, shape (n_candidates,)
        Place of the record among those that have no unequivocal link.
    probability : float64 array, shape (n_candidates,)
    none : float64 array, shape (n_not_sure,)
        Probability that none is right; 1 for a record without candidates.
    """

    sure_donor: Ints
    row: Ints
    donor: Ints
    place: Ints
    probability: Floats
    none: Floats

    @property
    def n_open(self) -> int:
        """Records with candidates of which none is unequivocal."""
        return len(np.unique(self.place))


def candidates_of(row: Ints, donor: Ints, probability: Floats, n: int, unequivocal: float) -> Candidates:
    """Candidates by record.

    Parameters
    ----------
    row, donor : int64 arrays, shape (n_pairs,)
        Rows of the primary and of the other file.
    probability : float64 array, shape (n_pairs,)
    n : int
        Records of the primary file.
    unequivocal : float
        From which probability on a link is taken as right.

    Returns
    -------
    Candidates

    Raises
    ------
    InputError
        Where something is no probability, or those of a record sum to more than 1.
    """
    wrong = np.flatnonzero(~((probability >= 0) & (probability <= 1)))
    if len(wrong):
        raise InputError(
            f"pairs: {probability[wrong[0]]:g} is no probability ({len(wrong)} of them are none)."
        )
    total: Floats = np.bincount(row, probability, n).astype(np.float64)
    if np.any(total > 1 + _ROUNDING):
        raise InputError(
            f"pairs: probabilities of {np.count_nonzero(total > 1 + _ROUNDING)} records sum to more than 1 "
            f"(up to {total.max():.3f}) over their candidates, so that they are not those of one right "
            "record: take the posterior of a one-to-one linkage, not that of single pairs."
        )
    sure_donor = np.full(n, -1, np.int64)
    sure = probability >= unequivocal
    better = np.flatnonzero(sure)[np.argsort(probability[sure], kind="stable")]
    sure_donor[row[better]] = donor[better]
    open_rows = np.flatnonzero(sure_donor < 0)
    place = np.full(n, -1, np.int64)
    place[open_rows] = np.arange(len(open_rows))
    kept = np.flatnonzero((sure_donor[row] < 0) & (probability > 0))
    kept = kept[np.argsort(row[kept], kind="stable")]
    none: Floats = np.clip(1.0 - total[open_rows], 0.0, 1.0)
    return Candidates(sure_donor, row[kept], donor[kept], place[row[kept]], probability[kept], none)


def draw_donors(
    candidates: Candidates, log_f: Floats, log_g: Floats, lower: float | None, random: np.random.Generator
) -> Ints:
    """A donor for each record without an unequivocal link, or -1 for none.

    Parameters
    ----------
    candidates : Candidates
    log_f, log_g : float64 arrays, shape (n_candidates,)
        Densities of the candidate's values given the record, and in the other file.
    lower : float or None
        With it the published rule: the best candidate by p f where its share is above, else none. Without it
        candidates are drawn by p f / g, none by what probabilities lack to 1.
    random : numpy.random.Generator

    Returns
    -------
    int64 array, shape (n_not_sure,)
    """
    n = len(candidates.none)
    found = np.full(n, -1, np.int64)
    if not len(candidates.row):
        return found
    place = candidates.place
    score = np.log(candidates.probability) + log_f - (log_g if lower is None else 0.0)
    if lower is not None:
        top = np.full(n, -np.inf)
        np.maximum.at(top, place, score)
        shares = np.exp(score - top[place])
        shares /= np.bincount(place, shares, n)[place]
        above = np.flatnonzero(shares > lower)
        above = above[np.argsort(shares[above], kind="stable")]
        found[place[above]] = candidates.donor[above]
        return found
    # The largest of log weights with Gumbel noise is a draw by these weights.
    noisy = score + random.gumbel(size=len(score))
    with np.errstate(divide="ignore"):
        best = np.log(candidates.none) + random.gumbel(size=n)
    np.maximum.at(best, place, noisy)
    chosen = np.flatnonzero(noisy == best[place])
    found[place[chosen]] = candidates.donor[chosen]
    return found
