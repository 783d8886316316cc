"""What estimation takes from outside the files that are linked: a previous model, a table of reference."""

from __future__ import annotations

from pathlib import Path

from tallystick._files import file_sha256
from tallystick._progress import Progress, silent
from tallystick.comparisons.dictionaries import dictionary_files
from tallystick.errors import InputError
from tallystick.estimation.knowledge import Knowledge, checked
from tallystick.estimation.parameters import Parameters
from tallystick.estimation.settings import Estimation, Previous
from tallystick.linkage.prepare import Prepared, read_records
from tallystick.preparation.nicknames import is_culture
from tallystick.preparation.read import open_source
from tallystick.preparation.source import Source
from tallystick.records.records import Records
from tallystick.spec import Spec


def read_knowledge(prepared: Prepared, threads: int | None = None, progress: Progress = silent) -> Knowledge:
    """Read the model and the table that the settings of estimation name, and see that they fit.

    Parameters
    ----------
    prepared : Prepared
        The records, and the specification with its paths resolved.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far the reading is.

    Returns
    -------
    Knowledge

    Raises
    ------
    InputError
        Where one of them is not there or does not fit the comparisons.
    """
    settings = prepared.spec.estimation
    previous = None
    if settings.previous is not None:
        previous = _parameters_of(settings.previous)
    reference = None
    if settings.reference is not None:
        reference = _records_of(prepared.spec, settings.reference, threads, progress)
    knowledge = Knowledge(previous, reference, prepared.spec.decision.links)
    return checked(prepared.records, prepared.plan, prepared.spec.comparisons, settings, knowledge)


def _parameters_of(settings: Previous) -> Parameters:
    from tallystick.linkage.model import Model

    return Model.load(settings.model).parameters


def _records_of(spec: Spec, reference: Source, threads: int | None, progress: Progress) -> Records:
    """The records of a table with the fields of those comparisons of which it has all."""
    columns = open_source(reference).columns
    asked = tuple(
        one
        for one in spec.comparisons
        if all(reference.column(field) in columns for field in (*one.left, *one.right))
    )
    if not asked:
        raise InputError(
            f"{reference.shown}: the table of reference has all fields of no comparison, but the columns "
            f"{', '.join(columns)}: say in columns which of them hold the fields, or leave it out."
        )
    # The table has the values as they are compared; steps of the sources are not for it.
    update = {"comparisons": asked, "passes": (), "estimation": Estimation(), "prepare": None}
    return read_records(spec.model_copy(update=update), [reference], threads, progress).records


def dictionaries_sha256(spec: Spec) -> dict[str, str]:
    """Fingerprints of the files that the steps of a preparation need, by their paths.

    Parameters
    ----------
    spec : Spec
        Its paths resolved.

    Returns
    -------
    dict of str to str
    """
    paths = spec.prepare.files() if spec.prepare is not None else ()
    return {path: file_sha256(path) for path in paths if Path(path).is_file()}


def outside_sha256(spec: Spec) -> list[str]:
    """Fingerprints of the files that preparation and estimation read besides the sources.

    Parameters
    ----------
    spec : Spec
        Its paths resolved.

    Returns
    -------
    list of str
    """
    paths = []
    if spec.estimation.previous is not None:
        path = Path(spec.estimation.previous.model)
        paths.append(path / "model.json" if path.is_dir() else path)
    if spec.estimation.reference is not None and spec.estimation.reference.path is not None:
        paths.append(spec.estimation.reference.path)
    if spec.match is not None and spec.match.nicknames is not None and not is_culture(spec.match.nicknames):
        paths.append(Path(spec.match.nicknames))
    if spec.prepare is not None:
        paths += [Path(path) for path in spec.prepare.files()]
    for one in spec.comparisons:
        paths += map(Path, dictionary_files(one.comparator))
    # What is wrong with one that is not there is said where it is read.
    return [file_sha256(path) for path in paths if path.is_file()]
