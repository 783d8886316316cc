"""The list of errors of a run in its directory, of whichever kind it is."""

from __future__ import annotations

from tallystick._progress import Progress, silent
from tallystick.linkage.evaluation.error_list import ErrorList, errors_of_run
from tallystick.linkage.evaluation.error_list_keys import errors_of_keys
from tallystick.linkage.evaluation.truth import RunTruth
from tallystick.linkage.saved_run import open_run


def list_errors(found: RunTruth, *, threads: int | None = None, progress: Progress = silent) -> ErrorList:
    """List the errors of a run and explain them.

    Parameters
    ----------
    found : RunTruth
        What `tallystick.linkage.evaluation.truth.truth_of_run` gives.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far the stages are.

    Returns
    -------
    ErrorList

    Raises
    ------
    InputError
        Where the run cannot be opened again.
    """
    if found.by_keys:
        return errors_of_keys(found)
    return errors_of_run(found, open_run(found.folder, threads=threads, progress=progress))
