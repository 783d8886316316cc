"""What a report is made of: the figures of a run, those that came after it, and what people wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tallystick.linking.match_settings import Match
from tallystick.quality.steps import flattened

Json = Mapping[str, Any]
Content = dict[str, Any]


@dataclass(frozen=True)
class Figures:
    """Contents of the JSON files of a run.

    Parts that a run cannot have (EM where m and u are given, examples, a histogram, estimated errors) may be
    absent or null.

    Attributes
    ----------
    model, run, quality : mapping
        Contents of ``model.json``, ``run.json`` and ``quality.json``.
    audit, review, truth : mapping, optional
        Contents of ``audit.json``, ``review.json`` and ``truth.json``, where they have come since.
    statement : mapping of str to str
        What people wrote for the quality statement, by key (see `tallystick.quality.report.statement`).
    notes : tuple of str
        Warnings on the files themselves.
    show_values : bool
        Whether values of records are shown, or their shapes only.
    """

    model: Json
    run: Json
    quality: Json
    audit: Json | None = None
    review: Json | None = None
    truth: Json | None = None
    statement: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    show_values: bool = False

    def flat(self) -> Figures:
        """The same with the parameters of all steps in one list."""
        return replace(self, model=flattened(self.model))

    @property
    def spec(self) -> Json:
        """The specification; empty where the run does not say it."""
        return self.run.get("spec") or {}

    @property
    def counts(self) -> Json:
        """Counts per stage and pass; empty where there are none."""
        return self.run.get("counts") or {}

    @property
    def estimated(self) -> Json:
        """The error rates that the model expects; empty where it expects none."""
        return self.quality.get("estimated") or {}

    @property
    def sample(self) -> tuple[Json | None, bool]:
        """The sample that people judged, and whether it is of the run before decisions were applied to it."""
        before = (self.review or {}).get("audit")
        if before and not (self.audit or {}).get("estimate"):
            return before, True
        return self.audit, False

    @property
    def judged(self) -> tuple[Json, bool]:
        """What was estimated from that sample (empty without), and whether it is of the run before."""
        sample, before = self.sample
        return (sample or {}).get("estimate") or {}, before

    @property
    def match(self) -> Match | None:
        """The match keys; None where the linkage has none."""
        given = self.spec.get("match")
        return Match.model_validate(given) if given else None

    @property
    def by_keys_alone(self) -> bool:
        """Whether all links are those of match keys."""
        return bool(self.counts.get("keys"))

    @property
    def unlinked(self) -> Mapping[str, int]:
        """Numbers of records without a link by source: as counted, or those of the residuals."""
        sources = (self.quality.get("residuals") or {}).get("sources") or ()
        of_residuals = {one["source"]: one["unlinked"] for one in sources if one.get("unlinked") is not None}
        return self.counts.get("unlinked") or of_residuals

    @property
    def sources(self) -> list[str]:
        """Names of the sources."""
        return [source["name"] for source in self.run.get("inputs") or ()]

    @property
    def parts(self) -> list[tuple[str, Json]]:
        """Figures of weights and thresholds: of the run (named ""), or of each of its steps by name."""
        steps = self.quality.get("steps")
        if not steps:
            return [("", self.quality)]
        return [(one["step"], one) for one in steps if "keys" not in one and not one.get("reason")]
