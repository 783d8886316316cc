"""A fitted linkage with households: it replays its stages on data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tallystick._progress import Progress, silent
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.model import Model, damaged, require_format
from tallystick.linkage.sequential_model import SequentialModel, read_steps
from tallystick.spec import Spec

if TYPE_CHECKING:
    from tallystick.linkage.household_links import HouseholdLinks

FLAT, HOUSEHOLDS, WITHIN, OUTSIDE = "all records", "households", "within households", "outside households"
STAGES = (FLAT, HOUSEHOLDS, WITHIN, OUTSIDE)
"""What parameters are estimated for, in this order."""


@dataclass(frozen=True)
class HouseholdParameters:
    """What a linkage with households has estimated.

    Attributes
    ----------
    flat : Parameters
        Of all records, as without households.
    households : Parameters
        Of pairs of households.
    log_odds : float
        log theta of pairs of households (see `tallystick.linking.members`).
    within : Parameters or None
        Of persons within linked households; None where none are linked.
    outside : Parameters or None
        Of the persons that are left; None where there was nothing to decide.
    """

    flat: Parameters
    households: Parameters
    log_odds: float
    within: Parameters | None = None
    outside: Parameters | None = None


@dataclass(frozen=True)
class HouseholdModel(SequentialModel):
    """A specification with the estimated parameters of every stage; immutable.

    Attributes
    ----------
    spec : Spec
        The specification, without sources.
    steps : tuple of Parameters or None
        Of all records, of households, within and outside of them (see `STAGES`).
    log_odds : float
        log theta of pairs of households.
    """

    log_odds: float = 0.0

    @classmethod
    def of(cls, spec: Spec, found: HouseholdParameters) -> HouseholdModel:
        """The model of what was estimated."""
        return cls(spec, (found.flat, found.households, found.within, found.outside), found.log_odds)

    @property
    def parameters(self) -> HouseholdParameters:
        """The parameters by their stage."""
        flat, households, within, outside = self.steps
        assert flat is not None
        assert households is not None
        return HouseholdParameters(flat, households, self.log_odds, within, outside)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know before relying on the model."""
        return tuple(
            f"Stage {name}: {text}"
            for name, model in zip(STAGES, self.models, strict=True)
            if model is not None
            for text in model.warnings
        )

    @property
    def models(self) -> tuple[Model | None, ...]:
        """The model of every stage, as of a linkage of its own."""
        found = []
        for parameters in self.steps:
            names = [] if parameters is None else [one.name for one in parameters.comparisons]
            own = tuple(one for one in self.spec.comparisons if one.name in names)
            spec = self.spec.model_copy(update={"comparisons": own, "households": None})
            found.append(None if parameters is None else Model(spec, parameters))
        return tuple(found)

    def link(
        self,
        *inputs: Any,
        threads: int | None = None,
        memory: int | None = None,
        progress: Progress = silent,
    ) -> HouseholdLinks:
        """Link tables with this model, stage by stage.

        Numbers of matches are those of the fit where the sources are as large as then; else they are
        estimated anew, m and u as they are.

        Parameters
        ----------
        *inputs : Source, table or path
            What is linked: as many as the linkage has sources.
        threads, memory, progress
            As in `Model.link`.

        Returns
        -------
        HouseholdLinks
        """
        from tallystick.linkage.household_links import link_by_households
        from tallystick.linkage.prepare import prepare_inputs

        whole = prepare_inputs(self.spec, inputs, memory=memory, threads=threads, progress=progress)
        return link_by_households(whole, self.parameters, threads=threads, progress=progress)

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data."""
        return {**super().to_dict(), "household_log_odds": self.log_odds}

    def _named(self) -> list[tuple[str, Model | None]]:
        return list(zip(STAGES, self.models, strict=True))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], name: str = "model") -> HouseholdModel:
        """Read what `to_dict` gave."""
        require_format(data, name)
        try:
            if [one["name"] for one in data["steps"]] != list(STAGES):
                raise ValueError("its stages are not those of a linkage with households")
            return cls(Spec.model_validate(data["spec"]), read_steps(data), data["household_log_odds"])
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(name, error) from error
