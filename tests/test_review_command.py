"""The command ``tallystick review``: what it fills, says and refuses, and how it is served."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tallystick.errors import InputError
from tallystick.linkage.reviews.store import open_store
from tallystick.review.security import refused
from tallystick.review.serve import check_certificate, listen, warning_about
from tallystick.review.settings import Settings
from tallystick.review.tasks import POSSIBLE
from tests.small_files import SPEC, call, outcome, process_environment, write_small

DOUBTFUL = SPEC.replace("one_to_one = true", "one_to_one = true\nupper = 0.9\nlower = 0.001")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("review")
    assert call("link", write_small(folder, DOUBTFUL, 150), "--out", folder / "out").exit_code == 0
    return folder / "out"


@pytest.fixture
def run(made: Path) -> Iterator[Path]:
    yield made
    for path in made.glob("review.sqlite*"):
        path.unlink()


@contextmanager
def running(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The command in a process of its own, and what it said until it was ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tallystick", "review", *map(str, arguments), "--no-browser", "--port", "0"],
        env=process_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines: list[str] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if "Ctrl-C stops" in line:
                break
        yield process, lines
    finally:
        process.kill()
        process.wait()


def address(lines: list[str]) -> str:
    found = re.match(r"(https?://\S+/)", lines[-1])
    assert found is not None, lines
    return found[1]


def test_it_fills_serves_and_stops_with_a_sentence(run: Path) -> None:
    with running(run, "--reviewer", "ann", "--column", "zip", "--access-log") as (process, lines):
        assert re.match(r"possible: 0 of \d+ judged", lines[0])
        assert str(run / "review.sqlite") in lines[1]
        assert "you work as ann" in lines[2]
        with httpx.Client(base_url=address(lines)) as browser:
            token = re.search(r'name="csrf" content="(\w+)"', browser.get("/").text)
            assert token is not None
            headers = {"X-CSRF-Token": token[1]}
            answer = browser.post("/api/worklists/possible/next", json={"page": True}, headers=headers).json()
            assert [row["field"] for row in answer["case"]["rows"]] == ["given", "surname", "born", "zip"]
            assert answer["case"]["reason"]
            number = answer["task"]["number"]
            made = browser.post(f"/api/tasks/{number}/decide", json={"verdict": "link"}, headers=headers)
            assert made.status_code == 200
        os.kill(process.pid, signal.SIGINT)
        out, errors = process.communicate(timeout=60)
        assert process.returncode == 0
        assert out.startswith("Stopped. 1 decision stands in")
        assert re.search(r"^\S+ 127.0.0.1 POST /api/tasks/\{number\}/decide 200 \d+ ms$", errors, re.M)
    with open_store(run) as store:
        assert [one.reviewer for one in store.decisions()] == ["ann"]
        assert store.worklists()[0].name == POSSIBLE


def test_double_review_is_a_share_of_the_tasks(run: Path) -> None:
    ended = ("--worklist", "none", "--no-browser")  # which is noticed once the tasks are there
    assert outcome("review", run, "--double", "0.5", *ended)[0] == 2
    with open_store(run) as store:
        (worklist,) = store.worklists()
        wanted = [row.wanted for row in store.tasks(POSSIBLE, most=1000)]
    assert worklist.reviews == 2
    assert wanted.count(2) == round(len(wanted) / 2)
    status, said = outcome("review", run, *ended)  # goes on without saying it again
    assert status == 2
    assert "there is none of this name" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--host", "0.0.0.0"), "there have to be reviewers, and there are none yet"),
        (("--login",), "tallystick reviewers add"),
        (("--host", "0.0.0.0", "--reviewer", "ann"), "here reviewers sign in"),
        (("--host", "203.0.113.77"), "--host 203.0.113.77 --port 0: "),
        (("--host", "no such host"), "no such address"),
        (("--worklist", "other"), "there is none of this name; there are: possible"),
        (("--column", "income"), "No source has a field or column 'income'"),
        (("--column", "person"), "person"),
        (("--tls-cert", "cert.pem"), "--tls-cert and --tls-key belong together"),
        (("--tls-cert", "cert.pem", "--tls-key", "key.pem"), "cert.pem: there is no such file"),
        (("--double", "0.5", "--store", "/nowhere/review.sqlite"), "/nowhere"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(run: Path, arguments: tuple[str, ...], sentence: str) -> None:
    status, said = outcome("review", run, "--no-browser", "--port", "0", *arguments)
    assert status == 2, said
    assert sentence in said
    assert "Traceback" not in said


def test_a_folder_that_is_no_run_and_a_port_in_use(run: Path, tmp_path: Path) -> None:
    status, said = outcome("review", tmp_path, "--no-browser", "--port", "0")
    assert status == 2, said
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(InputError, match="in use: choose another with --port"):
            listen("127.0.0.1", other.getsockname()[1])


def test_a_model_that_has_changed_since_the_review_began(run: Path, made: Path) -> None:
    with open_store(run):
        pass
    text = (made / "model.json").read_text()
    (made / "model.json").write_text(text + "\n")
    try:
        status, said = outcome("review", run, "--no-browser", "--port", "0")
    finally:
        (made / "model.json").write_text(text)
    assert status == 2
    assert "model" in said


def test_it_is_served_over_tls(run: Path, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine, which makes the certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    with running(run, "--tls-cert", certificate, "--tls-key", key) as (_, lines):
        assert address(lines).startswith("https://127.0.0.1:")
        context = ssl.create_default_context(cafile=str(certificate))
        with httpx.Client(base_url=address(lines), verify=context) as browser:
            answer = browser.get("/")
            assert answer.status_code == 200
            assert answer.headers["set-cookie"].startswith("__Host-")
            assert "Secure" in answer.headers["set-cookie"]
    other = tmp_path / "other.pem"
    other.write_text("no key")
    with pytest.raises(InputError, match="no certificate and key"):
        check_certificate(certificate, other)


def test_an_address_without_tls_is_warned_of() -> None:
    assert "unencrypted" in (warning_about("0.0.0.0", False) or "")
    assert warning_about("0.0.0.0", True) is None
    assert warning_about("::1", False) is None


@pytest.mark.parametrize(
    ("settings", "host", "served"),
    [
        (Settings("ann"), "127.0.0.1:8765", True),
        (Settings("ann", host="::1"), "[::1]:8765", True),
        (Settings("ann", host="127.0.0.2"), "127.0.0.2:8765", True),
        (Settings("ann"), "127.0.0.2:8765", False),
        (Settings("ann"), "LOCALHOST", True),
        (Settings("ann"), "rebound.example:8765", False),
        (Settings("ann"), "127.0.0.1.evil.example", False),
        (Settings(None, host="0.0.0.0"), "office.example:8765", True),
        (Settings(None, host="0.0.0.0", names=("office.example",)), "office.example:8765", True),
        (Settings(None, host="0.0.0.0", names=("office.example",)), "other.example", False),
    ],
)
def test_names_by_which_a_server_is_asked_for(settings: Settings, host: str, served: bool) -> None:
    assert (refused("GET", {"host": host}, settings) is None) == served


def test_addresses_as_they_are_said() -> None:
    assert Settings("ann", host="::1").address == "http://[::1]:8765/"
    assert Settings(None, host="0.0.0.0", names=("office.example",), secure=True, port=443).address == (
        "https://office.example:443/"
    )
    assert Settings(None, names=("office.example",), secure=True, behind_proxy=True).address == (
        "https://office.example/"
    )


def test_a_mask_that_hides_nothing_is_refused(run: Path) -> None:
    """Of a column that is there, but not shown now, a mask does no harm."""
    assert call("reviewers", "add", run, "ann", "--no-password", "--mask", "zip").exit_code == 0
    with open_store(run) as store:
        store.set_masked("ann", ["zpi"])
    status, text = outcome("review", run, "--reviewer", "ann", "--no-browser", "--port", 0)
    assert status == 2
    assert "ann: there is no field 'zpi' to mask (did you mean 'zip'?)" in text
    assert f"tallystick reviewers change {run} ann" in text
