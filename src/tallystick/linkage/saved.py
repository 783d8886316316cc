"""Saved models of either kind."""

from __future__ import annotations

from pathlib import Path

from tallystick.linkage.household_model import HouseholdModel
from tallystick.linkage.model import Model, read_model
from tallystick.linkage.sequential_model import SequentialModel


def load_model(path: str | Path) -> Model | SequentialModel:
    """Read a model that was saved, of a linkage at once or step by step.

    Parameters
    ----------
    path : path
        The file, or the directory of a run.

    Returns
    -------
    Model or SequentialModel
        A `HouseholdModel`, which is a SequentialModel, of a linkage with households.

    Raises
    ------
    InputError
        Where there is no such file, or it is no model.
    """
    name, data = read_model(path)
    if "household_log_odds" in data:
        return HouseholdModel.from_dict(data, name)
    return SequentialModel.from_dict(data, name) if "steps" in data else Model.from_dict(data, name)
