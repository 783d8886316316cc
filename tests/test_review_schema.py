"""Requests made up from the OpenAPI description: whatever is sent, the server answers and does not fail."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tallystick.review.access import ROUTES
from tallystick.review.app import ReviewApp
from tallystick.review.security import Attempts
from tests.small_review import ROLES, add_people, client, csrf, fill, open_store, small_app

CHECKED = [not_a_server_error, status_code_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewApp]:
    with open_store(tmp_path_factory.mktemp("schema") / "review.sqlite") as store:
        fill(store, reviews=2)
        add_people(store)
        made = small_app(store, login=True)
        made.api.state.desk.attempts = made.api.state.desk.attempts_at_name = Attempts(most=1_000_000)
        yield made


def test_the_description_has_every_route(app: ReviewApp) -> None:
    described = {(method.upper(), path) for path, one in app.api.openapi()["paths"].items() for method in one}
    assert described == set(ROUTES) - {("GET", "/openapi.json")}
    for path, one in app.api.openapi()["paths"].items():
        for method, operation in one.items():
            assert operation.get("description") or operation.get("summary"), (method, path)


@pytest.mark.parametrize("role", ["anyone", *ROLES])
def test_no_request_makes_the_server_fail(app: ReviewApp, role: str) -> None:
    store = app.api.state.desk.store
    headers, cookies = {}, {}
    if role in ROLES:
        headers["Authorization"] = f"Bearer {store.new_token(ROLES[role])}"
    else:
        browser = client(app)
        headers["X-CSRF-Token"] = csrf(browser)
        cookies = dict(browser.cookies)
    schema = schemathesis.openapi.from_dict(_narrowed(app.api.openapi()))
    schema.app = app
    for found in schema.get_all_operations():
        _try(found.ok(), headers, cookies)


def _narrowed(description: dict[str, Any]) -> dict[str, Any]:
    """The same description with names and numbers that there mostly are, so that requests get far."""
    narrowed = copy.deepcopy(description)
    for path in narrowed["paths"].values():
        for operation in path.values():
            for one in operation.get("parameters", ()):
                if one["name"] == "number":
                    one["schema"] |= {"maximum": 33}
                if one["name"] == "worklist":
                    one["schema"] = {"enum": ["possible", "audit", "none"]}
    for one in narrowed["components"]["schemas"].values():
        properties = one.get("properties", {})
        if "source" in properties:
            properties["source"] = {"enum": ["census", "survey", "none"]}
            properties["id"] = {"enum": ["c0020", "s0003", "none"]}
        if "words" in properties:
            properties["words"]["propertyNames"] = {"enum": ["", "given", "phone", "none"]}
    return narrowed


def _try(operation: Any, headers: dict[str, str], cookies: dict[str, str]) -> None:
    @settings(max_examples=4, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
    @given(case=operation.as_strategy())
    def run(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=headers, cookies=cookies, checks=CHECKED)

    run()
