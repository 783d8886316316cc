"""Error models by the posteriors of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from tallystick._formats import counted, percent
from tallystick.analysis.error_models.error_model import ErrorModel, Floats
from tallystick.analysis.error_models.exchangeable import exchangeable
from tallystick.analysis.error_models.matching_probabilities import MatchingProbabilities
from tallystick.analysis.error_models.posterior import posterior
from tallystick.analysis.error_models.record_level import record_level
from tallystick.errors import InputError
from tallystick.linkage.analyses.judged_links import band_of_rows, judged_bands
from tallystick.linkage.analyses.known_errors import (
    KnownErrors,
    block_sentence,
    blocks_of_register,
    blocks_of_rows,
    crossing,
    limits_of_mean,
    precision_of_bands,
)
from tallystick.linkage.analyses.linked_file import BLOCK, LinkedFile
from tallystick.linkage.analyses.settings import ErrorSettings


def errors_by_posterior(
    file: LinkedFile, settings: ErrorSettings, *, register: bool | None, complete: bool
) -> KnownErrors:
    """Errors by the posteriors of the run; as `errors_of`.

    Parameters
    ----------
    file, settings, register, complete
        The same.

    Returns
    -------
    KnownErrors

    Raises
    ------
    InputError
        Where the run has no such thing, or the register has no place in it.
    """
    chance = file.rows["link_posterior"].fill_null(float("nan")).to_numpy()
    unknown = int((~np.isfinite(chance)).sum())
    if unknown:
        why = "come of match keys" if file.run.by_keys else "have none, as those by match keys"
        raise InputError(
            f"{file.run.shown}: {counted(unknown, 'link')} {why}, so that there is no posterior to go by: "
            'state the share that is right (from = "known"), or draw an audit (from = "audit").'
        )
    if register is False:
        raise InputError(
            'errors: from = "posterior" needs the register, since a link may belong to a record that has '
            "none: leave register out."
        )
    index = file.rows["link_outcome"].to_numpy()
    found = _calibrated(file, chance) + crossing(file, settings.block)
    if complete:
        return _posterior_by_row(file, settings.block, chance, found)
    matching, rescaled = _matching(file)
    names = file.register["link_record"]
    linked = _places(file.rows["link_covariates"], names)
    strata = None
    if BLOCK in file.register.columns:
        strata = (blocks_of_rows(file), blocks_of_register(file))
    model: ErrorModel = posterior(
        matching,
        outcome="right",
        linked=linked,
        strata=strata,
        index=index,
        register_index=names.to_numpy(),
    )
    of_none = " of the same block" if strata is not None else ""
    sentences = (
        "Each link is to one of the candidates of its record, with the posteriors of the run, or to none; "
        f"then it shows what records of {file.covariates}{of_none} show on average.",
        *(
            (
                "Since the run lets records have several matches, the posteriors of a record's candidates "
                "are made to share what is not none.",
            )
            if rescaled
            else ()
        ),
    )
    return KnownErrors(
        model,
        chance,
        "posterior",
        sentences,
        register=file.register,
        record_level=True,
        warnings=found,
    )


def _posterior_by_row(
    file: LinkedFile, block: str | None, chance: Floats, warnings: tuple[str, ...]
) -> KnownErrors:
    """Posteriors of the links alone, with an inverse: link by link, or where that has none by block."""
    blocks, index = blocks_of_rows(file), file.rows["link_outcome"].to_numpy()
    how = (
        "Each link is right with its posterior; within a block a doubtful link has exchanged its record with "
        "another doubtful one."
    )
    try:
        model: ErrorModel = record_level(blocks, chance, index=index)
        model.inverse(np.zeros(model.n_links))
        by_row = True
    except InputError:
        code = np.unique(blocks, return_inverse=True)[1]
        mean = np.bincount(code, chance) / np.bincount(code)
        model, chance, by_row = exchangeable(blocks, mean, index=index), mean[code], False
        how = "The share of right links of a block is the mean of its posteriors, every wrong link as likely."
        warnings = (
            *warnings,
            "Some blocks have so few doubtful links that what each shows cannot be taken apart, so that all "
            "links of a block have its mean posterior: join blocks to use each by itself.",
        )
    return KnownErrors(
        model,
        chance,
        "posterior",
        (how, block_sentence(block)),
        record_level=by_row,
        warnings=warnings,
    )


def _matching(file: LinkedFile) -> tuple[MatchingProbabilities, bool]:
    """Posteriors of the candidates of the rows, and whether they had to be normalised by row."""
    rows, names = file.rows["link_outcome"], file.register["link_record"]
    pairs = file.candidates.filter(pl.col("link_covariates").is_in(names.implode()))
    right, left = _places(pairs["link_outcome"], rows), _places(pairs["link_covariates"], names)
    chance = pairs["link_posterior"].fill_null(0.0).to_numpy().clip(0.0, 1.0)
    sums = np.bincount(right, chance, len(rows))
    rescaled = bool((sums > 1 + 1e-6).any())
    if rescaled:
        odds = chance / np.maximum(1 - chance, 1e-12)
        chance = odds / (1 + np.bincount(right, odds, len(rows))[right])
    exact = np.ones(len(chance), bool)
    return MatchingProbabilities(left, right, chance, len(names), len(rows), exact), rescaled


def _places(values: pl.Series, names: pl.Series) -> Any:
    """Place of each value among names, all of which are there."""
    table = pl.DataFrame({"name": names, "at": np.arange(len(names))})
    found = pl.DataFrame({"name": values}).join(table, on="name", how="left", maintain_order="left")["at"]
    return found.to_numpy().astype(np.int64)


def _calibrated(file: LinkedFile, chance: Floats) -> tuple[str, ...]:
    """A warning where an audit of the run does not agree with its posteriors."""
    run = file.run
    if run.folder is None or run.finalised or not (run.folder / "audit.json").is_file():
        return ()
    try:
        bands = judged_bands(run)
    except InputError:
        return ()
    found = precision_of_bands(bands)
    share = np.bincount(band_of_rows(file.rows["link_posterior"], bands), minlength=len(bands)) / len(chance)
    low, high = limits_of_mean(share, found)
    mean = float(chance.mean())
    if low <= mean <= high:
        return ()
    return (
        f"By the posteriors {percent(mean)} of the links are right, by the audit of the run {percent(low)} "
        f'to {percent(high)}: the posteriors are not calibrated, and from = "audit" is the better choice.',
    )
