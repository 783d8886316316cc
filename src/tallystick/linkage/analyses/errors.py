"""From how the errors of the links are known to an error model of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tallystick._formats import counted
from tallystick.analysis.error_models.error_model import ErrorModel, Floats
from tallystick.analysis.error_models.exchangeable import exchangeable
from tallystick.analysis.error_models.incomplete import incomplete
from tallystick.analysis.error_models.precision import LinkPrecision
from tallystick.analysis.error_models.record_level import record_level
from tallystick.errors import InputError
from tallystick.linkage.analyses.errors_by_bootstrap import errors_by_bootstrap
from tallystick.linkage.analyses.errors_by_posterior import errors_by_posterior
from tallystick.linkage.analyses.judged_links import JudgedBand, band_of_rows, judged_bands
from tallystick.linkage.analyses.known_errors import (
    KnownErrors,
    block_sentence,
    blocks_of_register,
    blocks_of_rows,
    check_once,
    crossing,
    limits_of_mean,
    precision_of_bands,
)
from tallystick.linkage.analyses.linked_file import BLOCK, LinkedFile
from tallystick.linkage.analyses.settings import ErrorSettings

MOST_SHOWN = 30
"""Blocks that are listed one by one."""


def errors_of(
    file: LinkedFile, settings: ErrorSettings, *, register: bool | None = None, complete: bool = False
) -> KnownErrors:
    """The error model of the links of a linked file.

    Parameters
    ----------
    file : LinkedFile
        The links.
    settings : ErrorSettings
        How their errors are known.
    register : bool, optional
        Whether wrong links may be to any record of the covariates' source. By default where the model can
        have it.
    complete : bool
        Whether the model has to be of the linked rows alone, with an inverse: for contingency tables, and
        covariates of both files.

    Returns
    -------
    KnownErrors

    Raises
    ------
    InputError
        Where the run has not what is asked for.
    """
    if complete and register:
        raise InputError(
            "register: a table, or covariates of both files, has no use for records without a link: leave "
            "register out."
        )
    if settings.origin == "posterior":
        return errors_by_posterior(file, settings, register=register, complete=complete)
    if settings.origin == "bootstrap":
        return errors_by_bootstrap(file, settings, register=register)
    check_once(file)
    if settings.origin == "known":
        assert settings.q is not None
        return _exchangeable(file, settings.q, "known", register, complete, (), ())
    return _by_audit(file, settings, register, complete)


def _by_audit(
    file: LinkedFile, settings: ErrorSettings, register: bool | None, complete: bool
) -> KnownErrors:
    bands = judged_bands(file.run)
    by = settings.by or "band"
    code = band_of_rows(file.rows["link_posterior"], bands)
    names = [one.label for one in bands]
    found = precision_of_bands(bands)
    told = tuple(
        _told_band(one, q, se) for one, q, se in zip(bands, found.q, found.standard_errors, strict=True)
    )
    in_bands = np.bincount(code, minlength=len(bands)) / len(code)
    limits = limits_of_mean(in_bands, found)
    if by == "band":
        if register:
            raise InputError(
                'errors: by = "band" gives each link its own q, and records without a link have none, so '
                'that it takes no register: use by = "block" or by = "all" with register = true, or leave '
                "register out."
            )
        used = [names[k] for k in np.unique(code)]
        model = record_level(
            blocks_of_rows(file),
            found,
            bands=np.array(names)[code],
            index=file.rows["link_outcome"].to_numpy(),
        )
        return KnownErrors(
            model,
            found.q[code],
            "audit",
            (
                "The share of right links is that which people found in each of "
                f"{counted(len(used), 'band')} of the posterior; within a block a doubtful link has "
                "exchanged its record with another doubtful one.",
                block_sentence(settings.block),
            ),
            told,
            None,
            record_level=True,
            limits=limits,
            warnings=_band_warnings(file, bands) + crossing(file, settings.block),
        )
    blocks = blocks_of_rows(file)
    labels = np.unique(blocks)
    within = np.zeros((len(labels), len(bands)))
    np.add.at(within, (np.searchsorted(labels, blocks), code), 1.0)
    within = within / within.sum(axis=1, keepdims=True)
    if by == "all":
        within = np.tile(in_bands, (len(labels), 1))
    errors = np.zeros(len(bands)) if found.own is None else np.sqrt(found.own)
    precision = LinkPrecision(labels, within @ found.q, None, within * errors)
    made = _exchangeable(file, precision, "audit", register, complete, told, _band_warnings(file, bands))
    how = (
        "The share of right links is that which people found, of all links alike."
        if by == "all"
        else "The share of right links of a block is what people found in each band of the posterior, "
        "weighted by the links that the block has in it."
    )
    return KnownErrors(
        made.model,
        made.q,
        "audit",
        (how, *made.sentences[1:]),
        told,
        made.register,
        limits=limits,
        warnings=made.warnings,
    )


def _told_band(one: JudgedBand, q: float, se: float) -> dict[str, Any]:
    return {
        "name": one.label,
        "links": one.links,
        "judged": one.judged,
        "right": one.right,
        "q": float(q),
        "se": float(se),
    }


def _band_warnings(file: LinkedFile, bands: Sequence[JudgedBand]) -> tuple[str, ...]:
    few = [one.label for one in bands if one.judged < 10 and one.judged < one.links]
    found = []
    if few:
        found.append(
            f"Fewer than 10 links were judged of {counted(len(few), 'band')} ({', '.join(few)}): their "
            "share of right links is hardly known."
        )
    n = sum(one.links for one in bands)
    if len(file.rows) < 0.9 * n:
        found.append(
            f"The audit is of {n:,} links and the analysis of {len(file.rows):,} of them: it holds for "
            "these if they go wrong as often as the others of their band."
        )
    return tuple(found)


def _exchangeable(
    file: LinkedFile,
    q: Any,
    origin: str,
    register: bool | None,
    complete: bool,
    groups: tuple[dict[str, Any], ...],
    warnings: tuple[str, ...],
) -> KnownErrors:
    blocks = blocks_of_rows(file)
    index = file.rows["link_outcome"].to_numpy()
    has_block = BLOCK in file.register.columns or BLOCK not in file.rows.columns
    unlinked = len(file.register) > len(file.rows)
    if register and not has_block:
        raise InputError(
            f"register: the block stands in {file.outcome} alone, so that it is not known of the records of "
            f"{file.covariates} without a link: use a block of both sources, or register = false."
        )
    with_register = not complete and has_block and (register if register is not None else unlinked)
    how = "The share of right links is stated." if origin == "known" else ""
    block = "within blocks" if BLOCK in file.rows.columns else "among all links"
    if with_register:
        of_register = blocks_of_register(file)
        model: ErrorModel = incomplete(
            of_register,
            q,
            file.rows["link_covariates"].to_numpy(),
            register_index=file.register["link_record"].to_numpy(),
            index=index,
        )
        frame = file.register
        reach = (
            f"A wrong link is to any of the {counted(len(frame), 'record')} of {file.covariates}, linked or "
            f"not, {'of the same block' if BLOCK in file.rows.columns else 'each as likely'}: the outcomes "
            "are of persons like those of that source."
        )
    else:
        model, frame = exchangeable(blocks, q, index=index), None
        reach = f"Wrong links have exchanged their records {block}, each as likely as any other."
    chance = _row_q(blocks, q)
    shown = groups
    if not shown:
        labels, sizes = np.unique(blocks, return_counts=True)
        if len(labels) <= MOST_SHOWN:
            shown = tuple(
                {"name": str(name), "links": int(size), "q": float(chance[blocks == name][0])}
                for name, size in zip(labels, sizes, strict=True)
            )
    return KnownErrors(
        model,
        chance,
        origin,
        (how, reach),
        shown,
        frame,
        warnings=warnings + crossing(file, "block" if BLOCK in file.rows.columns else None),
    )


def _row_q(blocks: Any, q: Any) -> Floats:
    """The q of each row."""
    labels, code = np.unique(blocks, return_inverse=True)
    if isinstance(q, LinkPrecision):
        return q.of(labels).q[code]
    if isinstance(q, dict):
        return np.array([q[str(label)] for label in labels], np.float64)[code]
    return np.full(len(blocks), float(q))
