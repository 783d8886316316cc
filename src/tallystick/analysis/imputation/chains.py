"""A chain of draws: a matching given the parameters, and parameters given the matching, in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.imputation.conditional_models import Parts
from tallystick.analysis.imputation.matching_graph import Matching, MatchingGraph, draw_matching
from tallystick.analysis.imputation.outcome_models import Fit
from tallystick.analysis.imputation.pair_likelihood import PairLikelihood
from tallystick.errors import RunError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_DISPERSING = 10  # sweeps by the gains alone, of chains that start elsewhere than at the best assignment


@dataclass(frozen=True, eq=False)
class Problem:
    """What all chains share.

    Attributes
    ----------
    known : PairLikelihood
        Values of all candidate pairs.
    graph : MatchingGraph
        Of the pairs that are possible.
    number : int64 array, shape (n_edges,)
        Which candidate pair each edge of the graph is.
    gain : float64 array, shape (n_edges,)
        Its gain.
    linkage_only : bool
        Draw matchings by the gains alone.
    steps : int
        Metropolis steps per edge and sweep.
    best : Matching
        The best assignment by the gains.
    """

    known: PairLikelihood
    graph: MatchingGraph
    number: Ints
    gain: Floats
    linkage_only: bool
    steps: int
    best: Matching


@dataclass(frozen=True, eq=False)
class Point:
    """Where a chain stands.

    Attributes
    ----------
    matching : Matching
    chosen : int64 array, shape (n_linked,)
        Its candidate pairs, in their order.
    fit : Fit
        The analysis of the linked file.
    beta, scale : float64 array of shape (p,), and float
        Parameters drawn given it.
    linked : Parts
        Those of the linked covariates.
    """

    matching: Matching
    chosen: Ints
    fit: Fit
    beta: Floats
    scale: float
    linked: Parts

    @property
    def traced(self) -> Floats:
        """Coefficients, logarithm of the variance, number of pairs; shape (p + 2,)."""
        return np.array([*self.beta, np.log(self.scale), len(self.chosen)])


def start(problem: Problem, random: np.random.Generator, *, dispersed: bool) -> Point:
    """Where a chain begins: at the best assignment, or dispersed at a matching drawn by the gains alone."""
    matching = problem.best
    for _ in range(_DISPERSING if dispersed else 0):
        matching = draw_matching(problem.graph, problem.gain, matching, problem.steps, random)
    return _parameters(problem, matching, None, random)


def sweep(problem: Problem, point: Point, random: np.random.Generator) -> Point:
    """Draw a matching given the parameters, then parameters given it."""
    weight = problem.gain
    if not problem.linkage_only:
        ratio = problem.known.log_ratio(point.beta, point.scale, point.linked)[problem.number]
        if np.isnan(ratio).any():
            raise RunError("The model of the outcome has run away: a likelihood is not a number.")
        weight = weight + ratio
    matching = draw_matching(problem.graph, weight, point.matching, problem.steps, random)
    return _parameters(problem, matching, point, random)


def _parameters(
    problem: Problem, matching: Matching, before: Point | None, random: np.random.Generator
) -> Point:
    known = problem.known
    chosen = np.sort(problem.number[matching.of_row[matching.of_row >= 0]])
    y, x = known.y[chosen], known.design[chosen]
    fit = known.model.fit(y, x, None if before is None else before.fit.beta)
    beta = fit.beta if before is None else before.beta
    drawn, scale = known.model.draw(y, x, fit, beta, random)
    return Point(matching, chosen, fit, drawn, scale, known.draw_linked(chosen, random))
