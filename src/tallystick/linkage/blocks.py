"""What the passes of a linkage do, before it runs: pairs, blocks, time, and the matches that they miss."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tallystick._progress import Progress, silent
from tallystick.blocking.index_blocks import without_key
from tallystick.blocking.passes import AllPairs
from tallystick.blocking.sampled_sizes import Size
from tallystick.blocking.sizes import Block, shown_time, top_blocks
from tallystick.errors import InputError
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.completeness import EstimatedCompleteness, estimated_completeness
from tallystick.linkage.explain import Explanation, explain
from tallystick.linkage.labels import with_labels
from tallystick.linkage.links import fit_counts, rated
from tallystick.linkage.model import Model
from tallystick.linkage.outside import read_knowledge
from tallystick.linkage.prepare import Prepared, as_sources, prepare
from tallystick.linkage.run import check_sizes
from tallystick.linkage.sequential_model import SequentialModel
from tallystick.linkage.suggest import Suggestion, suggest_passes
from tallystick.patterns.count import PatternCounts, count_patterns
from tallystick.patterns.plan import DEFAULT_MEMORY
from tallystick.spec import Spec
from tallystick.spec.checks import require_comparisons

FORMAT = "tallystick-blocks/1"
NO_PASSES = "passes: found none, expected at least one, such as all_pairs() or a blocking_key."


@dataclass(frozen=True)
class PassFacts:
    """What is known of a pass.

    Attributes
    ----------
    label : str
        Its label.
    found, added : Size
        Pairs that it finds, and those of them that no earlier pass finds: counted, or estimated.
    no_key : int or None
        Records that it cannot find, as they lack a part of its key; None for a pass without keys.
    seconds : float
        What its new pairs take in a run.
    blocks : tuple of Block
        The largest.
    """

    label: str
    found: Size
    added: Size
    no_key: int | None
    seconds: float
    blocks: tuple[Block, ...]

    @property
    def pairs(self) -> int:
        """Pairs that it finds."""
        return round(self.found.n_pairs)

    @property
    def new(self) -> int:
        """Pairs that it finds and no earlier pass does."""
        return round(self.added.n_pairs)


@dataclass(frozen=True)
class BlockAnalysis:
    """What the passes do.

    Attributes
    ----------
    records : dict of str to int
        Records of each source.
    allowed : int
        Allowed pairs.
    together : Size
        Those that some pass finds, counted or estimated.
    passes : tuple of PassFacts
        Pass by pass.
    seconds, megabytes : float
        Expected for the whole run.
    completeness : EstimatedCompleteness, optional
        The share of matches found, where there is a model.
    suggestion : Suggestion, optional
        Passes that find a stated share, where that was asked.
    sequential : bool
        The passes are sequential, so that a later one has fewer records than is said here.
    match_first : bool
        Match keys link records before the passes see any, so that all have fewer records than is said here.
    households : bool
        The linkage has households, so that the passes go over records that are left once more.
    """

    records: dict[str, int]
    allowed: int
    together: Size
    passes: tuple[PassFacts, ...]
    seconds: float
    megabytes: float
    completeness: EstimatedCompleteness | None = None
    suggestion: Suggestion | None = None
    sequential: bool = False
    match_first: bool = False
    households: bool = False

    @property
    def pairs(self) -> int:
        """Pairs that some pass finds."""
        return round(self.together.n_pairs)

    @property
    def reduction(self) -> float:
        """Reduction ratio: share of the allowed pairs that is not compared."""
        return 1 - self.pairs / self.allowed if self.allowed else 0.0

    def text(self, show_values: bool = False) -> str:
        """For people; keys of blocks hold values of records, and are named only where that is asked."""
        records = ", ".join(f"{name} {n:,}" for name, n in self.records.items())
        lines = [f"records: {records}", f"allowed pairs: {self.allowed:,}", ""]
        width = max([len(one.label) for one in self.passes] + [len("all together")]) + 3
        sizes = [self.together, *(size for one in self.passes for size in (one.found, one.added))]
        wide = max(16, *(len(one.short) + 2 for one in sizes))
        head = f"{'pass':{width}}{'pairs':>{wide}}{'new':>{wide}}{'no key':>12}  {'time':<20}"
        if self.completeness is not None:
            head += f"{'matches':>12}{'only here':>12}"
        lines.append(head.rstrip())
        for number, one in enumerate(self.passes):
            none = "" if one.no_key is None else f"{one.no_key:,}"
            time = shown_time(one.seconds)
            name = f"{number + 1}. {one.label}"
            line = f"{name:{width}}{one.found.short:>{wide}}{one.added.short:>{wide}}{none:>12}  {time:<20}"
            if (found := self.completeness) is not None:
                line += "".join(
                    f"{'' if np.isnan(n) else f'{n:,.0f}':>12}"
                    for n in (found.expected[number], found.only[number])
                )
            lines.append(line.rstrip())
        whole = f"{self.together.short:>{wide}}{'':12}  {shown_time(self.seconds)}"
        lines.append(f"{'all together':{width}}{'':{wide}}{whole}")
        lines += self._intervals()
        lines += ["", f"reduction ratio: {self.reduction:.6f}"]
        lines.append(f"expected of a whole run: {self.seconds:,.1f} s and {self.megabytes:,.0f} MB")
        if self.sequential:
            lines.append("the passes are sequential: each is counted here on all records, not on those left")
        if self.match_first:
            lines.append(
                "match keys come first: the passes are counted here on all records, not on those left"
            )
        if self.households:
            lines.append(
                "with households: the passes go over all records, as counted here, and then over those left"
            )
        for number, one in enumerate(self.passes):
            if one.blocks:
                lines += ["", f"largest blocks of pass {number + 1}, {one.label}:"]
            for block in one.blocks:
                key = block.key if show_values else "one key"
                lines.append(
                    f"  {block.pairs:>14,} pairs ({block.share:.1%}) of {block.records:,} records: {key}"
                )
        if self.completeness is not None:
            lines += ["", *self.completeness.lines()]
        if self.suggestion is not None:
            lines += ["", self.suggestion.text()]
        return "\n".join(lines)

    def _intervals(self) -> list[str]:
        """Estimates with their intervals; nothing where all pairs were counted."""
        lines = []
        for number, one in enumerate(self.passes):
            if not one.found.exact:
                lines.append(f"  pass {number + 1} finds {one.found.text}, {one.added.text} of them new")
            elif not one.added.exact:
                lines.append(f"  pass {number + 1}: {one.added.text} of its pairs are new")
        if not self.together.exact:
            lines.append(f"  all together find {self.together.text}")
        return ["", "estimated from a sample of pairs, with intervals of 95 %:", *lines] if lines else []

    def to_dict(self, show_values: bool = False) -> dict[str, Any]:
        """Plain data for JSON; keys of blocks only where that is asked."""

        def block(one: Block) -> dict[str, Any]:
            return {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in asdict(one).items()
                if show_values or name != "values"
            }

        passes: list[dict[str, Any]] = [
            {
                "label": one.label,
                **one.found.to_dict("pairs"),
                **one.added.to_dict("new"),
                "no_key": one.no_key,
                "seconds": one.seconds,
                "blocks": [block(own) for own in one.blocks],
            }
            for one in self.passes
        ]
        result: dict[str, Any] = {
            "format": FORMAT,
            "records": dict(self.records),
            "pairs_allowed": self.allowed,
            **self.together.to_dict("pairs"),
            "reduction_ratio": self.reduction,
            "seconds": self.seconds,
            "megabytes": self.megabytes,
            "sequential": self.sequential,
            "match_first": self.match_first,
            "households": self.households,
            "passes": passes,
        }
        if (found := self.completeness) is not None:
            overlap = found.by_overlap
            for one, expected, only in zip(passes, found.expected, found.only, strict=True):
                one["expected_matches"], one["matches_only_here"] = _number(expected), _number(only)
            result["completeness"] = {
                "by_model": found.by_model,
                "by_overlap": None if overlap is None else overlap.to_dict(),
                **({"reason": found.reason} if found.reason else {}),
            }
        if self.suggestion is not None:
            result["suggestion"] = self.suggestion.to_dict()
        return result


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def count_blocks(
    prepared: Prepared, seconds_so_far: float = 0.0, threads: int | None = None, most: int = 3
) -> BlockAnalysis:
    """Count what the passes do; nothing is compared but some pairs, to measure the time.

    Parameters
    ----------
    prepared : Prepared
        The records and the plan.
    seconds_so_far : float
        What reading and preparing took, which a run does again.
    threads : int, optional
        Number of threads.
    most : int
        How many of the largest blocks of each pass.

    Returns
    -------
    BlockAnalysis
    """
    blocking, records = prepared.plan.blocking, prepared.records
    known: Explanation = explain(prepared, seconds_so_far, threads)
    passes = tuple(
        PassFacts(
            label=one.label,
            found=known.sizes.found[number],
            added=known.sizes.new[number],
            no_key=None if isinstance(one, AllPairs) else without_key(blocking.finders[number]),
            seconds=known.sizes.new[number].n_pairs * known.seconds_per_pair,
            blocks=top_blocks(blocking, records, number, most),
        )
        for number, one in enumerate(blocking.passes)
    )
    return BlockAnalysis(
        records={name: len(records.rows(k)) for k, name in enumerate(records.sources)},
        allowed=int(blocking.allowed_pairs().sum()),
        together=known.sizes.together,
        passes=passes,
        seconds=known.seconds,
        megabytes=known.megabytes,
    )


def analyse_blocks(
    spec: Spec,
    inputs: Sequence[Any] = (),
    *,
    fit: bool = False,
    parameters: Parameters | None = None,
    suggest: float | None = None,
    most: int = 3,
    threads: int | None = None,
    memory: int | None = None,
    progress: Progress = silent,
) -> BlockAnalysis:
    """Tell what the passes of a specification do, before it is run.

    Sequential passes, and those after match keys, are looked at as if all were decided together: which
    records a later step still has is not known before a run.

    Parameters
    ----------
    spec : Spec
        The specification, its paths resolved.
    inputs : sequence, optional
        Sources instead of those of the specification.
    fit : bool
        Fit a model, to estimate which share of the matches the passes find.
    parameters : Parameters, optional
        The same with these instead of a fit.
    suggest : float, optional
        Suggest passes that find this share of the matches; a model is fitted for it where none is given.
    most : int
        How many of the largest blocks of each pass.
    threads, memory, progress
        As in `Linkage.fit`.

    Returns
    -------
    BlockAnalysis

    Raises
    ------
    InputError
        Where the input cannot be used, or a model is wanted and the passes make too many pairs to fit it.
    """
    if suggest is not None and not 0 < suggest < 1:
        raise InputError(
            f"The share of the matches that suggested passes are to find is {suggest:g}: give one above 0 "
            "and below 1, such as 0.99."
        )
    require_comparisons(spec)
    if not spec.passes:
        raise InputError(NO_PASSES)
    start = time.perf_counter()
    sequential, match_first = spec.mode == "sequential", spec.match is not None
    if spec.by_steps:
        spec = spec.model_copy(update={"mode": "union", "steps": (), "match": None})
    estimates = fit or parameters is not None or suggest is not None
    prepared = prepare(
        spec,
        as_sources(inputs, spec.sources),
        memory=memory or DEFAULT_MEMORY,
        threads=threads,
        progress=progress,
        limited=estimates,
    )
    analysis = count_blocks(prepared, time.perf_counter() - start, threads, most)
    households = spec.households is not None
    analysis = replace(analysis, sequential=sequential, match_first=match_first, households=households)
    if not estimates:
        return analysis
    known, counts = _estimated(prepared, parameters, threads, progress)
    analysis = replace(analysis, completeness=estimated_completeness(prepared, known, counts))
    if suggest is None:
        return analysis
    return replace(analysis, suggestion=suggest_passes(prepared, known, counts, suggest, threads, progress))


def parameters_for_blocks(model: Model | SequentialModel) -> Parameters:
    """The parameters of a model for all passes together; `InputError` where it has some of every step."""
    if isinstance(model, Model):
        return model.parameters
    raise InputError(
        "The model has parameters of every step (sequential passes, match keys first, or households), "
        "while all passes are looked at together here: have one fitted (--fit, or fit=True), or give a model "
        'of mode = "union" without match keys and households.'
    )


def _estimated(
    prepared: Prepared, parameters: Parameters | None, threads: int | None, progress: Progress
) -> tuple[Parameters, PatternCounts]:
    """Parameters that were given, with match rates of these records, or fitted ones; and the patterns."""
    if parameters is not None:
        known, own = parameters.coding.n_levels, prepared.plan.coding.n_levels
        if known != own:
            raise InputError(
                f"The comparisons of the model have {list(known)} levels, those of the specification "
                f"{list(own)}: give a model that was fitted with this specification."
            )
        counts = count_patterns(prepared.plan, threads, progress)
        return rated(prepared, parameters, counts, threads, progress).parameters, counts
    check_sizes(prepared.inputs)
    prepared = with_labels(prepared)
    knowledge = read_knowledge(prepared, threads, progress)
    counts = count_patterns(prepared.plan, threads, progress)
    return fit_counts(prepared, counts, threads, progress, knowledge=knowledge).parameters, counts
