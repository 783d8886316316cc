"""The errors of a run by match keys one by one: no weights, but keys on which records agree."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.linkage.evaluation.error_list import ErrorList, error_table, wrong_pairs
from tallystick.linkage.evaluation.error_texts import Errors, false_texts, pair_key, rival_texts
from tallystick.linkage.evaluation.truth import RunTruth
from tallystick.linkage.tables import read_table

Ints = NDArray[np.int64]


def errors_of_keys(found: RunTruth) -> ErrorList:
    """List the errors of a run by match keys, and explain them from the tables of the run.

    Parameters
    ----------
    found : RunTruth
        The run and the truth.

    Returns
    -------
    ErrorList
        With a column ``key``: of a false link the one that made it, of a missed match the one under which it
        is ambiguous.
    """
    errors, n_missed = wrong_pairs(found)
    residuals = _by_record(found, read_table(found.folder / "residuals.parquet"))
    pairs = _keyed(found, read_table(found.folder / "ambiguous_pairs.parquet"))
    n = len(found.records.codes)
    asked = pl.DataFrame({"pair": pair_key(errors.left, errors.right, n)})
    unclear = asked.join(pairs, on="pair", how="left", maintain_order="left")
    links = _keyed(found, found.pairs.filter(pl.col("decision") == "link").with_columns(reason=pl.lit("")))
    of_links = asked.join(links, on="pair", how="left", maintain_order="left")["key"]
    reasons, explanations = _missed(errors, unclear, residuals)
    made = [f"Both agree on the match key {key}." for key in of_links[: errors.n_false]]
    candidate = unclear["key"].is_not_null().to_numpy()
    why, whys = false_texts(errors, made, candidate, np.full(len(candidate), np.nan), reasons)
    keys = pl.concat([of_links[: errors.n_false], unclear["key"][errors.n_false :]])
    table = error_table(errors, [*why, *reasons], [*whys, *explanations], {"key": keys})
    return ErrorList(table, n_missed)


def _keyed(found: RunTruth, table: pl.DataFrame) -> pl.DataFrame:
    """Pairs of a table of the run as numbers, with ``key`` and ``reason``; each once."""
    left, right = found.records.rows(table)
    number = pair_key(left, right, len(found.records.codes))
    named = pl.DataFrame(
        {"pair": pl.Series(number, dtype=pl.Int64), "key": table["key"], "reason": table["reason"]}
    )
    return named.unique("pair", keep="first", maintain_order=True)


def _by_record(found: RunTruth, residuals: pl.DataFrame) -> list[tuple[str | None, str | None]]:
    """Reason and key of each record that has no link."""
    own = residuals.select(pl.col("source", "id").cast(pl.String), "reason", "key").unique(["source", "id"])
    joined = found.records.frame.join(own, on=["source", "id"], how="left", maintain_order="left")
    return list(joined.select("reason", "key").iter_rows())


def _missed(
    errors: Errors, unclear: pl.DataFrame, residuals: list[tuple[str | None, str | None]]
) -> tuple[list[str], list[str]]:
    """Reason and explanation of each missed match."""
    reasons, texts = [], []
    keys, whys = unclear["key"].to_list(), unclear["reason"].to_list()
    for at, rival in zip(errors.missed, rival_texts(errors), strict=True):
        rows = int(errors.left[at]), int(errors.right[at])
        own = [(errors.ids[row], *residuals[row]) for row in rows]
        without = [name for name, reason, _ in own if reason == "values missing"]
        several = [(name, reason, key) for name, reason, key in own if key is not None]
        if keys[at] is not None:
            reason, text = "ambiguous", f"The two agree on the match key {keys[at]}, but {whys[at]}."
        elif without:
            reason, text = "values missing", f"{' and '.join(without)} lacks the values of every match key."
        elif rival:
            reason, text = "linked elsewhere", "No match key links the two before others do."
        elif several:
            name, why, key = several[0]
            reason, text = "ambiguous", f"{name} is ambiguous under the match key {key}: {why}."
        else:
            reason, text = "no key agrees", "The two agree on no match key."
        reasons.append(reason)
        texts.append(f"{text} {rival}".strip())
    return reasons, texts
