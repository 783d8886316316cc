"""Saved models of either kind."""

from __future__ import annotations

from pathlib import Path

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

    Raises
    ------
    InputError
        Where there is no such file, or it is no model.
    """
    name, data = read_model(path)
    return SequentialModel.from_dict(data, name) if "steps" in data else Model.from_dict(data, name)
