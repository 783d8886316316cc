"""A linkage as Python users write it: comparisons, passes and a decision rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tallystick._progress import Progress, silent
from tallystick.blocking.constraint import Links as LinksAllowed
from tallystick.blocking.limits import MOST_PAIRS
from tallystick.blocking.passes import AnyPass
from tallystick.comparisons.comparison import Comparison
from tallystick.errors import InputError
from tallystick.estimation.estimate import given_parameters
from tallystick.estimation.settings import Estimation
from tallystick.linkage.household_links import link_by_households
from tallystick.linkage.labels import with_labels
from tallystick.linkage.links import Links, fit_counts
from tallystick.linkage.model import Model
from tallystick.linkage.outside import read_knowledge
from tallystick.linkage.prepare import as_sources, prepare
from tallystick.linkage.run import check_sizes, run
from tallystick.linkage.sequential_links import SequentialLinks, link_by_steps
from tallystick.linkage.sequential_model import SequentialModel
from tallystick.linking.decision import AssignmentKind, Decision
from tallystick.linking.entities import Entities
from tallystick.linking.households import Households
from tallystick.linking.match_settings import Match
from tallystick.linking.rules import ThresholdRule
from tallystick.linking.step import Step
from tallystick.patterns.count import count_patterns
from tallystick.patterns.plan import DEFAULT_MEMORY
from tallystick.preparation.normalise import FieldSettings, Normalise
from tallystick.preparation.settings import Preparation
from tallystick.preparation.source import Source
from tallystick.spec import Spec, dump_spec, load_spec, resolved
from tallystick.spec.checks import require_comparisons

if TYPE_CHECKING:
    from tallystick.linkage.blocks import BlockAnalysis
    from tallystick.linkage.gold import GoldSample
    from tallystick.linkage.matches import Matches


@dataclass(frozen=True, init=False)
class Linkage:
    """What is compared, which pairs are candidates, and how they are decided.

    Parameters
    ----------
    comparisons : sequence of Comparison
        What is compared, and how (see `comparison`).
    passes : sequence of passes
        Where candidate pairs come from: `blocking_key`, `all_pairs`, `pair_table`.
    links : {"many_to_many", "one_to_one", "one_to_many", "many_to_one"}, optional
        How many links a record may have to another source (see `Decision`).
    one_to_one : bool, optional
        Short for ``links="one_to_one"``.
    assignment : {"optimal", "greedy", "unique"}
        How links are chosen among pairs that compete for records.
    upper, lower : float
        At or above `upper` a pair is a link, below `lower` a non-link, between them a possible link.
    scale : {"posterior", "weight"}
        What the thresholds are.
    thresholds : ErrorBounds, Targets, Capacity or Costs, optional
        What the thresholds are worked out from, instead of `upper` and `lower`.
    kind : {"link", "dedupe", "link_and_dedupe"}, optional
        By default ``dedupe`` of one source and ``link`` of more.
    name : str, optional
        Title, for reports.
    seed : int
        Seed of everything random.
    most_pairs : int
        Where the passes make more pairs, nothing is compared (see `Spec`).
    normalise, fields, entities, estimation, match, sources, mode, steps, households, prepare
        As in `Spec`.
    spec : Spec, optional
        A whole specification instead of all others.
    folder : path
        What relative paths of the specification are relative to.

    Examples
    --------
    >>> import polars as pl
    >>> from tallystick.blocking.passes import all_pairs
    >>> from tallystick.comparisons.comparison import comparison
    >>> from tallystick.comparisons.equality import exact
    >>> linkage = Linkage(
    ...     comparisons=[comparison("name", comparator=exact()), comparison("town", comparator=exact())],
    ...     passes=[all_pairs()],
    ... )
    >>> linkage.spec.fields_used
    ('name', 'town')
    """

    spec: Spec
    folder: Path

    def __init__(
        self,
        comparisons: Sequence[Comparison] = (),
        passes: Sequence[AnyPass] = (),
        *,
        links: LinksAllowed | None = None,
        one_to_one: bool | None = None,
        assignment: AssignmentKind = "optimal",
        upper: float | None = None,
        lower: float | None = None,
        scale: Literal["posterior", "weight"] = "posterior",
        thresholds: ThresholdRule | None = None,
        kind: Literal["link", "dedupe", "link_and_dedupe"] | None = None,
        name: str | None = None,
        seed: int = 1,
        most_pairs: int = MOST_PAIRS,
        normalise: Normalise | None = None,
        fields: Mapping[str, FieldSettings] | None = None,
        entities: Entities | None = None,
        estimation: Estimation | None = None,
        match: Match | None = None,
        sources: Sequence[Source] = (),
        mode: Literal["union", "sequential"] = "union",
        steps: Sequence[Step] = (),
        households: Households | None = None,
        prepare: Preparation | None = None,
        spec: Spec | None = None,
        folder: str | Path = ".",
    ) -> None:
        if spec is None:
            given: dict[str, Any] = {
                key: value
                for key, value in (
                    ("links", links),
                    ("one_to_one", one_to_one),
                    ("upper", upper),
                    ("lower", lower),
                )
                if value is not None
            }
            if scale != "posterior":
                given["scale"] = scale
            spec = Spec(
                name=name,
                kind=kind,
                seed=seed,
                most_pairs=most_pairs,
                sources=tuple(sources),
                normalise=normalise or Normalise(),
                fields=dict(fields or {}),
                comparisons=tuple(comparisons),
                passes=tuple(passes),
                decision=Decision(assignment=assignment, thresholds=thresholds, **given),
                entities=entities or Entities(),
                estimation=estimation or Estimation(),
                mode=mode,
                steps=tuple(steps),
                match=match,
                households=households,
                prepare=prepare,
            )
        object.__setattr__(self, "spec", spec)
        object.__setattr__(self, "folder", Path(folder))

    @classmethod
    def from_toml(cls, path: str | Path) -> Linkage:
        """Read a specification file; its relative paths are relative to its folder.

        Parameters
        ----------
        path : path
            A TOML file.

        Returns
        -------
        Linkage
        """
        return cls(spec=load_spec(path), folder=Path(path).parent)

    def to_toml(self) -> str:
        """The specification as TOML, its paths as they were written."""
        return dump_spec(self.spec)

    def fit(
        self,
        *inputs: Any,
        threads: int | None = None,
        memory: int | None = None,
        progress: Progress = silent,
    ) -> Model | SequentialModel:
        """Estimate m, u and the match rates; nothing is changed in place.

        Parameters
        ----------
        *inputs : Source, table or path
            What is linked; by default the sources of the specification.
        threads : int, optional
            Number of threads; the result does not depend on it.
        memory : int, optional
            Bytes that whole level tables may take together.
        progress : Progress
            Told how far the stages are.

        Returns
        -------
        Model or SequentialModel
            The latter of sequential passes (or, as `HouseholdModel`, of households), whose decisions belong
            to the fit: each step has the records that the ones before it have left.
        """
        require_comparisons(self.spec)
        spec = resolved(self.spec, self.folder)
        sources = as_sources(inputs, spec.sources)
        prepared = prepare(spec, sources, memory=memory or DEFAULT_MEMORY, threads=threads, progress=progress)
        check_sizes(prepared.inputs)
        if spec.households is not None:
            return link_by_households(prepared, threads=threads, progress=progress).model
        if spec.by_steps:
            return link_by_steps(prepared, threads=threads, progress=progress).model
        prepared = with_labels(prepared)
        knowledge = read_knowledge(prepared, threads, progress)
        counts = count_patterns(prepared.plan, threads, progress)
        parameters = fit_counts(prepared, counts, threads, progress, knowledge=knowledge).parameters
        return Model(prepared.spec.model_copy(update={"kind": prepared.kind, "sources": ()}), parameters)

    def match(self, *inputs: Any, threads: int | None = None, progress: Progress = silent) -> Matches:
        """Link by match keys: records that agree on a key, where nothing else agrees as well.

        Parameters
        ----------
        *inputs : Source, table or path
            What is linked; by default the sources of the specification.
        threads : int, optional
            Number of threads that read; the result does not depend on it.
        progress : Progress
            Told how far the reading is.

        Returns
        -------
        Matches

        Raises
        ------
        InputError
            Where the specification has no match keys, or the input cannot be used.
        """
        from tallystick.linkage.match import match_sources

        return match_sources(resolved(self.spec, self.folder), inputs, threads=threads, progress=progress)

    def blocks(
        self,
        *inputs: Any,
        fit: bool = False,
        model: Model | SequentialModel | None = None,
        suggest: float | None = None,
        threads: int | None = None,
        memory: int | None = None,
        progress: Progress = silent,
    ) -> BlockAnalysis:
        """Tell what the passes do before a run: pairs, largest blocks, time, and the matches that they miss.

        Parameters
        ----------
        *inputs : Source, table or path
            What is linked; by default the sources of the specification.
        fit : bool
            Fit a model, to estimate which share of the matches is found.
        model : Model, optional
            The same with this model instead of a fit; not one that has parameters of every step.
        suggest : float, optional
            Suggest passes that find this share of the matches at few pairs.
        threads, memory, progress
            As in `fit`.

        Returns
        -------
        BlockAnalysis

        Raises
        ------
        InputError
            Where the input or the model cannot be used, or a model is to be fitted and the passes make too
            many pairs.
        """
        from tallystick.linkage.blocks import analyse_blocks, parameters_for_blocks

        return analyse_blocks(
            resolved(self.spec, self.folder),
            inputs,
            fit=fit,
            parameters=None if model is None else parameters_for_blocks(model),
            suggest=suggest,
            threads=threads,
            memory=memory,
            progress=progress,
        )

    def draw_gold(
        self,
        *inputs: Any,
        pairs: int = 500,
        records: int | None = None,
        columns: Sequence[str] = (),
        threads: int | None = None,
        memory: int | None = None,
        progress: Progress = silent,
    ) -> GoldSample:
        """Draw pairs worth labelling, denser where a model without labels is in doubt.

        Parameters
        ----------
        *inputs : Source, table or path
            What is linked; by default the sources of the specification.
        pairs : int
            Number of pairs.
        records : int, optional
            Number of records looked at: of the first of two files, or of all together. By default 5,000 of
            the first of two, else 20,000.
        columns : sequence of str
            Further fields or columns shown, beside those that the specification uses.
        threads, memory, progress
            As in `fit`.

        Returns
        -------
        GoldSample
            Its ``save`` writes the file to be filled in; `Estimation` takes that as ``labels``.
        """
        from tallystick.linkage.gold import draw_gold

        return draw_gold(
            resolved(self.spec, self.folder),
            inputs,
            pairs=pairs,
            records=records,
            columns=columns,
            threads=threads,
            memory=memory,
            progress=progress,
        )

    def model(self) -> Model:
        """The model where m and u of every comparison are given: no data is needed.

        Returns
        -------
        Model

        Raises
        ------
        InputError
            Where m or u of a comparison is not given, or comparisons are to be estimated together.
        """
        if self.spec.households is not None:
            raise InputError(
                "households: m and u of households and of the persons in them are those of data: fit the "
                "linkage, or leave households out."
            )
        if self.spec.by_steps:
            raise InputError(
                "The parameters of sequential passes, and those after match keys, are those of the records "
                'that each step has: fit the linkage, or set mode = "union" without match keys.'
            )
        if self.spec.estimation.together:
            raise InputError(
                "estimation.interactions: joint probabilities are estimated from data: fit the linkage, or "
                "leave interactions out where m and u are given."
            )
        return Model(self.spec.model_copy(update={"sources": ()}), given_parameters(self.spec.comparisons))

    def run(
        self,
        folder: str | Path,
        *inputs: Any,
        force: bool = False,
        threads: int | None = None,
        memory: int | None = None,
        progress: Progress = silent,
    ) -> Links | SequentialLinks:
        """Fit, link and write all results to a directory (see `tallystick.linkage.run.run`).

        Parameters
        ----------
        folder : path
            The directory; it must not exist, unless it holds this very run unfinished.
        *inputs : Source, table or path
            What is linked; by default the sources of the specification.
        force : bool
            Replace a run that is there.
        threads, memory, progress
            As in `fit`.

        Returns
        -------
        Links or SequentialLinks
            The latter of sequential passes, or as `HouseholdLinks` of a linkage with households.
        """
        if not self.spec.passes:
            raise InputError(
                "passes: found none, expected at least one, such as all_pairs() or a blocking_key."
            )
        return run(
            resolved(self.spec, self.folder),
            folder,
            inputs=inputs,
            force=force,
            threads=threads,
            memory=memory,
            progress=progress,
        )
