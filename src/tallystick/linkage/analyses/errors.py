"""From how the errors of the links are known to an error model of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from tallystick._formats import counted, percent
from tallystick.analysis.error_models.audited import audited_precision
from tallystick.analysis.error_models.error_model import ErrorModel, Floats
from tallystick.analysis.error_models.exchangeable import exchangeable
from tallystick.analysis.error_models.incomplete import incomplete
from tallystick.analysis.error_models.matching_probabilities import MatchingProbabilities
from tallystick.analysis.error_models.posterior import posterior
from tallystick.analysis.error_models.precision import LinkPrecision
from tallystick.analysis.error_models.record_level import record_level
from tallystick.errors import InputError
from tallystick.linkage.analyses.judged_links import JudgedBand, band_of_rows, judged_bands
from tallystick.linkage.analyses.linked_file import BLOCK, LinkedFile
from tallystick.linkage.analyses.settings import ErrorSettings

ALL = "all links"
"""The block where none is stated."""
MOST_SHOWN = 30
"""Blocks that are listed one by one."""


@dataclass(frozen=True, eq=False)
class KnownErrors:
    """An error model of links, and where it comes from.

    Attributes
    ----------
    model : ErrorModel or None
        In the order of the rows of the linked file; None where an analysis has none.
    q : float64 array, shape (n_links,)
        Chance that each link is right.
    origin : str
        What it is known from.
    sentences : tuple of str
        What is assumed.
    groups : tuple of dict
        Blocks or bands: ``name``, ``links``, ``q``, and ``judged``, ``right``, ``se`` where they were
        audited.
    register : polars.DataFrame or None
        Records in the order of the model's register, where it has one.
    record_level : bool
        Whether q differs between the links of a block.
    limits : (float, float) or None
        Interval of 95 % of the mean q, where it is estimated.
    warnings : tuple of str
        What a reader has to know.
    """

    model: ErrorModel | None
    q: Floats
    origin: str
    sentences: tuple[str, ...]
    groups: tuple[dict[str, Any], ...] = ()
    register: pl.DataFrame | None = None
    record_level: bool = False
    limits: tuple[float, float] | None = None
    warnings: tuple[str, ...] = field(default=())

    @property
    def mean_q(self) -> float:
        """Mean chance of a right link."""
        return float(self.q.mean())


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
        return _by_posterior(file, settings, register=register, complete=complete)
    if settings.origin == "bootstrap":
        return _by_bootstrap(file, settings, register=register, complete=complete)
    _check_once(file)
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
    found = _precision_of_bands(bands)
    told = tuple(
        _told_band(one, q, se) for one, q, se in zip(bands, found.q, found.standard_errors, strict=True)
    )
    in_bands = np.bincount(code, minlength=len(bands)) / len(code)
    limits = _limits(in_bands, found)
    if by == "band":
        if register:
            raise InputError(
                'errors: by = "band" gives each link its own q, and records without a link have none, so '
                "that it "
                'takes no register: use by = "block" or by = "all" with register = true, or leave register '
                "out."
            )
        used = [names[k] for k in np.unique(code)]
        model = record_level(
            _blocks(file),
            found.of(np.array(used), "band"),
            bands=np.array(names)[code],
            index=file.rows["link_outcome"].to_numpy(),
        )
        return KnownErrors(
            model,
            found.q[code],
            "audit",
            (
                "The share of right links is that which people found in each of "
                f"{counted(len(used), 'band')} of "
                "the posterior; within a block a doubtful link has exchanged its record with another "
                "doubtful one.",
                _block_sentence(file, settings.block),
            ),
            told,
            None,
            record_level=True,
            limits=limits,
            warnings=_band_warnings(file, bands) + _crossing(file, settings.block),
        )
    blocks = _blocks(file)
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


def _precision_of_bands(bands: Sequence[JudgedBand]) -> LinkPrecision:
    """Shares of right links by band: not shrunk, since bands are made to differ."""
    return audited_precision(
        {one.label: one.links for one in bands},
        np.array([one.right for one in bands]),
        np.array([one.judged for one in bands]),
        shrink=False,
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
            f"Fewer than 10 links were judged of {counted(len(few), 'band')} ({', '.join(few)}): their share "
            "of "
            "right links is hardly known."
        )
    n = sum(one.links for one in bands)
    if len(file.rows) < 0.9 * n:
        found.append(
            f"The audit is of {n:,} links and the analysis of {len(file.rows):,} of them: it holds for these "
            "if "
            "they go wrong as often as the others of their band."
        )
    return tuple(found)


def _limits(shares: Floats, precision: LinkPrecision) -> tuple[float, float]:
    mean = float(shares @ precision.q)
    half = 1.96 * float(np.sqrt(precision.quadratic(shares[:, None])[0, 0]))
    return max(0.0, mean - half), min(1.0, mean + half)


def _exchangeable(
    file: LinkedFile,
    q: Any,
    origin: str,
    register: bool | None,
    complete: bool,
    groups: tuple[dict[str, Any], ...],
    warnings: tuple[str, ...],
) -> KnownErrors:
    blocks = _blocks(file)
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
        of_register = _register_blocks(file)
        if isinstance(q, LinkPrecision):
            q = LinkPrecision(q.labels, q.q, q.own, q.shared)
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
            "not, "
            f"{'of the same block' if BLOCK in file.rows.columns else 'each as likely'}: the outcomes are of "
            "persons "
            "like those of that source."
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
        warnings=warnings + _crossing(file, "block" if BLOCK in file.rows.columns else None),
    )


def _row_q(blocks: Any, q: Any) -> Floats:
    """The q of each row."""
    labels, code = np.unique(blocks, return_inverse=True)
    if isinstance(q, LinkPrecision):
        return q.of(labels).q[code]
    if isinstance(q, dict):
        return np.array([q[str(label)] for label in labels], np.float64)[code]
    return np.full(len(blocks), float(q))


def _blocks(file: LinkedFile) -> Any:
    if BLOCK in file.rows.columns:
        return file.rows[BLOCK].to_numpy().astype(str)
    return np.full(len(file.rows), ALL)


def _register_blocks(file: LinkedFile) -> Any:
    if BLOCK in file.register.columns:
        return file.register[BLOCK].to_numpy().astype(str)
    return np.full(len(file.register), ALL)


def _check_once(file: LinkedFile) -> None:
    again = file.rows.filter(pl.col("link_covariates").is_duplicated())["link_covariates"].n_unique()
    if again:
        raise InputError(
            f"{file.run.shown}: {counted(again, 'record')} of {file.covariates} "
            f"{'has' if again == 1 else 'have'} "
            f'several links to {file.outcome}, which exchangeable errors do not know: use from = "posterior".'
        )


def _block_sentence(file: LinkedFile, block: str | None) -> str:
    if block is None:
        return "No block is stated: a wrong link may be to any record."
    return f"Wrong links stay within the values of {block}."


def _crossing(file: LinkedFile, block: str | None) -> tuple[str, ...]:
    if block is None or not file.crossing:
        return ()
    return (
        f"Of {percent(file.crossing)} of the links both ends are of different blocks: wrong links do not "
        "stay within "
        "them, as the error model takes them to.",
    )


def _by_posterior(
    file: LinkedFile, settings: ErrorSettings, *, register: bool | None, complete: bool
) -> KnownErrors:
    chance = file.rows["link_posterior"].fill_null(float("nan")).to_numpy()
    unknown = int((~np.isfinite(chance)).sum())
    if unknown:
        why = "come of match keys" if file.run.by_keys else "have none, as those by match keys"
        raise InputError(
            f"{file.run.shown}: {counted(unknown, 'link')} {why}, so that there is no posterior to go by: "
            "state "
            'the share that is right (from = "known"), or draw an audit (from = "audit").'
        )
    if register is False:
        raise InputError(
            'errors: from = "posterior" needs the register, since a link may belong to a record that has '
            "none: "
            "leave register out."
        )
    index = file.rows["link_outcome"].to_numpy()
    found = _calibrated(file, chance) + _crossing(file, settings.block)
    if complete:
        return _posterior_by_row(file, settings.block, chance, found)
    matching, rescaled = _matching(file)
    names = file.register["link_record"]
    linked = _places(file.rows["link_covariates"], names)
    strata = None
    if BLOCK in file.register.columns:
        strata = (_blocks(file), _register_blocks(file))
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
        "then it "
        f"shows what records of {file.covariates}{of_none} show on average.",
        *(
            (
                "Since the run lets records have several matches, the posteriors of a record's candidates "
                "are made "
                "to share what is not none.",
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
    blocks, index = _blocks(file), file.rows["link_outcome"].to_numpy()
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
            "links "
            "of a block have its mean posterior: join blocks to use each by itself.",
        )
    return KnownErrors(
        model,
        chance,
        "posterior",
        (how, _block_sentence(file, block)),
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
    found = _precision_of_bands(bands)
    share = np.bincount(band_of_rows(file.rows["link_posterior"], bands), minlength=len(bands)) / len(chance)
    low, high = _limits(share, found)
    mean = float(chance.mean())
    if low <= mean <= high:
        return ()
    return (
        f"By the posteriors {percent(mean)} of the links are right, by the audit of the run {percent(low)} "
        "to "
        f'{percent(high)}: the posteriors are not calibrated, and from = "audit" is the better choice.',
    )


def _by_bootstrap(
    file: LinkedFile, settings: ErrorSettings, *, register: bool | None, complete: bool
) -> KnownErrors:
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
    _check_once(file)
    if register:
        raise InputError(
            'errors: from = "bootstrap" gives each link its own q by its weight, and records without a link '
            "have "
            "none, so that it takes no register: leave register out."
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
    own = LinkPrecision(
        names[used],
        named.q[used],
        None if named.own is None else named.own[used],
        None if named.shared is None else named.shared[used],
    )
    index = file.rows["link_outcome"].to_numpy()
    model = record_level(_blocks(file), own, bands=names[at], index=index)
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
            "share of "
            "right links by band of the weight is that of these draws, and as good as the model.",
            _block_sentence(file, settings.block),
        ),
        told,
        record_level=True,
        limits=_limits(share, named),
        warnings=_crossing(file, settings.block),
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
