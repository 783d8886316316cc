"""What is known of the errors of links, and what all ways to know it share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from tallystick._formats import counted, percent
from tallystick.analysis.error_models.audited import audited_precision
from tallystick.analysis.error_models.error_model import ErrorModel, Floats
from tallystick.analysis.error_models.precision import LinkPrecision
from tallystick.errors import InputError
from tallystick.linkage.analyses.judged_links import JudgedBand
from tallystick.linkage.analyses.linked_file import BLOCK, LinkedFile

ALL = "all links"
"""The block where none is stated."""


@dataclass(frozen=True, eq=False)
class KnownErrors:
    """An error model of links, and where it comes from.

    Attributes
    ----------
    model : ErrorModel or None
        In the order of the rows of the linked file; None where an analysis has none.
    q : float64 array, shape (n_links,)
        Chance that each link is right.
    origin : str
        What it is known from.
    sentences : tuple of str
        What is assumed.
    groups : tuple of dict
        Blocks or bands: ``name``, ``links``, ``q``, and ``judged``, ``right``, ``se`` where they were
        audited.
    register : polars.DataFrame or None
        Records in the order of the model's register, where it has one.
    record_level : bool
        Whether q differs between the links of a block.
    limits : (float, float) or None
        Interval of 95 % of the mean q, where it is estimated.
    warnings : tuple of str
        What a reader has to know.
    """

    model: ErrorModel | None
    q: Floats
    origin: str
    sentences: tuple[str, ...]
    groups: tuple[dict[str, Any], ...] = ()
    register: pl.DataFrame | None = None
    record_level: bool = False
    limits: tuple[float, float] | None = None
    warnings: tuple[str, ...] = field(default=())

    @property
    def mean_q(self) -> float:
        """Mean chance of a right link."""
        return float(self.q.mean())


def blocks_of_rows(file: LinkedFile) -> Any:
    """Block of each row; one of all where none is stated."""
    if BLOCK in file.rows.columns:
        return file.rows[BLOCK].to_numpy().astype(str)
    return np.full(len(file.rows), ALL)


def blocks_of_register(file: LinkedFile) -> Any:
    """Block of each record of the register."""
    if BLOCK in file.register.columns:
        return file.register[BLOCK].to_numpy().astype(str)
    return np.full(len(file.register), ALL)


def check_once(file: LinkedFile) -> None:
    """Refuse records of the covariates with several links, which exchangeable errors do not know."""
    again = file.rows.filter(pl.col("link_covariates").is_duplicated())["link_covariates"].n_unique()
    if again:
        raise InputError(
            f"{file.run.shown}: {counted(again, 'record')} of {file.covariates} "
            f"{'has' if again == 1 else 'have'} several links to {file.outcome}, which exchangeable errors "
            'do not know: use from = "posterior".'
        )


def block_sentence(block: str | None) -> str:
    """What is assumed of blocks."""
    if block is None:
        return "No block is stated: a wrong link may be to any record."
    return f"Wrong links stay within the values of {block}."


def crossing(file: LinkedFile, block: str | None) -> tuple[str, ...]:
    """A warning where links cross blocks."""
    if block is None or not file.crossing:
        return ()
    return (
        f"Of {percent(file.crossing)} of the links both ends are of different blocks: wrong links do not "
        "stay within them, as the error model takes them to.",
    )


def limits_of_mean(shares: Floats, precision: LinkPrecision) -> tuple[float, float]:
    """Interval of 95 % of the mean q, by the shares of the bands."""
    mean = float(shares @ precision.q)
    half = 1.96 * float(np.sqrt(precision.quadratic(shares[:, None])[0, 0]))
    return max(0.0, mean - half), min(1.0, mean + half)


def precision_of_bands(bands: Sequence[JudgedBand]) -> LinkPrecision:
    """Shares of right links by band: not shrunk, since bands are made to differ."""
    return audited_precision(
        {one.label: one.links for one in bands},
        np.array([one.right for one in bands]),
        np.array([one.judged for one in bands]),
        shrink=False,
    )
