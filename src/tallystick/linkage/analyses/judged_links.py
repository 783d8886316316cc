"""What the judged sample of a run says of its links: how many were right, by band of the posterior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.linkage.analyses.linked_pairs import LinkedPairs
from tallystick.linkage.audits.audit import check_drawn
from tallystick.quality.audit_strata import LINK, LINK_OF_RECORD


@dataclass(frozen=True)
class JudgedBand:
    """Links of one stratum of an audit.

    Attributes
    ----------
    label : str
    low, high : float or None
        Posteriors between which they lie; None for links without one.
    links, judged, right : int
        How many there are, were judged, and were found right.
    """

    label: str
    low: float | None
    high: float | None
    links: int
    judged: int
    right: int


def judged_bands(run: LinkedPairs) -> tuple[JudgedBand, ...]:
    """The strata of the links of an audit, with what people found; one that nobody judged joins the next.

    Parameters
    ----------
    run : LinkedPairs
        The run.

    Returns
    -------
    tuple of JudgedBand
        From the lowest posterior up, those without a posterior first.

    Raises
    ------
    InputError
        Where there is no audit of this run, or none of its links was judged.
    """
    design = _audit(run)
    found = {one["name"]: one for one in design["estimate"]["strata"]}
    right = {LINK[0].name, LINK_OF_RECORD[0].name}
    bands = []
    for one in design["strata"]:
        if one["kind"] != "link":
            continue
        told = found[one["name"]]
        judged = int(told["judged"])
        n = sum(int(count) for name, count in told["outcomes"].items() if name in right)
        bands.append(JudgedBand(one["label"], one["low"], one["high"], int(one["size"]), judged, n))
    if not any(one.judged for one in bands):
        raise InputError(
            f"{run.shown}: no link of the audit has been judged, so that it says nothing of their errors: "
            f"judge it (tallystick review {run.shown}), then tallystick audit estimate {run.shown}."
        )
    return _joined(sorted(bands, key=lambda one: -1.0 if one.low is None else one.low))


def _audit(run: LinkedPairs) -> dict[str, Any]:
    if run.folder is None:
        raise InputError("An audit is of a run in a directory: give that (run the linkage with --out).")
    if run.finalised:
        raise InputError(
            f"{run.shown}: this run was finalised, so that the links that people judged wrong are links "
            "no more, and the audit of the run before says nothing of those that are left: use "
            'from = "posterior" (links that people confirmed have 1), or draw an audit of this run.'
        )
    if run.by_keys:
        raise InputError(
            f"{run.shown}: links by match keys have no posterior to draw an audit by: judge "
            'some (sample.csv of the run), and state the share that is right: from = "known" and q.'
        )
    design = check_drawn(run.folder)
    if not design.get("estimate"):
        raise InputError(
            f"{run.shown}: the audit was drawn, and nothing is estimated of it yet: judge it "
            f"(tallystick review {run.shown}), then tallystick audit estimate {run.shown}."
        )
    return design


def _joined(bands: list[JudgedBand]) -> tuple[JudgedBand, ...]:
    """Bands that nobody judged put to the next above, or at the top to the one below."""
    kept: list[JudgedBand] = []
    waiting: list[JudgedBand] = []
    for one in bands:
        if not one.judged:
            waiting.append(one)
            continue
        kept.append(_together([*waiting, one], one))
        waiting = []
    if waiting:
        kept[-1] = _together([kept[-1], *waiting], kept[-1])
    return tuple(kept)


def _together(parts: list[JudgedBand], judged: JudgedBand) -> JudgedBand:
    if len(parts) == 1:
        return parts[0]
    lows = [one.low for one in parts if one.low is not None]
    highs = [one.high for one in parts if one.high is not None]
    label = f"{judged.label}, with {', '.join(one.label for one in parts if one is not judged)}"
    low, high = (min(lows), max(highs)) if lows else (None, None)
    return JudgedBand(label, low, high, sum(one.links for one in parts), judged.judged, judged.right)


def band_of_rows(posterior: pl.Series, bands: tuple[JudgedBand, ...]) -> NDArray[np.int64]:
    """The band of each link by its posterior.

    Parameters
    ----------
    posterior : polars.Series
        Of the links; null or NaN where no model has weighed them.
    bands : tuple of JudgedBand
        As `judged_bands` gives them.

    Returns
    -------
    int64 array, shape (n_links,)

    Raises
    ------
    InputError
        Where links without a posterior are in no band.

    Examples
    --------
    >>> bands = (JudgedBand("a", 0.5, 0.9, 10, 5, 4), JudgedBand("b", 0.9, 1.0, 90, 5, 5))
    >>> band_of_rows(pl.Series([0.6, 0.9, 1.0]), bands)
    array([0, 1, 1])
    """
    values = posterior.fill_null(float("nan")).to_numpy()
    known = np.isfinite(values)
    weighed = [k for k, one in enumerate(bands) if one.high is not None]
    unweighed = [k for k, one in enumerate(bands) if one.high is None]
    if not weighed or (not known.all() and not unweighed):
        if known.all():
            weighed = [0]
        elif not known.any():
            unweighed = [0]
        else:
            unweighed = unweighed or [weighed[0]]
            weighed = weighed or [unweighed[0]]
    found = np.full(len(values), unweighed[0] if unweighed else 0, np.int64)
    ends = np.array([bands[k].high if bands[k].high is not None else 1.0 for k in weighed][:-1], np.float64)
    found[known] = np.array(weighed)[np.searchsorted(ends, values[known], side="right")]
    return found
