"""The candidate pairs of a one-to-one linkage as imputations take them."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tallystick.errors import InputError
from tallystick.linkage.links import Links
from tallystick.linkage.run_folder import read_facts, read_figures
from tallystick.linkage.tables import read_table
from tallystick.linking.constraints import constraint_of, zero_weight

_SURE = 50.0  # gain of a link that a person has decided, beyond the largest of others


def candidate_pairs(run: str | Path | Links) -> pl.DataFrame:
    """Candidate pairs with posterior probabilities and gains, for `impute_equivocal` and `impute_matchings`.

    Parameters
    ----------
    run : path or Links
        Directory of a run between two sources with one-to-one links, or such links in memory.

    Returns
    -------
    polars.DataFrame
        ``id_left``, ``id_right``, ``weight``, ``gain`` (weight less the no-link constant), ``posterior`` and
        ``decision``; a row per kept pair, those that are no links included. Of a finalised run links that
        people have decided have a gain beyond all others, and pairs that they refused are left out.

    Raises
    ------
    InputError
        Where the run is no complete one, or not between two sources with one-to-one links by one model of all
        pairs (steps, households, match keys, deduplication): gains and posteriors of those are not of one
        matching.
    """
    if isinstance(run, Links):
        pairs = run.model.parameters.pairs
        limits = [constraint_of(run.decision, pair) for pair in pairs]
        alone = len(pairs) == 1 and limits[0].one_to_one
        return _table(run.pairs, zero_weight(pairs[0], limits[0]) if alone else None, "the linkage")
    folder = Path(run)
    read_facts(folder)
    table = read_table(folder / "links.parquet")
    constant = read_figures(folder / "quality.json").get("no_link_constant")
    return _table(table, constant, str(folder))


def _table(pairs: pl.DataFrame, constant: float | None, shown: str) -> pl.DataFrame:
    if constant is None or "step" in pairs.columns or "posterior" not in pairs.columns:
        raise InputError(
            f"{shown}: its pairs have no gains of one matching. Imputation over candidates takes a run "
            "between two sources with one_to_one = true that compares all its pairs at once; steps, "
            "households, match keys and deduplication are none. Link anew so, or correct estimates by an "
            "audit."
        )
    found = pairs.with_columns(gain=pl.col("weight").fill_null(0.0) - constant)
    if "decided_by" in found.columns:
        by_people = (pl.col("decided_by") == "reviewer").fill_null(value=False)
        found = found.filter(~by_people | (pl.col("decision") == "link"))
        sure = pl.col("gain").max() + _SURE
        found = found.with_columns(gain=pl.when(by_people).then(sure).otherwise("gain"))
    return found.select("id_left", "id_right", "weight", "gain", "posterior", "decision")
