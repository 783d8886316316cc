"""A fitted linkage: scores new data, compares two records, looks one up; saved as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tallystick import __version__
from tallystick._files import write_json
from tallystick._progress import Progress, silent
from tallystick.errors import InputError
from tallystick.estimation.parameters import Parameters
from tallystick.patterns.coding import parse_pattern
from tallystick.spec import Spec, plain

if TYPE_CHECKING:
    from tallystick.linkage.links import Links
    from tallystick.linkage.lookup import Index

FORMAT = "tallystick-model/1"


@dataclass(frozen=True)
class ComparedRecords:
    """Two records compared.

    Attributes
    ----------
    weight : float
        Match weight: natural log of the likelihood ratio.
    posterior : float or None
        Probability of a match for a candidate pair of this pattern; None where the model knows no
        match rate, or several.
    pattern : str
        Levels of the comparisons, ``.`` for missing.
    parts : list of dict
        For every comparison its level, what that means, and its weight; then what comparisons that were
        estimated together add to that; last, where related pairs are a class
        of their own, what the pair's agreement as relatives takes off.
    """

    weight: float
    posterior: float | None
    pattern: str
    parts: list[dict[str, Any]]


@dataclass(frozen=True)
class Model:
    """A specification with estimated parameters; immutable.

    Attributes
    ----------
    spec : Spec
        The specification, without sources.
    parameters : Parameters
        m, u, match rates, diagnostics.
    """

    spec: Spec
    parameters: Parameters

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know before relying on the model."""
        from tallystick.quality.diagnostics import parameter_warnings

        doubtful = [text for one in self.to_dict()["comparisons"] for text in parameter_warnings(one)]
        return (*doubtful, *self.parameters.warnings)

    def link(
        self,
        *inputs: Any,
        threads: int | None = None,
        memory: int | None = None,
        progress: Progress = silent,
    ) -> Links:
        """Link tables with this model.

        The match rate is that of the fit where the sources have the same names and sizes; else it
        is estimated anew, m and u as they are.

        Parameters
        ----------
        *inputs : Source, table or path
            What is linked: as many as the linkage has sources.
        threads : int, optional
            Number of threads; by default that of the processors. Polars has its own pool, which
            the environment variable ``POLARS_MAX_THREADS`` governs.
        memory : int, optional
            Bytes that whole level tables may take together.
        progress : Progress
            Told how far the stages are.

        Returns
        -------
        Links
        """
        from tallystick.linkage.links import link_prepared
        from tallystick.linkage.prepare import prepare_inputs

        prepared = prepare_inputs(self.spec, inputs, memory=memory, threads=threads, progress=progress)
        return link_prepared(prepared, self.parameters, threads=threads, progress=progress)

    def weight(self, pattern: str | Sequence[int | None]) -> float:
        """Match weight (natural log) of an agreement pattern.

        Where the weight of a comparison follows the values, that of usual values of the level counts.

        Parameters
        ----------
        pattern : str or sequence of int or None
            Level of every comparison from 0, disagreement; ``.`` or None for missing.

        Returns
        -------
        float
        """
        digits = parse_pattern(pattern, self.parameters.coding.n_levels)
        return float(self.parameters.weights(digits[None, :])[0])

    def compare_records(self, a: Mapping[str, Any], b: Mapping[str, Any]) -> ComparedRecords:
        """Compare two records given as field to value.

        Parameters
        ----------
        a, b : mapping of str to value
            The records; a field that is absent or None is missing.

        Returns
        -------
        ComparedRecords

        Raises
        ------
        InputError
            Where a record has a field that no comparison uses.
        """
        from tallystick.linkage.figures import weight_parts
        from tallystick.linkage.lookup import compare_one, index_of_records
        from tallystick.linking.terms import part_terms

        index = index_of_records(self, [b], "b")
        weights, patterns, terms = compare_one(self, a, index)
        digits = self.parameters.coding.decode(patterns)[0]
        posterior = (
            self.parameters.posterior(weights, np.zeros(1, np.int64))
            if len(self.parameters.pairs) == 1
            else None
        )
        return ComparedRecords(
            float(weights[0]),
            None if posterior is None else float(posterior[0]),
            self.parameters.coding.texts(patterns)[0],
            weight_parts(self.parameters, digits, float(weights[0]), part_terms(terms, 0)),
        )

    def lookup(self, record: Mapping[str, Any], table: Any, *, most: int = 10) -> pl.DataFrame:
        """The records of a table that one record is most likely to be.

        Parameters
        ----------
        record : mapping of str to value
            The record; a field that is absent or None is missing.
        table : Source, table, path or Index
            Where to look; for many look-ups make an `Index` once with `index`.
        most : int
            Number of records returned.

        Returns
        -------
        polars.DataFrame
            ``id``, ``weight``, ``posterior`` (where the model has one match rate) and ``pattern`` of the
            best records, by falling weight.
        """
        from tallystick.linkage.lookup import Index, lookup

        index = table if isinstance(table, Index) else self.index(table)
        return lookup(self, record, index, most)

    def index(self, table: Any) -> Index:
        """Read and encode a table once for many look-ups.

        Parameters
        ----------
        table : Source, table or path
            The table.

        Returns
        -------
        Index
        """
        from tallystick.linkage.lookup import make_index

        return make_index(self, table)

    def save(self, path: str | Path) -> None:
        """Write the model as JSON; `load` reads it back without loss.

        Parameters
        ----------
        path : path
            The file; one that exists is replaced.
        """
        write_json(path, self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The model as plain data."""
        spec, parameters = plain(self.spec), self.parameters.to_dict()
        parameters["comparisons"] = [
            {**known, "spec": one}
            for known, one in zip(parameters["comparisons"], spec["comparisons"], strict=True)
        ]
        return {
            "format": FORMAT,
            "version": __version__,
            "kind": self.spec.kind,
            "spec": spec,
            **parameters,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], name: str = "model") -> Model:
        """Read what `to_dict` gave."""
        require_format(data, name)
        if "steps" in data:
            raise InputError(
                f"{name}: it is a model of sequential passes, which has parameters for every step: load it "
                "with load_model."
            )
        try:
            return cls(Spec.model_validate(data["spec"]), Parameters.from_dict(data))
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(name, error) from error

    @classmethod
    def load(cls, path: str | Path) -> Model:
        """Read a model that `save` wrote.

        Parameters
        ----------
        path : path
            The file, or the directory of a run.

        Returns
        -------
        Model

        Raises
        ------
        InputError
            Where there is no such file, or it is no model.
        """
        name, data = read_model(path)
        return cls.from_dict(data, name)


def require_format(data: Mapping[str, Any], name: str) -> None:
    """Raise `InputError` where plain data are no model of this version."""
    if data.get("format") != FORMAT:
        raise InputError(
            f"{name}: found the format {data.get('format')!r}, expected {FORMAT!r}: "
            "it is no model of this version."
        )


def damaged(name: str, error: Exception) -> InputError:
    """What to say of a model that lacks something."""
    return InputError(f"{name}: the model is damaged ({error!r}): fit and save it again.")


def read_model(path: str | Path) -> tuple[str, dict[str, Any]]:
    """The name and the content of the file of a model.

    Parameters
    ----------
    path : path
        The file, or the directory of a run.

    Returns
    -------
    name : str
    data : dict

    Raises
    ------
    InputError
        Where there is no such file, or it holds no model.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "model.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if (path.parent / "ambiguous.parquet").is_file():
            raise InputError(
                f"{path.parent}: the run has linked by match keys, so there is no model: give a run of "
                "tallystick link."
            ) from None
        raise InputError(
            f"{path}: there is no such file: give a model.json or the directory of a run."
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: the file cannot be read as JSON ({error}).") from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: found JSON that is no model.")
    if data.get("purged"):
        raise InputError(
            f"{path}: the values whose frequencies this model weighs by were removed by tallystick purge, so "
            "that it decides nothing any more: link again."
        )
    return str(path), data
