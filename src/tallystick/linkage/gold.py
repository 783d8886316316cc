"""A gold standard from beginning to end: pairs worth labelling drawn, answered, checked.

The sample has no weight, posterior or probability in it, and its pairs stand in random order, so that who
labels them does not see what the machine thinks. How they were drawn stands in a file beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tallystick._progress import Progress, silent
from tallystick.blocking.plan import Kind
from tallystick.errors import InputError
from tallystick.linkage.evaluation.evaluate import read_truth
from tallystick.linkage.export import PAIR_COLUMNS, join_pairs
from tallystick.linkage.identify import read_pair_table
from tallystick.linkage.labels import (
    ANSWERS,
    LabelFile,
    contradicted,
    contradictions,
    design_path,
    read_label_file,
)
from tallystick.linkage.links import fit_counts
from tallystick.linkage.portion import Portion, portion_of
from tallystick.linkage.prepare import Prepared, as_sources, prepare, read_records
from tallystick.linkage.run import check_sizes
from tallystick.linkage.tables import pair_ids
from tallystick.linking.sample import DrawnPairs, draw_pairs
from tallystick.patterns.count import count_patterns
from tallystick.patterns.plan import DEFAULT_MEMORY
from tallystick.preparation.read import ID_COLUMN, open_source, read_columns, read_raw
from tallystick.preparation.source import Source
from tallystick.preparation.whole_table import as_prepared
from tallystick.preparation.write import write_table
from tallystick.records.records import Records, records_of
from tallystick.spec import Spec
from tallystick.spec.checks import require_comparisons


@dataclass(frozen=True)
class GoldSample:
    """Pairs drawn for labelling.

    Attributes
    ----------
    table : polars.DataFrame
        What is labelled: ids, an empty column ``match``, and the values of both records side by side.
    design : polars.DataFrame
        How each pair was drawn, in the same order: ids, ``inclusion`` (probability of being drawn from all
        candidate pairs), ``stratum``, ``posterior``, ``weight`` and ``pattern`` of the model that drew them.
    text : str
        What was drawn, a line a stratum.
    """

    table: pl.DataFrame
    design: pl.DataFrame
    text: str

    def save(self, path: str | Path) -> None:
        """Write the table, and the design beside it (``gold.csv`` and ``gold.design.csv``).

        Parameters
        ----------
        path : path
            Ends in ``.csv`` or ``.parquet``; files that exist are replaced.
        """
        write_table(self.design, design_path(Path(path)))
        write_table(self.table, path)


def draw_gold(
    spec: Spec,
    inputs: Sequence[object] = (),
    *,
    pairs: int = 500,
    records: int | None = None,
    columns: Sequence[str] = (),
    threads: int | None = None,
    memory: int | None = None,
    progress: Progress = silent,
) -> GoldSample:
    """Draw pairs worth labelling from a portion of the records.

    The model is fitted to the portion without any labels, the candidate pairs are divided by their posterior,
    and pairs are drawn at random within each stratum (see `tallystick.linking.strata`).

    Parameters
    ----------
    spec : Spec
        The specification, its paths resolved.
    inputs : sequence, optional
        Sources instead of those of the specification.
    pairs : int
        Number of pairs.
    records : int, optional
        Number of records looked at: of the first of two files, or of all together. By default 5,000 of the
        first of two, else 20,000.
    columns : sequence of str
        Further fields or columns shown, beside those that the specification uses.
    threads, memory, progress
        As in `Linkage.fit`.

    Returns
    -------
    GoldSample

    Raises
    ------
    InputError
        Where the input cannot be used.
    """
    if pairs < 1 or (records is not None and records < 2):
        raise InputError(
            "gold: at least one pair of at least two records must be drawn; give larger numbers."
        )
    require_comparisons(spec)
    if not spec.passes:
        raise InputError("passes: found none, expected at least one, such as all_pairs() or a blocking_key.")
    estimation = spec.estimation.model_copy(
        update={"labels": None, "labels_use": "with_em", "labels_u": False}
    )
    # Of sequential passes, and those after match keys, the pairs are drawn as from a union: what a step sees
    # depends on all records.
    spec = spec.model_copy(
        update={"estimation": estimation, "mode": "union", "steps": (), "households": None, "match": None}
    )
    sources = as_sources(inputs, spec.sources)
    kind = spec.kind_of(len(sources))
    encoded = read_records(spec, sources, threads, progress)
    check_sizes(encoded.inputs)
    listed = any(one.type == "pair_table" for one in spec.passes)
    if listed and records is not None:
        raise InputError(
            "gold: a pass is a table of pairs, which may name any record: draw without a number of records."
        )
    portion = portion_of(encoded, kind, encoded.records.n_records if listed else records, spec.seed)
    prepared = prepare(
        spec,
        sources,
        memory=memory or DEFAULT_MEMORY,
        threads=threads,
        progress=progress,
        encoded=portion.encoded,
    )
    counts = count_patterns(prepared.plan, threads, progress)
    parameters = fit_counts(prepared, counts, threads, progress).parameters
    drawn = draw_pairs(prepared.plan, parameters, counts, pairs, spec.seed, threads, progress)
    design = _design(prepared, portion, drawn, parameters.coding.texts(drawn.pattern))
    return GoldSample(_shown(prepared, design, columns), design, _drawn_text(portion, drawn))


def _design(prepared: Prepared, portion: Portion, drawn: DrawnPairs, patterns: Sequence[str]) -> pl.DataFrame:
    ids = pl.DataFrame(pair_ids(prepared, drawn.left, drawn.right))
    taken = np.array([portion.inclusion(s, t) for s, t in prepared.plan.blocking.source_pairs])
    return ids.with_columns(
        pl.Series("inclusion", drawn.inclusion * taken[drawn.source_pair]),
        pl.Series("stratum", drawn.stratum),
        pl.Series("posterior", drawn.posterior),
        pl.Series("weight", drawn.weight),
        pl.Series("pattern", patterns, dtype=pl.String),
    )


def _shown(prepared: Prepared, design: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The pairs with their values side by side, and room for the answer."""
    names = list(dict.fromkeys([*prepared.spec.fields_used, *columns]))
    ids = [name for name in design.columns if name.startswith(("source_", "id_"))]
    pairs = design.select(*ids, "weight", "posterior", pl.lit("link").alias("decision"))
    sources = as_prepared(prepared.spec.sources, prepared.spec.prepare)
    joined = join_pairs(pairs, sources, names, ["link"]).drop(PAIR_COLUMNS)
    order = [f"{name}{side}" for name in names for side in ("_left", "_right", "")]
    values = [name for name in order if name in joined.columns and name not in ids]
    values += [name for name in joined.columns if name not in values and name not in ids]
    for name in ("match", "inclusion"):
        if name in values:
            raise InputError(
                f"gold: a column {name!r} of a source cannot be shown, as the answers stand there."
            )
    return joined.select(*ids, pl.lit(None, pl.String).alias("match"), *values)


def _drawn_text(portion: Portion, drawn: DrawnPairs) -> str:
    lines = [f"records looked at: {portion.text}"]
    edges = (0.0, *drawn.strata.edges, 1.0)
    for h, size in enumerate(drawn.strata.totals.tolist()):
        n = int((drawn.stratum == h).sum())
        lines.append(f"posterior {edges[h]:g} to {edges[h + 1]:g}: {n:,} of {size:,} pairs drawn")
    return "\n".join(lines)


def label_by_truth(
    path: Path, spec: Spec, truth: str, *, replace_answers: bool = False
) -> tuple[pl.DataFrame, str]:
    """Answer a sample from a truth column, which the linkage itself cannot read.

    Parameters
    ----------
    path : path
        The sample.
    spec : Spec
        The specification, its paths resolved.
    truth : str
        Field or column of every source that says who a record is; equal values are matches.
    replace_answers : bool
        Whether answers that are there are replaced; they stay otherwise.

    Returns
    -------
    table : polars.DataFrame
        The sample with its answers, 1 and 0; empty where the truth of a record is missing.
    text : str
        How many were answered.
    """
    parts = read_truth(spec.sources, truth)
    records, kind = _records(spec, [part["id"] for part in parts])
    _, left, right = read_pair_table(path, records, kind)
    source = Source(name="pairs", path=path)
    frame = read_columns(source, open_source(source).columns).drop(ID_COLUMN)
    values = pl.concat(parts)["truth"]
    equal = (values.gather(left) == values.gather(right)).cast(pl.Int8).cast(pl.String)
    blank = pl.Series([None] * len(frame), dtype=pl.String)
    answers = frame["match"].cast(pl.String) if "match" in frame.columns else blank
    words = answers.fill_null("").str.strip_chars().str.to_lowercase()
    there = words.replace_strict(ANSWERS, default=0, return_dtype=pl.Int8) >= 0
    kept = there & (not replace_answers)
    frame = frame.with_columns(answers.zip_with(kept, equal).alias("match"))
    n = int((~kept & equal.is_not_null()).sum())
    text = f"{path}: {n:,} of {len(frame):,} pairs answered from {truth!r}"
    if kept.any():
        text += f"; {int(kept.sum()):,} answers that were there stay (--force replaces them)"
    if unknown := int((~kept & equal.is_null()).sum()):
        text += f"; {unknown:,} stay blank, since {truth!r} is missing"
    return frame, text


def _records(spec: Spec, ids: Sequence[pl.Series]) -> tuple[Records, Kind]:
    """The records as far as their ids tell them."""
    names = tuple(source.name for source in spec.sources)
    joined = pl.concat([one.alias("id") for one in ids])
    return records_of(names, joined, [len(one) for one in ids], {}), spec.kind_of(len(names))


def check_gold(path: Path, spec: Spec) -> str:
    """How far a sample is answered, in all and by stratum.

    Parameters
    ----------
    path : path
        The sample.
    spec : Spec
        The specification, its paths resolved.

    Returns
    -------
    str

    Raises
    ------
    InputError
        Where labels contradict each other, or are no labels of records of the sources.
    """
    records, kind = _records(spec, [read_raw(source, []).ids for source in spec.sources])
    file = read_label_file(path, records, kind)
    if wrong := list(contradictions(file, records, spec.decision.links)):
        raise InputError(contradicted(file, wrong))
    return "\n".join([f"{path}: {file.text}", *_by_stratum(file)])


def _by_stratum(file: LabelFile) -> list[str]:
    if file.stratum is None:
        return []
    lines = []
    for h in np.unique(file.stratum[file.stratum >= 0]).tolist():
        answers = file.answer[file.stratum == h]
        n = [int((answers == value).sum()) for value in (1, 0, -1)]
        lines.append(f"stratum {h}: {n[0]:,} matches, {n[1]:,} non-matches, {n[2]:,} not labelled")
    return lines
