"""A fitted sequential linkage: one set of parameters a step; it replays its steps on data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallystick import __version__
from tallystick._files import write_json
from tallystick._progress import Progress, silent
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.model import FORMAT, Model, damaged, require_format
from tallystick.linkage.step_plan import spec_of
from tallystick.spec import Spec, plain

if TYPE_CHECKING:
    from tallystick.linkage.sequential_links import SequentialLinks


@dataclass(frozen=True)
class SequentialModel:
    """A specification with the estimated parameters of every step; immutable.

    Attributes
    ----------
    spec : Spec
        The specification, without sources.
    steps : tuple of Parameters or None
        Of every step, or of the first ones as long as it is being fitted; None of one that had nothing to
        decide.
    """

    spec: Spec
    steps: tuple[Parameters | None, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know before relying on the model."""
        return tuple(
            f"Step {step.label}: {text}"
            for step, model in zip(self.spec.all_steps, self.models, strict=False)
            if model is not None
            for text in model.warnings
        )

    @property
    def models(self) -> tuple[Model | None, ...]:
        """The model of every step, as of a linkage of its own."""
        return tuple(
            None if parameters is None else Model(spec_of(self.spec, step), parameters)
            for step, parameters in zip(self.spec.all_steps, self.steps, strict=False)
        )

    def link(
        self,
        *inputs: Any,
        threads: int | None = None,
        memory: int | None = None,
        progress: Progress = silent,
    ) -> SequentialLinks:
        """Link tables with this model, step by step.

        Match rates are those of the fit where the records of a step are as many as then; else they are
        estimated anew, m and u as they are.

        Parameters
        ----------
        *inputs : Source, table or path
            What is linked: as many as the linkage has sources.
        threads, memory, progress
            As in `Model.link`.

        Returns
        -------
        SequentialLinks
        """
        from tallystick.linkage.prepare import prepare_inputs
        from tallystick.linkage.sequential_links import link_by_steps

        whole = prepare_inputs(self.spec, inputs, memory=memory, threads=threads, progress=progress)
        return link_by_steps(whole, self.steps, threads=threads, progress=progress)

    def save(self, path: str | Path) -> None:
        """Write the model as JSON; `load_model` reads it back without loss.

        Parameters
        ----------
        path : path
            The file; one that exists is replaced.
        """
        write_json(path, self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data."""
        steps = []
        for name, model in self._named():
            own = {} if model is None else model.to_dict()
            kept = {
                key: value for key, value in own.items() if key not in ("format", "version", "kind", "spec")
            }
            steps.append({"name": name, **kept})
        return {
            "format": FORMAT,
            "version": __version__,
            "kind": self.spec.kind,
            "spec": plain(self.spec),
            "steps": steps,
        }

    def _named(self) -> list[tuple[str, Model | None]]:
        """The names of the steps and their models."""
        return [(step.label, own) for step, own in zip(self.spec.all_steps, self.models, strict=False)]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], name: str = "model") -> SequentialModel:
        """Read what `to_dict` gave."""
        require_format(data, name)
        try:
            return cls(Spec.model_validate(data["spec"]), read_steps(data))
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(name, error) from error


def read_steps(data: Mapping[str, Any]) -> tuple[Parameters | None, ...]:
    """The parameters of every step of what `SequentialModel.to_dict` gave; None of a step without any."""
    return tuple(Parameters.from_dict(one) if "comparisons" in one else None for one in data["steps"])
