"""The hard cases of preparation: what is met, and that what is not is told in the documentation."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hard_cases import RUN, Case, failures, read_cases

PAGE = Path(__file__).parent.parent / "docs" / "guide" / "hard-cases.md"
HALVES = ("own", "independent")


@pytest.fixture(scope="module")
def cases() -> dict[str, list[Case]]:
    return {half: read_cases(half) for half in HALVES}


def test_the_cases_are_as_their_readme_says(cases: dict[str, list[Case]]) -> None:
    every = [case for half in HALVES for case in cases[half]]
    assert len(every) >= 200
    assert len(cases["independent"]) * 2 >= len(every)
    assert max(Counter(case.id for case in every).values()) == 1
    assert {case.kind for case in every} == set(RUN)
    assert all(case.source.strip() and case.why.strip() for case in every)
    countries = {case.settings["country"] for case in every if case.kind == "address"}
    cultures = {case.settings.get("culture") for case in every if case.kind == "name"} - {None}
    assert len(countries) >= 4
    assert len(cultures) >= 10


@pytest.mark.parametrize("half", HALVES)
def test_nearly_all_are_met_and_the_others_are_in_the_documentation(
    cases: dict[str, list[Case]], half: str
) -> None:
    wrong = {case.id for case, _ in failures(cases[half])}
    assert len(wrong) <= 0.05 * len(cases[half])
    text = PAGE.read_text(encoding="utf-8").partition("## Not met")[2]
    listed = set(re.findall(r"^\| `([\w-]+)`", text, re.M)) & {case.id for case in cases[half]}
    assert listed == wrong
