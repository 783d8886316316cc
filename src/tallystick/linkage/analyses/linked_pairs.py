"""The pairs and sources of a linkage, whether it stands in a directory or in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tallystick.errors import InputError
from tallystick.linkage.identify import pair_columns
from tallystick.linkage.match import TABLES as MATCH_TABLES
from tallystick.linkage.run import check_unchanged
from tallystick.linkage.run_folder import read_facts, spec_of_run
from tallystick.linkage.tables import read_table
from tallystick.preparation.source import Source
from tallystick.preparation.whole_table import as_prepared

if TYPE_CHECKING:
    from tallystick.linkage.matches import Matches
    from tallystick.linkage.results import Results


@dataclass(frozen=True)
class LinkedPairs:
    """What an analysis needs of a linkage.

    Attributes
    ----------
    pairs : polars.DataFrame
        Kept pairs: ``source_left``, ``id_left``, ``source_right``, ``id_right``, ``decision``, ``weight`` and
        ``posterior``, null where no model has weighed them.
    sources : tuple of Source
        As they were linked: prepared, where there is a preparation.
    kind : {"link", "link_and_dedupe"}
        Which records were compared.
    folder : path or None
        Directory of the run.
    fingerprint : str
        What the run depends on; empty for a linkage in memory.
    finalised, by_steps, by_keys : bool
        Whether decisions of people are applied; it goes by steps or households; all links are by match keys.
    linkage : Links, SequentialLinks, HouseholdLinks or Matches, optional
        The linkage, where it is in memory.
    """

    pairs: pl.DataFrame
    sources: tuple[Source, ...]
    kind: str
    folder: Path | None
    fingerprint: str
    finalised: bool
    by_steps: bool
    by_keys: bool
    linkage: Results | Matches | None = None

    @property
    def shown(self) -> str:
        """What messages call it."""
        return "the linkage" if self.folder is None else str(self.folder)


def linked_pairs(run: str | Path | Results | Matches) -> LinkedPairs:
    """Pairs and sources of a linkage.

    Parameters
    ----------
    run : path, Links, SequentialLinks, HouseholdLinks or Matches
        Directory of a complete run, or a linkage in memory.

    Returns
    -------
    LinkedPairs

    Raises
    ------
    InputError
        Where it is no complete run, a source is gone or has changed, or it is a deduplication.
    """
    if isinstance(run, str | Path):
        return _of_folder(Path(run))
    known = run.prepared if hasattr(run, "prepared") else run.known
    _check_kind(known.kind, "the linkage")
    sources = as_prepared(known.spec.sources, known.spec.prepare)
    pairs = _complete(run.pairs, [one.name for one in sources])
    by_keys = not hasattr(run, "prepared")
    return LinkedPairs(pairs, sources, known.kind, None, "", False, "step" in run.pairs.columns, by_keys, run)


def _of_folder(folder: Path) -> LinkedPairs:
    facts = read_facts(folder)
    spec = spec_of_run(folder, facts)
    kind = facts.get("kind") or spec.kind_of(len(spec.sources))
    _check_kind(kind, str(folder))
    check_unchanged(spec.sources, facts)
    table = read_table(folder / "links.parquet")
    sources = as_prepared(spec.sources, spec.prepare)
    return LinkedPairs(
        _complete(table, [one.name for one in sources]),
        sources,
        kind,
        folder,
        str(facts.get("fingerprint", "")),
        "finalised" in facts,
        "step" in table.columns,
        not (folder / "model.json").exists() and (folder / f"{MATCH_TABLES[1]}.parquet").exists(),
    )


def _check_kind(kind: str, shown: str) -> None:
    if kind == "dedupe":
        raise InputError(
            f"{shown}: this run looks for duplicates within one source, so that outcome and covariates stand "
            "in the same file and no link joins them: analyse that file itself, each entity once."
        )


def _complete(pairs: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """The pairs with the sources of both ends, weight and posterior, which some linkages do not give."""
    if "source_left" not in pairs.columns:
        pairs = pairs.with_columns(
            pl.lit(names[0]).alias("source_left"), pl.lit(names[-1]).alias("source_right")
        )
    lacking = [name for name in ("weight", "posterior") if name not in pairs.columns]
    pairs = pairs.with_columns(pl.lit(None, pl.Float64).alias(name) for name in lacking)
    ends = [f"{what}_{side}" for side in ("left", "right") for what in ("source", "id")]
    assert set(pair_columns(3, "link")) == set(ends)
    return pairs.select(*ends, "decision", "weight", "posterior")
