"""What thresholds would do to the pairs of a run, before they are applied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick import _formats as formats
from tallystick.errors import InputError
from tallystick.estimation.error_curve import ErrorCurve, Forecast
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.tables import read_table
from tallystick.linking.constraints import any_competes
from tallystick.linking.decide import DecidedPairs, decide, weight_thresholds
from tallystick.linking.decision import Decision
from tallystick.linking.floors import matches_below
from tallystick.linking.resolve import floors_for, resolve
from tallystick.linking.rules import ThresholdRule
from tallystick.linking.score import ScoredPairs
from tallystick.linking.thresholds import Thresholds

if TYPE_CHECKING:
    from tallystick.linkage.model import Model

Floats = NDArray[np.float64]

CURVE = "curve.parquet"
COLUMNS = ("low", "high", "pairs", "matches", "non_matches")


@dataclass(frozen=True)
class ThresholdForecast:
    """Thresholds, and what they are expected to do.

    Attributes
    ----------
    decision : Decision or Thresholds
        The thresholds as they were given, or as a rule gives them.
    weights : tuple of (float, float)
        Lower and upper threshold as match weights, for each pair of sources.
    before : Forecast
        Counts and errors of the candidate pairs, each decided for itself.
    after : Forecast or None
        The same after the one-to-one assignment; None where pairs are decided each for itself anyway.
    """

    decision: Decision | Thresholds
    weights: tuple[tuple[float, float], ...]
    before: Forecast
    after: Forecast | None


def curve_table(curves: Sequence[ErrorCurve]) -> pl.DataFrame:
    """The curves of a run as a table: expected matches and non-matches by log odds."""
    parts = [
        pl.DataFrame({"source_pair": np.full(len(curve.low), number)}).with_columns(
            pl.Series(name, getattr(curve, name)) for name in COLUMNS
        )
        for number, curve in enumerate(curves)
    ]
    return pl.concat(parts)


def read_curves(run: Path, parameters: Parameters) -> tuple[ErrorCurve, ...]:
    """The curves that a run has kept, one for each pair of sources.

    Parameters
    ----------
    run : path
        Directory of a run.
    parameters : Parameters
        Its parameters.

    Returns
    -------
    tuple of ErrorCurve
    """
    table = read_table(run / CURVE)
    curves = []
    for number in range(len(parameters.pairs)):
        own = table.filter(pl.col("source_pair") == number)
        low, high, pairs, matches, non_matches = (own[name].to_numpy() for name in COLUMNS)
        curves.append(ErrorCurve.of_candidates(low, high, pairs, matches, non_matches, parameters, number))
    return tuple(curves)


def expect_before(
    curves: Sequence[ErrorCurve], parameters: Parameters, decision: Decision | Thresholds
) -> Forecast:
    """What thresholds do to the candidates, each decided for itself.

    Parameters
    ----------
    curves : sequence of ErrorCurve
        One for each pair of sources.
    parameters : Parameters
        The model.
    decision : Decision or Thresholds
        The thresholds.

    Returns
    -------
    Forecast
    """
    parts = []
    for curve, pair, (lower, upper) in zip(
        curves, parameters.pairs, weight_thresholds(parameters, decision), strict=True
    ):
        prior = pair.log_prior_odds
        parts.append(curve.forecast(lower + prior, upper + prior))
    return Forecast(**{name: sum(getattr(part, name) for part in parts) for name in vars(parts[0])})


def expect_after(decided: DecidedPairs, parameters: Parameters, below: float) -> Forecast:
    """What came of thresholds and assignment, by the posterior that knows the competing pairs.

    Parameters
    ----------
    decided : DecidedPairs
        The pairs.
    parameters : Parameters
        The model.
    below : float
        Expected matches among the candidates that were not kept.

    Returns
    -------
    Forecast
    """
    posterior = decided.posterior
    allowed = float(sum(pair.pairs for pair in parameters.pairs))
    matches = (float(posterior.sum()) + below) / parameters.selected_matches
    links, possible = float(decided.links.sum()), float(decided.possible.sum())
    true = float(posterior[decided.links].sum())
    reviewed = float(posterior[decided.possible].sum())
    return Forecast(
        links=links,
        possible=possible,
        non_links=allowed - links - possible,
        false_links=links - true,
        matches_possible=reviewed,
        missed=max(0.0, matches - true - reviewed),
        matches=matches,
        non_matches=allowed - matches,
    )


def forecast(
    asked: Decision, parameters: Parameters, curves: Sequence[ErrorCurve], pairs: ScoredPairs
) -> ThresholdForecast:
    """What a decision does, before and after assignment.

    Parameters
    ----------
    asked : Decision
        Thresholds, or the rule that gives them.
    parameters : Parameters
        The model.
    curves : sequence of ErrorCurve
        One for each pair of sources.
    pairs : ScoredPairs
        All pairs that reach `floors_for` the decision, and any others; not looked at where pairs are decided
        each for itself.

    Returns
    -------
    ThresholdForecast
    """
    kept = after = None
    if any_competes(asked, parameters.pairs):
        floors = floors_for(asked, parameters, curves)
        kept = pairs.chosen(pairs.weight >= floors[pairs.source_pair])
    decision = resolve(asked, parameters, curves, kept)
    if kept is not None:
        below = matches_below(parameters, curves, floors)
        after = expect_after(decide(kept, parameters, decision), parameters, below)
    weights = tuple(weight_thresholds(parameters, decision))
    return ThresholdForecast(decision, weights, expect_before(curves, parameters, decision), after)


def kept_pairs(run: Path, parameters: Parameters) -> ScoredPairs:
    """The pairs of a one-to-one run as it has kept them; records are numbered anew.

    Parameters
    ----------
    run : path
        Directory of a run.
    parameters : Parameters
        Its parameters.

    Returns
    -------
    ScoredPairs
        Without pattern and pass.
    """
    table = read_table(run / "links.parquet")
    if "source_left" not in table.columns:
        only = parameters.pairs[0]
        table = table.with_columns(source_left=pl.lit(only.left), source_right=pl.lit(only.right))
    sides = [
        table.select(source=pl.col(f"source_{side}"), id=pl.col(f"id_{side}").cast(pl.String))
        for side in ("left", "right")
    ]
    records = pl.concat(sides).unique(maintain_order=True).with_row_index("row")
    left, right = (
        side.join(records, on=["source", "id"], how="left", maintain_order="left")["row"]
        .to_numpy()
        .astype(np.int32)
        for side in sides
    )
    names = pl.DataFrame(
        {
            "source_left": [pair.left for pair in parameters.pairs],
            "source_right": [pair.right for pair in parameters.pairs],
            "number": np.arange(len(parameters.pairs)),
        }
    )
    number = table.select("source_left", "source_right").join(
        names, on=["source_left", "source_right"], how="left", maintain_order="left"
    )["number"]
    none = np.zeros(len(table), np.int64)
    return ScoredPairs(left, right, table["weight"].to_numpy(), none, none, number.to_numpy())


def forecast_run(
    run: Path,
    model: Model,
    rule: ThresholdRule | None,
    score_again: Callable[[Floats], ScoredPairs] | None = None,
) -> list[ThresholdForecast]:
    """What the thresholds of a run do, and what those of a rule would do instead.

    Parameters
    ----------
    run : path
        Directory of a run.
    model : Model
        Its model.
    rule : ErrorBounds, Targets, Capacity or Costs, optional
        The rule.
    score_again : callable, optional
        Gives all pairs from some floors up, where the run has not kept all that the thresholds take.

    Returns
    -------
    list of ThresholdForecast
        Of the run; then, where there is a rule, of the rule.

    Raises
    ------
    InputError
        Where a table of the run cannot be read, no thresholds do what the rule asks for, or the run has
        kept too few pairs and they are not to be scored again.
    """
    parameters, own = model.parameters, model.spec.decision
    curves = read_curves(run, parameters)
    wanted = [own] if rule is None else [own, own.with_rule(rule)]
    pairs = kept_pairs(run, parameters)
    kept = floors_for(own, parameters, curves)
    found = []
    for asked in wanted:
        floors = floors_for(asked, parameters, curves)
        if any_competes(own, parameters.pairs) and not reaches(kept, floors):
            if score_again is None:
                raise InputError(
                    f"{run}: the run has kept the pairs from weight {kept.max():.2f} up, but these "
                    f"thresholds take those from {floors.min():.2f} up: use --score-again, which compares "
                    "the pairs again."
                )
            found.append(forecast(asked, parameters, curves, score_again(floors)))
        else:
            found.append(forecast(asked, parameters, curves, pairs))
    return found


def reaches(kept: Floats, floors: Floats) -> bool:
    """Whether pairs kept from some weights up hold all from other weights up."""
    return bool((floors >= kept - 1e-9).all())


def forecast_text(shown: Sequence[tuple[str, ThresholdForecast]]) -> str:
    """Forecasts as a table for people, a column each, two where there is an assignment.

    Parameters
    ----------
    shown : sequence of (str, ThresholdForecast)
        Each with its heading.

    Returns
    -------
    str
    """
    columns: list[tuple[str, str, ThresholdForecast, Forecast | None]] = []
    for title, one in shown:
        if one.after is not None:
            columns.append((title, "before assignment", one, one.before))
            columns.append((title, "after", one, one.after))
        else:
            columns.append((title, "", one, one.before))
    rows = [["", *(title for title, *_ in columns)]]
    if any(when for _, when, *_ in columns):
        rows.append(["", *(when for _, when, *_ in columns)])
    for name, at in (("upper threshold", 1), ("lower threshold", 0)):
        rows.append([name, *(_range([pair[at] for pair in one.weights]) for *_, one, _ in columns)])
    for name, key in (
        ("links", "links"),
        ("possible links", "possible"),
        ("non-links", "non_links"),
        ("false links", "false_links"),
        ("matches among possible links", "matches_possible"),
        ("missed matches", "missed"),
        ("matches in all", "matches"),
    ):
        rows.append([name, *("" if f is None else formats.count(getattr(f, key)) for *_, f in columns)])
    for name, key in (
        ("precision", "precision"),
        ("recall, nothing reviewed", "recall"),
        ("type 1 error", "type1"),
        ("type 2 error", "type2"),
    ):
        rows.append([name, *("" if f is None else _rate(getattr(f, key)) for *_, f in columns)])
    return "\n".join(formats.aligned(rows[0], rows[1:]))


def shown_weights(weights: Sequence[tuple[float, float]]) -> str:
    """Thresholds of one or more pairs of sources in words.

    Examples
    --------
    >>> shown_weights([(1.0, 2.5), (1.5, 2.5)])
    'lower 1.00 to 1.50, upper 2.50'
    """
    return f"lower {_range([low for low, _ in weights])}, upper {_range([high for _, high in weights])}"


def _range(values: Sequence[float]) -> str:
    """A weight, or the least and the greatest of several."""
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return low if low == high else f"{low} to {high}"


def _rate(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}" if value < 1e-3 else f"{value:.4f}"
