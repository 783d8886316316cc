"""Which method an analysis takes where it is not said, and why."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.linkage.analyses.settings import ErrorSettings, RegressionSettings


@dataclass(frozen=True)
class Choice:
    """A method and the reason for it.

    Attributes
    ----------
    method : str
    why : str
        A sentence.
    """

    method: str
    why: str


def choose_method(asked: RegressionSettings, errors: ErrorSettings, *, record_level: bool) -> Choice:
    """The method of a regression.

    Parameters
    ----------
    asked : RegressionSettings
        With its method, or "auto".
    errors : ErrorSettings
        How q is known.
    record_level : bool
        Whether q differs between the links of a block.

    Returns
    -------
    Choice

    Examples
    --------
    >>> choose_method(RegressionSettings(formula="y ~ x"), ErrorSettings(), record_level=True).method
    'lahiri-larsen'
    """
    if asked.method != "auto":
        return Choice(asked.method, "it is the one that the specification asks for.")
    if errors.origin == "posterior":
        return Choice(
            "lahiri-larsen",
            "the posteriors say which other records each link may belong to, and regressing on the "
            "covariates that they lead one to expect uses all of that (Lahiri and Larsen 2005).",
        )
    if errors.origin == "known" and not record_level:
        return Choice(
            "eblue",
            "q is stated and not estimated, and this method has the smallest variance then (Chambers 2009).",
        )
    return Choice(
        "ratio",
        "q is estimated, and this is the only method whose weights do not depend on it, so that its noise "
        "does not bias the estimate (Chambers 2009).",
    )
