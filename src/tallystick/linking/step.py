"""A step of a linkage whose passes run one after the other."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tallystick._schema import Settings
from tallystick.linking.decision import Decision


class Step(Settings):
    """Passes whose pairs are decided together, among the records that earlier steps have not linked.

    Attributes
    ----------
    passes : tuple of str
        Names of the passes (their labels, where they have no name).
    comparisons : tuple of str, optional
        Names of the comparisons; by default all. So a field may block in one step and be compared in another.
    decision : Decision, optional
        Thresholds of this step; by default those of the linkage. Which constraint links keep is that of the
        linkage.
    m : {"estimate", "carry", "auto"}
        Whether m is estimated on the residual records, starting from what the matches that are left should
        look like by the earlier steps; or taken from these as it is (``carry``); or estimated where there
        are enough matches to do so (``auto``). The match rate is always estimated anew.
    name : str, optional
        Of the step, for tables; by default that of its passes.
    """

    passes: tuple[str, ...] = Field(min_length=1)
    comparisons: tuple[str, ...] | None = Field(default=None, min_length=1)
    decision: Decision | None = None
    m: Literal["estimate", "carry", "auto"] = "auto"
    name: str | None = None

    @property
    def label(self) -> str:
        """Name of the step, for tables and messages."""
        return self.name or "; ".join(self.passes)


def step(
    *passes: str,
    comparisons: tuple[str, ...] | list[str] | None = None,
    decision: Decision | None = None,
    m: Literal["estimate", "carry", "auto"] = "auto",
    name: str | None = None,
) -> Step:
    """A step of sequential passes.

    Parameters
    ----------
    *passes : str
        Names of the passes that it decides together.
    comparisons, decision, m, name
        As in `Step`.

    Returns
    -------
    Step

    Examples
    --------
    >>> step("postcode", comparisons=["surname", "born"], decision=Decision(upper=0.95)).label
    'postcode'
    """
    chosen = None if comparisons is None else tuple(comparisons)
    return Step(passes=passes, comparisons=chosen, decision=decision, m=m, name=name)
