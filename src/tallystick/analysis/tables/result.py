"""What a contingency table of linked data gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.confidence import check_alpha
from tallystick.analysis.error_models.error_model import Floats
from tallystick.analysis.tables.counts import BlockCounts
from tallystick.errors import InputError

Estimate = Literal["naive", "unbiased", "biased", "shrunk", "raked"]
Target = Literal["finite", "superpopulation"]
ESTIMATES: tuple[Estimate, ...] = ("naive", "unbiased", "biased", "shrunk", "raked")
TARGETS: tuple[Target, ...] = ("finite", "superpopulation")

_SAYS = {
    "naive": "as the links give it, pulled towards independence by their errors",
    "unbiased": "X' Q^-1 Y*, the errors taken out",
    "biased": "X' Q Y*, biased towards independence: the errors put in a second time",
    "shrunk": "the unbiased table drawn towards independence where that lowers its error",
    "raked": "the unbiased table with no cell below 0, raked to the margins",
}


@dataclass(frozen=True, eq=False)
class ContingencyTable:
    """A table of linked data, as it is and corrected.

    Tables are arrays of shape (n_rows, n_columns), in records (or in what the weights count).

    Attributes
    ----------
    row_name, column_name : str
        What is classified.
    row_labels, column_labels : arrays, shapes (n_rows,) and (n_columns,)
        The categories.
    naive, unbiased, biased, shrunk, raked : float64 arrays
        The estimates; all have the same margins. `raked` is NaN where it did not converge.
    se_finite : float64 array
        Standard error of the unbiased table for the table under perfect linkage; NaN where rows have weights.
    se_superpopulation : float64 array
        The same for what the chances of the cells lead one to expect.
    k : float
        What the shrunk table keeps of the distance from independence; 1 is the unbiased table.
    raked_converged : bool
        Whether the raked table has its margins.
    sampling : str
        "by block" or "simple": how the superpopulation standard error takes the records to be drawn.
    approximate : bool
        Whether `se_finite` rests on the outcomes as linked, as with errors that are not exchangeable.
    n_links : int
        Rows of the linked file.
    a : tuple of float, or None
        Smallest and largest a of the blocks, where errors are exchangeable.
    weighted : bool
        Whether rows have weights.
    blocks : BlockCounts
        The naive table block by block.
    """

    row_name: str
    column_name: str
    row_labels: NDArray[Any]
    column_labels: NDArray[Any]
    naive: Floats
    unbiased: Floats
    biased: Floats
    shrunk: Floats
    raked: Floats
    se_finite: Floats
    se_superpopulation: Floats
    k: float
    raked_converged: bool
    sampling: str
    approximate: bool
    n_links: int
    a: tuple[float, float] | None
    weighted: bool
    blocks: BlockCounts

    @property
    def rows(self) -> Floats:
        """Row margins, shape (n_rows,): those of every estimate."""
        found: Floats = self.naive.sum(axis=1)
        return found

    @property
    def columns(self) -> Floats:
        """Column margins, shape (n_columns,)."""
        found: Floats = self.naive.sum(axis=0)
        return found

    @property
    def total(self) -> float:
        """Sum of all cells."""
        return float(self.naive.sum())

    def estimate(self, name: Estimate = "unbiased") -> Floats:
        """One of the tables by its name.

        Raises
        ------
        InputError
            Where there is none of that name.
        """
        if name not in ESTIMATES:
            raise InputError(f"estimate: {name!r} is none of {', '.join(map(repr, ESTIMATES))}.")
        found: Floats = getattr(self, name)
        return found

    def se(self, target: Target = "finite") -> Floats:
        """Standard errors of the unbiased table, shape (n_rows, n_columns).

        Parameters
        ----------
        target : {"finite", "superpopulation"}
            The table that these records would give under perfect linkage, or the chances that they are drawn
            by.

        Raises
        ------
        InputError
            Where there is no such target, or rows have weights and the target is the finite one.
        """
        if target not in TARGETS:
            raise InputError(f"target: {target!r} is none of {', '.join(map(repr, TARGETS))}.")
        if target == "finite" and self.weighted:
            raise InputError(
                'A table of weighted rows has standard errors for the target "superpopulation" alone: what '
                "its weights stand for is not among the records."
            )
        return self.se_finite if target == "finite" else self.se_superpopulation

    def conf_int(self, alpha: float = 0.05, target: Target = "finite") -> tuple[Floats, Floats]:
        """Normal confidence limits about the unbiased table, lower and upper, each (n_rows, n_columns).

        They are symmetric and may lie below 0, as the estimate itself may.
        """
        from scipy.stats import norm

        check_alpha(alpha)
        half = float(norm.ppf(1 - alpha / 2)) * self.se(target)
        return self.unbiased - half, self.unbiased + half

    def shares(self, name: Estimate = "unbiased") -> Floats:
        """An estimate over the total: estimated chances of the cells."""
        return self.estimate(name) / self.total

    def to_polars(self, alpha: float = 0.05) -> Any:
        """All figures, a row per cell, as a polars frame."""
        import polars as pl

        n_rows, n_columns = self.naive.shape
        columns: dict[str, Any] = {
            self.row_name: np.repeat(self.row_labels, n_columns).tolist(),
            self.column_name: np.tile(self.column_labels, n_rows).tolist(),
        }
        columns |= {name: self.estimate(name).ravel() for name in ESTIMATES}
        for target in TARGETS[1:] if self.weighted else TARGETS:
            low, high = self.conf_int(alpha, target)
            columns[f"se_{target}"] = self.se(target).ravel()
            columns[f"low_{target}"], columns[f"high_{target}"] = low.ravel(), high.ravel()
        return pl.DataFrame(columns)

    def to_pandas(self, name: Estimate = "unbiased", *, margins: bool = True) -> Any:
        """One estimate as a pandas frame, rows by columns, as `pandas.crosstab` gives it."""
        from tallystick.preparation.extras import require

        pd = require("pandas", "a table as a pandas frame", "analysis")
        table = self.estimate(name)
        row_labels, column_labels = self.row_labels.tolist(), self.column_labels.tolist()
        if margins:
            table = np.block([[table, table.sum(axis=1)[:, None]], [table.sum(axis=0), table.sum()]])
            row_labels, column_labels = [*row_labels, "All"], [*column_labels, "All"]
        return pd.DataFrame(
            table,
            index=pd.Index(row_labels, name=self.row_name),
            columns=pd.Index(column_labels, name=self.column_name),
        )

    def summary(self, *estimates: Estimate) -> str:
        """The tables as text with their margins, all of them or those named."""
        from tallystick.analysis.tables.text import table_text

        links = f"{self.n_links:,} links in {len(self.blocks.sizes):,} blocks"
        if self.a is not None:
            low, high = (f"{value:.4g}" for value in self.a)
            links += f", a = {low}" if low == high else f", a from {low} to {high}"
        parts = [f"{self.row_name} by {self.column_name}: {links}" + (", weighted" if self.weighted else "")]
        errors: dict[str, Floats] = {} if self.weighted else {"(s.e.)": self.se_finite}
        errors["[s.e.]"] = self.se_superpopulation
        for name in estimates or ESTIMATES:
            says = _SAYS[name] + (f" (k = {self.k:.3f})" if name == "shrunk" else "")
            if name == "raked" and not self.raked_converged:
                says += ": DID NOT CONVERGE"
            parts.append(f"\n{name}: {says}")
            parts.append(table_text(self, self.estimate(name), errors if name == "unbiased" else {}))
        if not estimates or "unbiased" in estimates:
            how = "drawn within blocks" if self.sampling == "by block" else "drawn at random over all blocks"
            finite = "" if self.weighted else "(s.e.) for the table under perfect linkage"
            finite += ", near the truth only where few links are wrong" if self.approximate else ""
            parts.append(
                "\n" + (finite + "; " if finite else "") + f"[s.e.] for the chances of records {how}"
            )
        return "\n".join(parts)

    def __str__(self) -> str:
        return self.summary()
