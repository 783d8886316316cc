"""Error models by the linkage drawn again."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.analysis.error_models.error_model import Floats
from tallystick.analysis.error_models.precision import LinkPrecision
from tallystick.analysis.error_models.record_level import record_level
from tallystick.errors import InputError
from tallystick.linkage.analyses.known_errors import (
    KnownErrors,
    block_sentence,
    blocks_of_rows,
    check_once,
    crossing,
    limits_of_mean,
)
from tallystick.linkage.analyses.linked_file import LinkedFile
from tallystick.linkage.analyses.settings import ErrorSettings


def errors_by_bootstrap(file: LinkedFile, settings: ErrorSettings, *, register: bool | None) -> KnownErrors:
    """Errors by the linkage drawn again; as `errors_of`, for the linked rows alone.

    Parameters
    ----------
    file, settings, register
        The same.

    Returns
    -------
    KnownErrors

    Raises
    ------
    InputError
        Where the run has no such thing, or the register has no place in it.
    """
    from tallystick.linkage.analyses.bootstrap import bootstrap_links
    from tallystick.linkage.links import Links
    from tallystick.linkage.saved_run import SavedRun, open_run

    run = file.run
    if run.by_keys or run.by_steps or run.finalised:
        why = (
            "links by match keys have no model to draw from"
            if run.by_keys
            else "a linkage by steps or households cannot be drawn again"
            if run.by_steps
            else "what people decided cannot be drawn again"
        )
        raise InputError(
            f'{run.shown}: {why}: use from = "audit" or from = "known"'
            f"{'' if run.by_keys else ', or the posteriors of the run'}."
        )
    check_once(file)
    if register:
        raise InputError(
            'errors: from = "bootstrap" gives each link its own q by its weight, and records without a link '
            "have none, so that it takes no register: leave register out."
        )
    linkage = run.linkage if run.folder is None else open_run(run.folder)
    if not isinstance(linkage, Links | SavedRun):
        raise InputError("This linkage cannot be drawn again: use another way to know q.")
    drawn = bootstrap_links(linkage, replicates=settings.replications, seed=settings.seed)
    weight = file.rows["link_weight"].to_numpy()
    edges = _weight_edges(weight)
    precision = drawn.by_weight(edges)
    band = np.searchsorted(edges, weight, side="right")
    band = _nearest_band(band, np.asarray(precision.labels, np.int64))
    names = np.array([_weight_name(edges, int(k)) for k in precision.labels])
    at = np.searchsorted(np.asarray(precision.labels, np.int64), band)
    named = LinkPrecision(names, precision.q, precision.own, precision.shared)
    used = np.unique(at)
    index = file.rows["link_outcome"].to_numpy()
    model = record_level(blocks_of_rows(file), named, bands=names[at], index=index)
    share = np.bincount(at, minlength=len(names)) / len(at)
    told = tuple(
        {
            "name": str(names[k]),
            "links": int((at == k).sum()),
            "q": float(named.q[k]),
            "se": float(named.standard_errors[k]),
        }
        for k in used
    )
    return KnownErrors(
        model,
        named.q[at],
        "bootstrap",
        (
            f"The linkage was drawn again {settings.replications} times by its own m, u and decision; the "
            "share of right links by band of the weight is that of these draws, and as good as the model.",
            block_sentence(settings.block),
        ),
        told,
        record_level=True,
        limits=limits_of_mean(share, named),
        warnings=crossing(file, settings.block),
    )


def _weight_edges(weight: Floats) -> Floats:
    """Edges of up to ten bands of weights with about equal numbers of links."""
    found = np.unique(np.quantile(weight, np.linspace(0.1, 0.9, 9)))
    above: Floats = found[found > weight.min()]
    return above


def _weight_name(edges: Floats, k: int) -> str:
    if not len(edges):
        return "all weights"
    if k == 0:
        return f"weight below {edges[0]:.2f}"
    if k == len(edges):
        return f"weight {edges[-1]:.2f} or more"
    return f"weight {edges[k - 1]:.2f} to {edges[k]:.2f}"


def _nearest_band(band: Any, there: Any) -> Any:
    """Bands that the draws have, for links of bands that they have not."""
    nearest = np.abs(band[:, None] - there[None, :]).argmin(axis=1)
    return there[nearest]
