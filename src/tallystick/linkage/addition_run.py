"""A file added to a run in its directory: the results of both stand in a directory of their own."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tallystick._files import file_sha256, write_json
from tallystick._progress import Progress, silent
from tallystick.errors import InputError
from tallystick.linkage.addition import Added, Entered, add_source, check_new
from tallystick.linkage.entities import entity_figures
from tallystick.linkage.evaluation.missed import missed_figures, unlinked_records
from tallystick.linkage.evaluation.residual_figures import residual_figures
from tallystick.linkage.folder import WORK, check_folder, check_resumable, open_folder, remove
from tallystick.linkage.forecast import CURVE, curve_table
from tallystick.linkage.golden import check_golden
from tallystick.linkage.model import Model
from tallystick.linkage.preparing import with_references, without_references, write_preparation
from tallystick.linkage.run import check_unchanged, run_facts
from tallystick.linkage.saved import load_model
from tallystick.linkage.tables import read_table
from tallystick.preparation.source import Source
from tallystick.preparation.whole_table import named_as_prepared
from tallystick.preparation.write import write_table
from tallystick.quality.report import write_report


def add_to_run(
    run: Path,
    facts: Mapping[str, Any],
    sources: Sequence[Source],
    source: Source,
    out: str | Path,
    *,
    force: bool = False,
    threads: int | None = None,
    memory: int | None = None,
    progress: Progress = silent,
) -> Added:
    """Add a file to the run of a directory, and write what comes of it to another one.

    Parameters
    ----------
    run : path
        Directory of a complete run, or of an addition.
    facts : mapping
        Its ``run.json``.
    sources : sequence of Source
        Its sources.
    source : Source
        The new file.
    out : path
        Directory for the results; it must not exist.
    force : bool
        Replace a run that is there.
    threads, memory, progress
        As in `Model.link`.

    Returns
    -------
    Added

    Raises
    ------
    InputError
        Where the input or the directory cannot be used; nothing is written then.
    """
    out, start = Path(out), time.perf_counter()
    if out.absolute() == run.absolute():
        raise InputError(f"{out}: this is the run that the file is added to: give another directory.")
    if "finalised" in facts:
        raise InputError(
            f"{run}: this run was finalised, and the new file might join records that reviewers hold apart: "
            f"add the file to the run before, {facts['finalised']['run']}, or link all files anew."
        )
    check_folder(out, force)
    check_unchanged(sources, facts)
    entities = read_table(run / "entities.parquet").with_columns(pl.col("entity_id").cast(pl.String))
    model = load_model(run)
    if not isinstance(model, Model):
        raise InputError(
            f"{run}: files can be added to runs that decide all pairs at once, not to sequential passes or "
            'after match keys: link all files anew, or run the linkage with mode = "union" first.'
        )
    entered = Entered(
        model,
        tuple(sources),
        tuple(one["sha256"] for one in facts["inputs"]),
        read_table(run / "links.parquet"),
        entities,
    )
    if source.path is not None and source.path.is_file():
        check_new(source, file_sha256(source.path), entered)  # before anything is read
    golden = entered.model.spec.entities.golden
    if golden is not None:
        check_golden(golden, named_as_prepared((*sources, source), entered.model.spec.prepare))
    added = add_source(entered, source, threads=threads, memory=memory, progress=progress)
    new = added.new
    prepared = new.prepared
    tables = {
        "links": added.links,
        "entities": added.entities,
        "clusters": added.clusters,
        "changes": added.changes,
        "residuals": _residuals(read_table(run / "residuals.parquet"), new.residuals, source.name),
        "review": _review(read_table(run / "review.parquet"), new.review, sources),
    }
    if golden is not None:
        tables["golden"] = added.golden(golden)
    progress("writing", 0, 1)
    digest = hashlib.sha256(f"{facts.get('fingerprint')} {prepared.inputs[-1].sha256} {source.name}".encode())
    check_resumable(out, digest.hexdigest(), force)
    open_folder(out, digest.hexdigest())
    write_preparation(out, prepared.prepared_sources)
    for name, table in tables.items():
        write_table(with_references(table, prepared.prepared_sources), out / f"{name}.parquet")
    write_table(_curves(added, entered.model, read_table(run / CURVE)), out / CURVE)
    added.model.save(out / "model.json")
    figures = entity_figures(prepared, added.clustering)
    linked = ~unlinked_records(prepared, tables["residuals"])
    quality = {
        **new.own_figures(),
        "entities": figures,
        "pairs_of": source.name,
        "residuals": residual_figures(prepared, linked, tables["residuals"], new.weighed()),
        "missed": missed_figures(prepared, linked),
    }
    write_json(out / "quality.json", quality)
    counts = {**new.counts_dict(), "entities": figures["entities"], "cut_links": figures["cut_links"]}
    counts["unlinked"] = _unlinked(tables["residuals"], prepared.records.sources)
    seconds = {"add": round(time.perf_counter() - start, 3)}
    written = run_facts(prepared, counts, seconds, threads)
    names = [*facts.get("added", []), source.name]
    written = {**written, "added": names, "fingerprint": digest.hexdigest()}
    write_report(out / "report.html", new.model.to_dict(), written, quality, json_path=out / "report.json")
    write_json(out / "run.json", written)
    remove(out / WORK)
    progress("writing", 1, 1)
    return added


def _residuals(old: pl.DataFrame, new: pl.DataFrame, name: str) -> pl.DataFrame:
    """Records without a link before and after, each with the better of its best candidates."""
    key = ["source", "id"]
    old, new = without_references(old), without_references(new)
    old = old.with_columns(pl.col("id", "id_candidate").cast(pl.String))
    new = new.filter(pl.col("source") == name).vstack(
        new.filter(pl.col("source") != name).join(old, on=key, how="semi", maintain_order="left")
    )
    old = old.join(new, on=key, how="semi", maintain_order="left")
    both = pl.concat([old, new.select(old.columns)], how="vertical_relaxed").with_row_index("order")
    best = both.sort("weight", "order", descending=[True, False], nulls_last=True)
    return best.unique(key, keep="first").sort("order").drop("order")


def _review(old: pl.DataFrame, new: pl.DataFrame, sources: Sequence[Source]) -> pl.DataFrame:
    """Possible links of before and of now, by falling weight."""
    old, new = without_references(old), without_references(new)
    if "source_left" not in old.columns:
        old = old.with_columns(
            pl.lit(sources[0].name).alias("source_left"), pl.lit(sources[-1].name).alias("source_right")
        )
    old = old.with_columns(pl.col("id_left", "id_right").cast(pl.String))
    both = pl.concat([old, new], how="diagonal_relaxed").select(new.columns)
    return both.sort("weight", descending=True, maintain_order=True)


def _curves(added: Added, before: Model, old: pl.DataFrame) -> pl.DataFrame:
    """Error curves of all pairs of sources, numbered as in the model."""
    number = {(pair.left, pair.right): k for k, pair in enumerate(added.model.parameters.pairs)}
    parts = []
    for table, model in ((old, before), (curve_table(added.new.curves), added.new.model)):
        renumbered = [number[pair.left, pair.right] for pair in model.parameters.pairs]
        which = table["source_pair"].to_numpy()
        own = pl.Series("source_pair", [renumbered[k] for k in which], dtype=table["source_pair"].dtype)
        parts.append(table.with_columns(own))
    return pl.concat(parts, how="vertical_relaxed").sort("source_pair", maintain_order=True)


def _unlinked(residuals: pl.DataFrame, names: Sequence[str]) -> dict[str, int]:
    found = dict(residuals.group_by("source").len().iter_rows())
    return {name: int(found.get(name, 0)) for name in names}
