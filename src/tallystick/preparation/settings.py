"""What is done to the records of the sources before they are linked: the section ``[prepare]``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field, model_validator

from tallystick._problems import KeyPath, Problem, misspelt, report
from tallystick._schema import Settings
from tallystick.preparation.duplicates import DuplicateRule
from tallystick.preparation.edits import Edit
from tallystick.preparation.harmonise import Harmonise
from tallystick.preparation.reference import Reference
from tallystick.preparation.steps.any_step import AnyStep

FieldType = Literal["text", "integer", "number", "date"]


class PreparedField(Settings):
    """The steps of one field, in their order.

    Attributes
    ----------
    field : str
        The field that is prepared. Where a source has no column of that name, an earlier step has to have
        written it, or `of` says what it is made of.
    of : str, optional
        Another field whose values it begins with; that one stays as it is.
    steps : tuple of steps
        What is done; a step without settings may be its name alone (``"missing"``).
    sources : tuple of str
        Names of the sources in which it is done; by default all.
    """

    field: str = Field(min_length=1)
    of: str | None = None
    steps: tuple[AnyStep, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """Fields that have to be there before its steps begin."""
        written = {self.field}
        needed = [self.of or self.field]
        for step in self.steps:
            needed += [name for name in step.reads(self.field) if name not in written]
            written.update(step.writes(self.field))
        return tuple(dict.fromkeys(needed))

    @property
    def dates(self) -> tuple[str, ...]:
        """Fields that its steps write as dates."""
        return tuple(dict.fromkeys(name for step in self.steps for name in step.dates(self.field)))

    @property
    def writes(self) -> tuple[str, ...]:
        """Fields that are there, or others, when its steps are done."""
        return tuple(
            dict.fromkeys([self.field, *(name for s in self.steps for name in s.writes(self.field))])
        )


class Preparation(Settings):
    """What is done before linking, in the order: fields, edits, duplicates, harmonisation.

    Attributes
    ----------
    fields : tuple of PreparedField
        Steps field by field. A field may come more than once: what is later begins with what is earlier.
    types : dict of str to str
        Of what type the values of a field are, where rules have to know: ``text`` (by default), ``integer``,
        ``number`` or ``date``. What a date step has written is a date.
    edits : tuple of Edit
        Rules that tell which records contradict themselves, and what is done then.
    duplicates : tuple of DuplicateRule
        Which records are one record twice, so that one of them is taken out.
    reference : Reference, optional
        Give every record a reference number.
    harmonise : Harmonise, optional
        What has to be alike in all sources when they are prepared.
    """

    fields: tuple[PreparedField, ...] = ()
    types: dict[str, FieldType] = Field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    duplicates: tuple[DuplicateRule, ...] = ()
    reference: Reference | None = None
    harmonise: Harmonise | None = None

    @model_validator(mode="after")
    def _types_are_of_fields(self) -> Preparation:
        known = [name for one in self.fields for name in (*one.reads, *one.writes)]
        known += [name for edit in self.edits for name in edit.reads]
        wrong = [name for name in self.types if name not in known]
        if wrong:
            text = misspelt(wrong[0], list(dict.fromkeys(known)), "a field that a step or an edit reads")
            report([Problem(("types", wrong[0]), text)], type(self).__name__)
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> Preparation:
        names = [edit.name for edit in self.edits]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two edits are called "{name}": give each a name of its own')
        return self

    def files(self) -> tuple[str, ...]:
        """Paths of the files that steps need."""
        return tuple(path for one in self.fields for step in one.steps for path in step.files().values())

    def unknown_sources(self, sources: Sequence[str]) -> Iterator[tuple[KeyPath, str]]:
        """Sources that parts of the preparation are for and that are not there: their places and names."""
        parts: dict[str, tuple[PreparedField | Edit | DuplicateRule, ...]] = {
            "fields": self.fields,
            "edits": self.edits,
            "duplicates": self.duplicates,
        }
        for what, own in parts.items():
            for number, one in enumerate(own):
                for place, name in enumerate(one.sources):
                    if name not in sources:
                        yield ("prepare", what, number, "sources", place), name

    def of_source(self, source: str) -> Iterator[tuple[int, PreparedField]]:
        """The fields that are prepared in a source, with their places among all."""
        for number, one in enumerate(self.fields):
            if not one.sources or source in one.sources:
                yield number, one

    def written(self, source: str) -> tuple[str, ...]:
        """Fields that the steps of a source write."""
        return tuple(dict.fromkeys(name for _, one in self.of_source(source) for name in one.writes))

    def touched(self, source: str) -> set[str]:
        """Fields of a source that steps or edits may change; all others stay as they were read."""
        emptied = [
            name
            for edit in self.edits
            if edit.action == "set_missing" and (not edit.sources or source in edit.sources)
            for name in edit.blames
        ]
        return {*self.written(source), *emptied}

    def read_by(self, source: str) -> dict[str, str]:
        """Fields that a source has to have as columns, and which part of the preparation needs each.

        Parameters
        ----------
        source : str
            Name of the source.

        Returns
        -------
        dict of str to str
        """
        needed: dict[str, str] = {}
        written: set[str] = set()
        for number, one in self.of_source(source):
            limited = "" if one.sources else ' (with sources = ["NAME"] it does so in some sources only)'
            for name in one.reads:
                if name not in written:
                    needed.setdefault(name, f"prepare.fields[{number}]{limited}")
            written.update(one.writes)
        rules: list[tuple[str, Edit | DuplicateRule]] = [
            *((f"prepare.edits[{number}]", edit) for number, edit in enumerate(self.edits)),
            *((f"prepare.duplicates[{number}]", rule) for number, rule in enumerate(self.duplicates)),
        ]
        for place, rule in rules:
            if rule.sources and source not in rule.sources:
                continue
            for name in rule.reads:
                if name not in written:
                    quoted = isinstance(rule, Edit) and f'"{name}"' in rule.fails_if
                    hint = " (a text, unlike a field, stands in single quotes)" if quoted else ""
                    needed.setdefault(name, f"{place}{hint}")
        for name in (self.harmonise.fields if self.harmonise else None) or ():
            if name not in written:
                needed.setdefault(name, "prepare.harmonise")
        return needed

    def made_by_steps(self, source: str) -> set[str]:
        """Fields that a source need not have as columns, because steps write them first."""
        return set(self.written(source)) - set(self.read_by(source))
