"""The specification of a linkage: one schema for Python and TOML."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tallystick._problems import report
from tallystick._schema import Settings
from tallystick.blocking.limits import MOST_PAIRS
from tallystick.blocking.passes import AnyPass, fields_read
from tallystick.comparisons.comparison import Comparison
from tallystick.errors import SpecError
from tallystick.estimation.settings import Estimation
from tallystick.linking.decision import Decision
from tallystick.linking.entities import Entities
from tallystick.linking.households import Households
from tallystick.linking.match_settings import Match
from tallystick.linking.step import Step
from tallystick.preparation.normalise import FieldSettings, Normalise
from tallystick.preparation.settings import Preparation
from tallystick.preparation.source import Source
from tallystick.quality.subgroups import Quality
from tallystick.spec.checks import kind_problem, problems
from tallystick.spec.household_checks import household_source_problem

Kind = Literal["link", "dedupe", "link_and_dedupe"]


class Spec(Settings):
    """Everything that a linkage needs to know.

    In TOML the first five stand in the table ``[linkage]``; the rest have their own tables.

    Attributes
    ----------
    name : str, optional
        Title of the linkage, for reports.
    kind : {"link", "dedupe", "link_and_dedupe"}, optional
        Whether pairs are between sources, within one, or both. By default ``dedupe`` for one
        source and ``link`` for more.
    mode : {"union", "sequential"}
        How several passes work together: the candidate pairs are the union of them, decided together; or
        each step decides its pairs, and the next one sees only the records that are left.
    seed : int
        Where random numbers start: the same inputs, specification and seed give the same output.
    most_pairs : int
        Where the passes make more pairs, a run is refused before it compares any; pairs of `all_pairs` are
        asked for and do not count.
    sources : tuple of Source
        The files or tables. None where they are given in Python, or where nothing is read
        because all m and u are given.
    normalise : Normalise
        How values are normalised, unless a field says otherwise.
    fields : dict of str to FieldSettings
        What differs for single fields.
    comparisons : tuple of Comparison
        What is compared, and how; at least one, unless there are match keys and nothing else is done.
    passes : tuple of BlockingKey, AllPairs or PairTable
        Where candidate pairs come from.
    decision : Decision
        How pairs become links, possible links and non-links.
    entities : Entities
        How linked records are put together into entities.
    estimation : Estimation
        How m, u and the match rate are estimated.
    steps : tuple of Step
        With sequential passes: which passes are decided together, what they compare and their
        thresholds; by default each pass is a step.
    match : Match, optional
        Keys of a deterministic linkage.
    prepare : Preparation, optional
        What is done to the records of the sources before they are linked.
    households : Households, optional
        Households are linked first, then the persons in them.
    quality : Quality
        What the figures of quality tell apart.

    Examples
    --------
    >>> from tallystick.blocking.passes import blocking_key
    >>> spec = Spec(
    ...     comparisons=[{"field": "surname", "comparator": {"type": "exact"}}],
    ...     passes=[blocking_key("postcode")],
    ... )
    >>> spec.fields_used
    ('surname', 'postcode')
    """

    name: str | None = None
    kind: Kind | None = None
    mode: Literal["union", "sequential"] = "union"
    seed: int = Field(default=1, ge=0)
    most_pairs: int = Field(default=MOST_PAIRS, ge=1)
    sources: tuple[Source, ...] = ()
    normalise: Normalise = Normalise()
    fields: dict[str, FieldSettings] = Field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()
    passes: tuple[AnyPass, ...] = ()
    decision: Decision = Decision()
    entities: Entities = Entities()
    estimation: Estimation = Estimation()
    steps: tuple[Step, ...] = ()
    match: Match | None = None
    households: Households | None = None
    prepare: Preparation | None = None
    quality: Quality = Quality()

    @classmethod
    def python_name(cls) -> str:
        """What Python users build: a linkage."""
        return "linkage"

    @model_validator(mode="after")
    def _parts_fit(self) -> Spec:
        if found := problems(self):
            report(found, type(self).__name__)
        return self

    @property
    def fields_used(self) -> tuple[str, ...]:
        """Names of the fields that comparisons, passes and deterministic rules read, each once."""
        read = [field for one in self.comparisons for field in (*one.left, *one.right)]
        read += [field for one in self.passes for field in fields_read(one)]
        read += self.estimation.deterministic.fields if self.estimation.deterministic else ()
        read += self.households.fields if self.households else ()
        return tuple(dict.fromkeys(read))

    @property
    def by_steps(self) -> bool:
        """Whether linked records are set aside before others are: by sequential passes, by match keys."""
        return self.mode == "sequential" or (self.match is not None and bool(self.comparisons))

    @property
    def all_steps(self) -> tuple[Step, ...]:
        """The steps after match keys: those given, or one for each pass; of a union all passes together."""
        if self.mode == "union":
            return (Step(passes=tuple(one.label for one in self.passes)),) if self.passes else ()
        return self.steps or tuple(Step(passes=(one.label,)) for one in self.passes)

    def pass_numbers(self, step: Step) -> list[int]:
        """Numbers of the passes of a step, in the order of the specification."""
        return [number for number, one in enumerate(self.passes) if one.label in step.passes]

    def comparison_numbers(self, step: Step) -> list[int]:
        """Numbers of the comparisons that a step makes, in the order of the specification."""
        named = step.comparisons
        return [k for k, one in enumerate(self.comparisons) if named is None or one.name in named]

    @property
    def fields_named(self) -> tuple[str, ...]:
        """Names of the fields that anything reads: those of `fields_used`, and those of match keys."""
        return tuple(dict.fromkeys([*self.fields_used, *(self.match.fields if self.match else ())]))

    def kind_of(self, n_sources: int) -> Kind:
        """The kind of linkage when it is run on a number of sources.

        Parameters
        ----------
        n_sources : int

        Returns
        -------
        {"link", "dedupe", "link_and_dedupe"}

        Raises
        ------
        SpecError
            If the kind that was asked for, one-to-one, or households do not go with so many sources.

        Examples
        --------
        >>> from tallystick.blocking.passes import all_pairs
        >>> spec = Spec(
        ...     comparisons=[{"field": "surname", "comparator": {"type": "exact"}}], passes=[all_pairs()]
        ... )
        >>> spec.kind_of(1), spec.kind_of(2)
        ('dedupe', 'link')
        """
        if wrong := kind_problem(self, n_sources) or household_source_problem(self, n_sources):
            raise SpecError(f"{'.'.join(map(str, wrong.path))}: {wrong.text}")
        return self.kind or ("dedupe" if n_sources == 1 else "link")
