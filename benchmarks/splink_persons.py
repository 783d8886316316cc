"""Splink on the generated persons, as a whole process: fields, levels and rules of a specification of ours.

Run by the Python of .venv-peers: splink_persons.py SPEC.toml PERSONS.parquet PAIRS.parquet
Without the last argument it only counts the candidate pairs, which shows that both sides compare the same.

Settings: no columns kept beside the score, EM without value frequencies (they are off on both sides), u from
a million random pairs (ten million took four times as long and gave the same F1), EM on at most five million
pairs, and a threshold at prediction, so that only what counts is written. DuckDB takes all cores. Its
damerau_levenshtein lets a swapped pair be edited again, ours does not: ca and abc are 2 apart there, 3 here.
"""

from __future__ import annotations

import json
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import duckdb
import splink.comparison_library as cl
from splink import Linker, SettingsCreator, block_on
from splink.backends.duckdb import DuckDBAPI
from splink.blocking_analysis import count_comparisons_from_blocking_rules

COMPARATORS = {
    "jaro_winkler": lambda field, one: cl.JaroWinklerAtThresholds(field, one["thresholds"]),
    "damerau_levenshtein": lambda field, one: cl.DamerauLevenshteinAtThresholds(field, one["max_distances"]),
    "exact": lambda field, one: cl.ExactMatch(field),
}


def part(one: str | dict[str, Any]) -> str:
    """A part of a blocking key as SQL."""
    if isinstance(one, str):
        return one
    length = 4 if one["transform"] == "year" else one["n"]
    return f"substr({one['field']}, 1, {length})"


def rules(spec: dict[str, Any]) -> list[Any]:
    """The passes as blocking rules."""
    return [block_on(*map(part, one["parts"])) for one in spec["passes"]]


# Rules that hardly find a false pair, and the share of the true ones that at least one of them finds, by the
# shares of agreement in docs/guide/datasets.md. Splink needs this guess.
STRICT = [
    block_on("forename", "surname", "date_of_birth"),
    block_on("forename", "date_of_birth", "postcode"),
    block_on("date_of_birth", "surname", "phone", "sex"),
]
STRICT_RECALL = 0.75


def read(persons: str) -> Any:
    connection = duckdb.connect()
    return DuckDBAPI(connection).register(connection.read_parquet(persons), dataset_display_name="persons")


def link(spec: dict[str, Any], persons: str, pairs: str) -> dict[str, float]:
    """Fit, score and write; the seconds of each."""
    start = time.perf_counter()
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_id",
        comparisons=[
            COMPARATORS[one["comparator"]["type"]](one["field"], one["comparator"])
            for one in spec["comparisons"]
        ],
        blocking_rules_to_generate_predictions=rules(spec),
        retain_matching_columns=False,
    )
    linker = Linker(read(persons), settings, log_level="WARNING")
    linker.training.estimate_probability_two_random_records_match(STRICT, recall=STRICT_RECALL)
    counted = time.perf_counter()
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    sampled = time.perf_counter()
    # Two rules that together leave every field free at least once.
    for rule in (block_on("date_of_birth"), block_on("forename", "surname")):
        linker.training.estimate_parameters_using_expectation_maximisation(
            rule, estimate_without_term_frequencies=True, max_pairs=5e6
        )
    fitted = time.perf_counter()
    linker.inference.predict(threshold_match_probability=0.5).to_parquet(pairs, overwrite=True)
    done = time.perf_counter()
    return {
        "match rate": round(counted - start, 2),
        "u": round(sampled - counted, 2),
        "EM": round(fitted - sampled, 2),
        "predict and write": round(done - fitted, 2),
    }


def count(spec: dict[str, Any], persons: str) -> int:
    """Candidate pairs of all rules, each counted once."""
    records = count_comparisons_from_blocking_rules(
        read(persons),
        blocking_rules=rules(spec),
        link_type="dedupe_only",
        unique_id_column_name="record_id",
        record_sample_proportion=1.0,
    )
    return int(records[-1]["cumulative_comparison_count"])


if __name__ == "__main__":
    name, *files = sys.argv[1:]
    described = tomllib.loads(Path(name).read_text(encoding="utf-8"))
    if len(files) == 1:
        print(json.dumps({"pairs": count(described, *files)}))
    else:
        print(json.dumps({"stages": link(described, *files)}))
