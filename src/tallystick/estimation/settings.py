"""Settings of the estimation of m, u and the match rate."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import Field, StrictBool, field_validator, model_validator

from tallystick._schema import Settings
from tallystick.preparation.source import Source

MOST_RULES = 10
"""Rules that are counted together: the work doubles with each."""


class Previous(Settings):
    """Parameters of a previous linkage, from the model that it saved.

    Comparisons are matched by name; their levels have to be the same.

    Attributes
    ----------
    model : str
        A ``model.json``, or the directory of a run.
    use : {"as_is", "start", "prior"}
        Whether m and u are held, so that the match rate alone is estimated; m is where EM starts; or m is
        what a prior looks like, besides where EM starts.
    weight : float
        How many matches the prior is worth.
    others : {"refuse", "estimate"}
        What becomes of comparisons that the model does not have: an error, or they are estimated as usual.
    """

    model: str = Field(min_length=1)
    use: Literal["as_is", "start", "prior"]
    weight: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    others: Literal["refuse", "estimate"] = "refuse"

    @model_validator(mode="after")
    def _weight_of_a_prior(self) -> Previous:
        if self.use == "prior" and self.weight is None:
            raise ValueError(
                'found use = "prior" without a weight, expected how many matches the model is worth, '
                "such as weight = 100"
            )
        if self.use != "prior" and self.weight is not None:
            raise ValueError(
                f'found a weight with use = "{self.use}", expected one with use = "prior" only: take it out'
            )
        return self


class Deterministic(Settings):
    """Rules that find part of the matches, from which their number follows.

    Attributes
    ----------
    rules : tuple of tuple of str
        The fields of each rule. A pair that agrees exactly on all fields of some rule, none of them missing,
        is counted.
    recall : float
        Share of the matches that the rules find.
    precision : float
        Share of the pairs which the rules find that are matches.
    """

    rules: tuple[tuple[str, ...], ...] = Field(min_length=1, max_length=MOST_RULES)
    recall: float = Field(gt=0, le=1)
    precision: float = Field(default=1.0, gt=0, le=1)

    @field_validator("rules")
    @classmethod
    def _have_fields(cls, rules: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        for number, rule in enumerate(rules, start=1):
            if not rule or len(set(rule)) < len(rule):
                raise ValueError(
                    f"found {'no field' if not rule else 'a field twice'} in rule {number}, expected one or "
                    "more fields, each once"
                )
        return rules

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that the rules read, each once."""
        return tuple(dict.fromkeys(field for rule in self.rules for field in rule))


class StatedMatches(Settings):
    """The number of matches between two sources, or within one.

    Attributes
    ----------
    left, right : str
        Names of the sources; the same twice for matches within one.
    matches : float
        How many.
    """

    left: str
    right: str
    matches: float = Field(gt=0, allow_inf_nan=False)


class Estimation(Settings):
    """How m, u and the match rate are estimated.

    Attributes
    ----------
    max_iterations : int
        Cap of the EM iterations; reaching it is reported as not converged.
    tolerance : float
        EM has converged when no m- or u-probability and no relative change of the expected
        number of matches exceeds it in an iteration.
    random_pairs : int
        Number of random pairs from which u-probabilities are counted where the passes do not
        compare all pairs.
    start_agreement : float
        Probability of full agreement among matches that EM starts from, and of the prior.
    prior_matches : float
        Number of matches that the prior of the m-probabilities is worth. It keeps EM from taking
        chance agreements for matches where there are few or none; 0 is maximum likelihood.
    related : {"auto", "none", "class"}
        Whether pairs of relatives, who share surname and address but are not matches, are a class of
        their own: where the pairs look so (see `tallystick.estimation.related`), never, or always.
    u : {"non_matches", "all_pairs", "free"}
        What u is: what all pairs show less the matches; what all pairs show, matches included; or free
        parameters of the mixture, for which all pairs have to be compared.
    monotone : bool
        Keep the weights of each comparison in the order of its levels.
    starts : int
        Number of starts of EM, of which the likeliest end is taken: the usual one and random ones.
    previous : Previous, optional
        Parameters of a previous linkage.
    expected_matches : float or tuple of StatedMatches, optional
        The number of matches where it is known: of all pairs of sources together, or of each.
    deterministic : Deterministic, optional
        Rules with a stated recall, from which the number of matches follows.
    reference : Source, optional
        A large table without duplicates, such as a register of the population, whose random pairs tell u.
    labels : str, optional
        A CSV or Parquet file of labelled pairs: ``id_left``, ``id_right`` (``source_left``, ``source_right``
        where there are more than two sources), ``match`` and, where pairs were not equally likely to be
        drawn, ``inclusion``.
    labels_use : {"with_em", "alone"}
        EM on all pairs, with the labelled ones known; or m from the labelled pairs alone.
    labels_u : bool
        With ``"alone"``: u from the labelled non-matches, too.
    interactions : tuple of tuple of str
        Names of comparisons that depend on each other among non-matches, two or more each: the joint
        u-probabilities of their levels are estimated. Those that share a comparison are estimated together.
    match_interactions : tuple of tuple of str
        Names of comparisons that depend on each other among matches: the joint m-probabilities of their
        levels are estimated, and the joint u-probabilities, too.

    Examples
    --------
    >>> Estimation(interactions=[["surname", "email"]]).interactions
    (('surname', 'email'),)
    """

    max_iterations: int = Field(default=1000, ge=1)
    tolerance: float = Field(default=1e-6, gt=0)
    random_pairs: int = Field(default=5_000_000, ge=1000)
    start_agreement: float = Field(default=0.9, gt=0, lt=1)
    prior_matches: float = Field(default=5, ge=0)
    related: Literal["auto", "none", "class"] = "auto"
    labels: str | None = None
    labels_use: Literal["with_em", "alone"] = "with_em"
    labels_u: StrictBool = False

    u: Literal["non_matches", "all_pairs", "free"] = "non_matches"
    monotone: StrictBool = False
    starts: int = Field(default=1, ge=1, le=1000)
    previous: Previous | None = None
    expected_matches: float | tuple[StatedMatches, ...] | None = None
    deterministic: Deterministic | None = None
    reference: Source | None = None
    interactions: tuple[tuple[str, ...], ...] = ()
    match_interactions: tuple[tuple[str, ...], ...] = ()

    @field_validator("expected_matches")
    @classmethod
    def _a_number_of_matches(cls, value: Any) -> Any:
        if isinstance(value, float) and not (value > 0 and math.isfinite(value)):
            raise ValueError(f"found {value:g} matches, expected a number above 0")
        if isinstance(value, tuple):
            if not value:
                raise ValueError("found no pair of sources, expected at least one")
            places = [frozenset((one.left, one.right)) for one in value]
            if len(set(places)) < len(places):
                raise ValueError("found a pair of sources twice, expected each once")
        return value

    @model_validator(mode="after")
    def _one_answer_each(self) -> Estimation:
        if self.expected_matches is not None and self.deterministic is not None:
            raise ValueError(
                "found both expected_matches and deterministic, expected one of them: either says how many "
                "matches there are"
            )
        held = self.previous is not None and self.previous.use == "as_is"
        if held and self.reference is not None:
            raise ValueError(
                'found both a reference and a previous model with use = "as_is", expected one of them: '
                "either says what u is"
            )
        return self

    @model_validator(mode="after")
    def _labels_are_there(self) -> Estimation:
        if self.labels is None and self.labels_use != "with_em":
            raise ValueError(
                f'labels_use = "{self.labels_use}" needs labels, the file of labelled pairs, beside it'
            )
        if self.labels_u and self.labels_use != "alone":
            raise ValueError(
                'labels_u = true needs labels_use = "alone": with EM, u is counted among all pairs'
            )
        if self.labels_use == "alone" and (self.interactions or self.match_interactions):
            raise ValueError(
                'found interactions with labels_use = "alone", expected labels_use = "with_em": joint '
                "probabilities need EM"
            )
        return self

    @field_validator("interactions", "match_interactions")
    @classmethod
    def _of_different_comparisons(cls, interactions: tuple[tuple[str, ...], ...]) -> Any:
        seen: set[frozenset[str]] = set()
        for one in interactions:
            if len(set(one)) < max(2, len(one)):
                raise ValueError(
                    f"found {list(one)!r}, expected the names of two or more different comparisons"
                )
            if frozenset(one) in seen:
                raise ValueError(f"found {list(one)!r} twice; name it once")
            seen.add(frozenset(one))
        return interactions

    @property
    def together(self) -> tuple[tuple[str, ...], ...]:
        """What is estimated together, for either reason."""
        return (*self.interactions, *self.match_interactions)
