"""The command that tells why two records are linked, or why not; apart from how it is called."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl

from tallystick._progress import Progress
from tallystick.cli.commands import _facts, _find_modules_in, _sources
from tallystick.errors import InputError
from tallystick.linkage.household_links import link_by_households
from tallystick.linkage.household_model import HouseholdModel
from tallystick.linkage.identify import known_records, rows_of_side
from tallystick.linkage.prepare import Prepared, prepare
from tallystick.linkage.run import check_unchanged
from tallystick.linkage.saved import load_model
from tallystick.linkage.sequential_links import link_by_steps
from tallystick.linkage.sequential_model import SequentialModel
from tallystick.linkage.tables import LABELS, read_table
from tallystick.linkage.why import why
from tallystick.linking.decide import DecidedPairs
from tallystick.linking.decision import Decision
from tallystick.linking.score import ScoredPairs
from tallystick.linking.thresholds import Thresholds


def explain_pair(run: Path, left: str, right: str, threads: int | None, progress: Progress) -> str:
    """Why two records of a run are linked, or why not; an id may be written as source:id."""
    facts = _facts(run)
    model = load_model(run)
    sources = _sources(run, facts)
    check_unchanged(sources, facts)
    _find_modules_in(Path())
    prepared = prepare(model.spec, sources, threads=threads, progress=progress)
    records = [_named(one, prepared) for one in (left, right)]
    if isinstance(model, SequentialModel):  # what a step had is known once the ones before it have run
        by_steps = (
            link_by_households(prepared, model.parameters, threads=threads, progress=progress)
            if isinstance(model, HouseholdModel)
            else link_by_steps(prepared, model.steps, threads=threads, progress=progress)
        )
        return by_steps.why(*records).text()
    ids = [one if isinstance(one, str) else one[1] for one in records]
    table = read_table(run / "links.parquet").filter(
        pl.col("id_left").is_in(ids) | pl.col("id_right").is_in(ids)
    )
    decision = model.spec.decision
    rule: Decision | Thresholds = decision
    if decision.thresholds is not None:  # the run has worked them out
        known = json.loads((run / "quality.json").read_text("utf-8"))
        limits = known["thresholds"]
        rule = Thresholds(
            limits["lower"],
            limits["upper"],
            known["scale"],
            "",
            links=decision.links,
            assignment=decision.assignment,
        )
    return why(prepared, model.parameters, _decided(prepared, table), rule, *records).text()


def _named(text: str, prepared: Prepared) -> str | tuple[str, str]:
    """An id, or a source and an id where it begins with the name of one."""
    source, colon, rest = text.partition(":")
    names = prepared.records.sources
    if not colon or source in names:
        return (source, rest) if colon else text
    if not (prepared.records.ids == text).any():  # ids may have colons
        raise InputError(
            f"{text}: there is no record with this id, and no source called {source!r}: the sources are "
            f"{', '.join(map(repr, names))}."
        )
    return text


def _decided(prepared: Prepared, table: pl.DataFrame) -> DecidedPairs:
    """Rows of the links table as decided pairs; which of the possible links are ties is not known."""
    records = prepared.records
    known = known_records(records)
    sides = (("left", records.sources[0]), ("right", records.sources[-1]))
    rows = [rows_of_side(table, known, side, only).to_numpy() for side, only in sides]
    none = np.zeros(len(table), np.int64)
    verdict = table["decision"].replace_strict(
        LABELS.to_list(), list(range(len(LABELS))), return_dtype=pl.Int8
    )
    return DecidedPairs(
        ScoredPairs(rows[0], rows[1], table["weight"].to_numpy(), none, none, none),
        table["posterior"].to_numpy(),
        table["posterior_pair"].to_numpy(),
        verdict.to_numpy(),
        np.zeros(len(table), bool),
    )
