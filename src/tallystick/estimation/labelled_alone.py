"""m and u from labelled pairs alone, weighted by how likely each pair was to be drawn.

The share of a level among all matches is estimated by the labelled matches, each for the 1 / inclusion
probability matches that it stands for (Horvitz and Thompson 1952; the ratio of two such sums, Hajek 1971).
Where all labelled matches were found by blocking passes, as those that `tallystick gold` draws, they stand
for the matches that some pass selects: the likelihood is then conditional on selection as that of EM is
(see `tallystick.estimation.em`), with the labelled matches for the expected ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.cells import normalise, with_missing
from tallystick.estimation.factors import Selection
from tallystick.estimation.joint import AnyFactor, Joint
from tallystick.estimation.labelled import Known, Labels
from tallystick.estimation.settings import Estimation
from tallystick.estimation.start import usual_start
from tallystick.estimation.table import Table

Levels = list[NDArray[np.float64] | None]
CAP = 1000
"""Iterations of what is conditional on selection; each gains a digit where blocking finds most matches."""


def weights_of(labels: Labels, match: bool) -> NDArray[np.float64]:
    """Weights of the labelled matches, or non-matches: 1 / inclusion, scaled to what they are worth.

    Their sum is (sum w)^2 / sum w^2, the number of equally likely pairs that tell as much (Kish 1965,
    section 11.7), so that a prior worth a few matches is weighed against the right number.

    Parameters
    ----------
    labels : Labels
        The labelled pairs.
    match : bool
        Whether the matches are asked for.

    Returns
    -------
    float64 array, shape (n,)

    Examples
    --------
    >>> pairs = np.zeros(3, np.int32)
    >>> labels = Labels(pairs, pairs + 1, np.ones(3, bool), np.array([0.5, 0.5, 0.1]))
    >>> weights_of(labels, True).round(3).tolist()
    [0.259, 0.259, 1.296]
    """
    weights = 1.0 / labels.inclusion[labels.match == match]
    return np.asarray(weights * (weights.sum() / (weights**2).sum()), np.float64)


def m_of_labels(
    labels: Labels, known: Known, table: Table, selection: Selection, settings: Estimation
) -> Levels:
    """m-probabilities of the levels from labelled matches alone.

    Parameters
    ----------
    labels : Labels
        The labelled pairs.
    known : Known
        Where they stand among the patterns.
    table : Table
        The patterns.
    selection : Selection
        Which patterns are selected.
    settings : Estimation
        The prior, as of EM.

    Returns
    -------
    list of float64 array or None
        By factor, shape (n_levels,); None where no labelled match has both values, and for fields that are
        not compared.
    """
    sums, worth = _sums(labels, known, table, match=True)
    usual = usual_start(table, (None,) * len(table.factors), settings)
    priors = [settings.prior_matches * cells for cells in usual]
    m = [normalise(own + prior) for own, prior in zip(sums, priors, strict=True)]
    if not known.outside.any():
        for _ in range(CAP):
            full = with_missing(table.factors, m, table.missing)
            chance, by_cell = selection.probabilities(full)
            cells = [
                np.where(f.present, own + worth / chance * p * (1.0 - chosen), 0.0)
                for f, own, p, chosen in zip(table.factors, sums, full, by_cell, strict=True)
            ]
            old, m = m, [normalise(own + prior) for own, prior in zip(cells, priors, strict=True)]
            if max(float(np.abs(a - b).max()) for a, b in zip(m, old, strict=True)) < settings.tolerance:
                break
    return [_levels(f, p, own) for f, p, own in zip(table.factors, m, sums, strict=True)]


def u_of_labels(labels: Labels, known: Known, table: Table, settings: Estimation) -> Levels:
    """u-probabilities of the levels from labelled non-matches alone; the prior is what all pairs show.

    Parameters
    ----------
    labels, known, table, settings
        As of `m_of_labels`.

    Returns
    -------
    list of float64 array or None
        As of `m_of_labels`.
    """
    sums, _ = _sums(labels, known, table, match=False)
    return [
        _levels(f, normalise(own + settings.prior_matches * normalise(np.maximum(s, floor))), own)
        for f, own, s, floor in zip(table.factors, sums, table.among_all, table.floors, strict=True)
    ]


def _sums(labels: Labels, known: Known, table: Table, match: bool) -> tuple[list[NDArray[np.float64]], float]:
    """Weights of labelled matches, or non-matches, by present cell of each factor, and their sum."""
    cells, weights = known.cells[labels.match == match], weights_of(labels, match)
    sums = np.zeros(int(table.starts[-1]))
    for own in cells.T:
        np.add.at(sums, own, weights)
    return [
        np.where(f.present, s, 0.0) for f, s in zip(table.factors, table.split(sums), strict=True)
    ], float(weights.sum())


def _levels(
    factor: AnyFactor, cells: NDArray[np.float64], own: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    if isinstance(factor, Joint) or factor.comparison is None or not own.sum():
        return None
    levels = np.bincount(factor.level, weights=cells, minlength=factor.n_levels + 1)[: factor.n_levels]
    return np.asarray(levels / levels.sum(), np.float64)
