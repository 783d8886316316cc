"""What the commands do, apart from how they are called; each returns the text to print."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

from tallystick._files import write_text
from tallystick._progress import Progress
from tallystick.errors import InputError
from tallystick.linkage.links import Links
from tallystick.linkage.model import Model
from tallystick.linkage.run_folder import read_facts, read_sources
from tallystick.linkage.sequential_links import SequentialLinks
from tallystick.linkage.sequential_model import SequentialModel
from tallystick.preparation.source import Source
from tallystick.spec import Spec, load_spec, resolved
from tallystick.spec.checks import require_comparisons


def write_starter(files: Sequence[Path], out: Path, force: bool) -> str:
    """Write a starter specification."""
    from tallystick.starter import starter_toml

    _check_file(out, force)
    names = _names(files)
    sources = [Source(name=name, path=file) for name, file in zip(names, files, strict=True)]
    write_text(out, starter_toml(sources, out.parent))
    return f"{out}: read it, change what does not fit, then run: tallystick link {out} --out results"


def _check_file(out: Path, force: bool) -> None:
    """Refuse a file that cannot be written or is there already, before anything is read."""
    if not out.parent.is_dir():
        raise InputError(f"{out}: the folder {out.parent} does not exist: make it first.")
    if out.is_dir():
        raise InputError(f"{out}: this is a folder: give the name of a file with --out.")
    if out.exists() and not force:
        raise InputError(
            f"{out}: the file exists: give another name with --out, or use --force to replace it."
        )


def _names(files: Sequence[Path]) -> list[str]:
    """A name for each file: its stem, numbered where it comes again."""
    names: list[str] = []
    for file in files:
        names.append(file.stem if file.stem not in names else f"{file.stem}_{len(names) + 1}")
    return names


def run_linkage(
    path: Path,
    out: Path | None,
    threads: int | None,
    memory: float | None,
    force: bool,
    progress: Progress,
    most_pairs: int | None = None,
) -> str:
    """Fit, link and write a run."""
    from tallystick.linkage.run import run

    if out is None:
        raise InputError("link needs --out, the directory for the results (or --explain, to run nothing).")
    spec = _runnable(path)
    if most_pairs is not None:
        spec = spec.model_copy(update={"most_pairs": most_pairs})
    links = run(spec, out, force=force, threads=threads, memory=_bytes(memory), progress=progress)
    return summary(links, out)


def explain_linkage(path: Path, threads: int | None, memory: float | None, progress: Progress) -> str:
    """Tell what a linkage would do."""
    import time

    from tallystick.linkage.explain import explain
    from tallystick.linkage.labels import with_labels
    from tallystick.linkage.prepare import prepare
    from tallystick.patterns.plan import DEFAULT_MEMORY

    start = time.perf_counter()
    spec = _runnable(path)
    require_comparisons(spec)
    prepared = prepare(
        spec,
        spec.sources,
        memory=_bytes(memory) or DEFAULT_MEMORY,
        threads=threads,
        progress=progress,
        limited=False,
    )
    prepared = with_labels(prepared)
    text = explain(prepared, time.perf_counter() - start, threads).text()
    if not spec.by_steps:
        return text
    first = f"step {spec.all_steps[0].label}, the first of {len(spec.all_steps)}"
    if spec.match is not None:
        first += ", as if match keys had linked nothing before"
    return f"{first} (what the others compare depends on the records that it leaves):\n{text}"


def _runnable(path: Path) -> Spec:
    """A specification that names its sources, ready to be run."""
    spec = resolved(load_spec(path), path.parent)
    _find_modules_in(path.parent)
    if not spec.sources:
        raise InputError(
            f"{path}: found no sources, expected [[sources]]: tell which files are to be linked."
        )
    return spec


def _find_modules_in(folder: Path) -> None:
    """Let a comparator name a function of a module that lies in a folder.

    The folder comes last, so that no file in it can take the place of a library.
    """
    sys.path.append(str(folder.absolute()))


def _bytes(gigabytes: float | None) -> int | None:
    return None if gigabytes is None else int(gigabytes * 2**30)


def summary(links: Links | SequentialLinks, out: Path) -> str:
    """What came out, and where it stands."""
    from tallystick.linkage.forecast import shown_weights
    from tallystick.linkage.preparing import preparation_sentence
    from tallystick.linking.decide import weight_thresholds
    from tallystick.linking.thresholds import Thresholds
    from tallystick.quality.diagnostics import related_sentence
    from tallystick.quality.steps import steps_text

    counts = links.counts_dict()
    rates = links.quality()
    lines = [f"warning: {text}" for text in links.model.warnings]
    if isinstance(links, SequentialLinks):
        lines.append(steps_text(counts["steps"]))
    elif (related := related_sentence(links.model.to_dict())) is not None:
        lines.append(f"note: {related}")
    if (prepared := preparation_sentence(links.prepared.prepared_sources)) is not None:
        lines.append(prepared)
    lines.append(
        f"{counts['links']:,} links, {counts['possible']:,} possible links, "
        f"{counts['entities']:,} entities of {sum(counts['records'].values()):,} records"
    )
    if cut := counts["cut_links"]:
        lines.append(
            f"{cut:,} link{'s' * (cut > 1)} cut between entities, since the other pairs of their records "
            "speak against them (clusters.parquet)"
        )
    if rates.precision is not None and rates.recall is not None:
        shown = []
        for name, value in (("precision", rates.precision), ("recall", rates.recall)):
            limits = rates.intervals.get(name)
            within = "" if limits is None else f" ({limits.low:.4f} to {limits.high:.4f})"
            shown.append(f"{name} {value:.4f}{within}")
        intervals = ", with 95 per cent intervals" if rates.intervals else ""
        lines.append(f"estimated {', '.join(shown)} by the model itself{intervals}")
    if isinstance(links, Links) and isinstance(links.decision, Thresholds):
        weights = shown_weights(weight_thresholds(links.model.parameters, links.decision))
        lines.append(f"thresholds as match weights: {weights}, by {links.decision.explanation}")
        lines += [f"note: {note}" for note in links.decision.notes]
    lines.append(f"results in {out}; open {out / 'report.html'}")
    return "\n".join(lines)


def weigh_pattern(path: Path, pattern: str) -> str:
    """Weight of one agreement pattern, in natural, base 10 and base 2 logs."""
    model = _model(path)
    if isinstance(model, SequentialModel):
        raise InputError(
            f"{path}: each step of this linkage weighs patterns by itself: give a model of a linkage with "
            'mode = "union" and without households.'
        )
    weight = model.weight(pattern)
    return (
        f"pattern {pattern}: weight {weight:.4f} (natural log), {weight / math.log(10):.4f} (base 10), "
        f"{weight / math.log(2):.4f} (base 2)"
    )


def _model(path: Path) -> Model | SequentialModel:
    from tallystick.linkage.linkage import Linkage
    from tallystick.linkage.saved import load_model

    if path.suffix.lower() == ".toml":
        return Linkage.from_toml(path).model()
    return load_model(path)


def score_files(
    path: Path,
    files: Sequence[Path],
    id: str | None,
    out: Path | None,
    threads: int | None,
    memory: float | None,
    force: bool,
    progress: Progress,
) -> str:
    """Score new files with a saved model."""
    from tallystick.linkage.run import run

    if not files:
        raise InputError(
            "score needs the new files (or --pattern): tallystick score MODEL A.csv B.csv --out DIR"
        )
    if out is None:
        raise InputError("score needs --out, the directory for the results.")
    model = _model(path)
    _find_modules_in(path.parent if path.is_file() else Path())
    trained = _sources_of(model)
    if not trained and not model.spec.passes:
        raise InputError(
            f'{path}: the specification has no passes: add [[passes]], such as type = "all_pairs".'
        )
    names = _names(files)
    if trained:
        if len(trained) != len(files):
            raise InputError(
                f"{path}: the model links {len(trained)} source{'s' * (len(trained) > 1)} "
                f"({', '.join(trained)}), but {len(files)} file{'s' * (len(files) > 1)} came: "
                "give as many, in the same order."
            )
        names = trained
    sources = [Source(name=name, path=file, id=id) for name, file in zip(names, files, strict=True)]
    links = run(
        model.spec,
        out,
        inputs=sources,
        model=model,
        force=force,
        threads=threads,
        memory=_bytes(memory),
        progress=progress,
    )
    return summary(links, out)


def _sources_of(model: Model | SequentialModel) -> list[str]:
    """Names of the sources that a model was fitted on; none where m and u were given."""
    parts = (
        [model.parameters] if isinstance(model, Model) else [one for one in model.steps if one is not None]
    )
    pairs = [pair for one in parts for pair in one.pairs]
    return list(dict.fromkeys(name for pair in pairs for name in (pair.left, pair.right)))


def export_links(run: Path, out: Path, columns: Sequence[str], possible: bool, force: bool) -> str:
    """Write the linked table."""
    from tallystick.linkage.export import join_pairs
    from tallystick.linkage.run import check_unchanged
    from tallystick.linkage.tables import read_table
    from tallystick.preparation.settings import Preparation
    from tallystick.preparation.whole_table import as_prepared
    from tallystick.preparation.write import check_suffix, write_table

    _check_file(out, force)
    check_suffix(out)
    facts = read_facts(run)
    sources = read_sources(run, facts)
    check_unchanged(sources, facts)
    decisions = ["link", "possible"] if possible else ["link"]
    preparation = facts["spec"].get("prepare")
    if preparation is not None:
        sources = list(as_prepared(sources, Preparation.model_validate(preparation)))
    table = join_pairs(read_table(run / "links.parquet"), sources, columns, decisions)
    write_table(table, out)
    return f"{out}: {len(table):,} rows, {table.width} columns"
