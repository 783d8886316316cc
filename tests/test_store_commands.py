"""``tallystick reviewers`` and ``tallystick decisions`` on a run's directory."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from postgres import PASSWORD, Server
from review_stores import pair
from small_files import outcome, process_environment
from sqlalchemy import text
from typer.testing import CliRunner

from tallystick.cli import app
from tallystick.linkage.folder import RUN_FORMAT
from tallystick.linkage.reviews.store import open_store

SPEC = {
    "comparisons": [
        {"field": name, "comparator": {"type": "exact"}} for name in ("given", "born", "zip", "sex")
    ],
    "passes": [{"type": "blocking_key", "parts": ["born"]}],
    "sources": [],
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of a run with what the store asks for: no sources, no links."""
    monkeypatch.delenv("TALLYSTICK_STORE", raising=False)
    folder = tmp_path / "run"
    folder.mkdir()
    facts = {"format": RUN_FORMAT, "fingerprint": "f" * 64, "spec": SPEC, "inputs": []}
    (folder / "run.json").write_text(json.dumps(facts))
    (folder / "model.json").write_text("{}")
    return folder


def ok(*arguments: object) -> str:
    status, output = outcome(*arguments)
    assert status == 0, output
    return output


def refused(*arguments: object) -> str:
    status, output = outcome(*arguments)
    assert status == 2, output
    assert output.count("\n") == 1, output
    return output


def test_reviewers(run: Path, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("long enough\nand a second line\n")
    assert "nothing has been decided yet" in refused("reviewers", "list", run)
    added = ok("reviewers", "add", run, "ann", "--mask", "born", "--mask", "zip", "--password-file", secret)
    assert "added ann: reviewer; not shown: born, zip" in added
    assert "added bea: administrator; no password" in ok(
        "reviewers", "add", run, "bea", "--role", "administrator", "--no-password"
    )
    with open_store(run) as store:
        assert store.check_password("ann", "long enough") is not None
    changed = ok("reviewers", "change", run, "ann", "--role", "adjudicator", "--no-masks")
    assert changed.endswith("ann: adjudicator\n")
    secret.write_text("another one")
    ok("reviewers", "change", run, "ann", "--password-file", secret, "--mask", "sex")
    assert ok("reviewers", "list", run) == (
        "ann: adjudicator; not shown: sex\nbea: administrator; no password\n"
    )
    token = ok("reviewers", "token", run, "bea", "--days", "3").strip()
    with open_store(run) as store:
        assert store.check_password("ann", "another one") is not None
        found = store.check_token(token)
        assert found is not None
        assert found.name == "bea"
    assert "1 tokens of bea are void" in ok("reviewers", "token", run, "bea", "--revoke")
    assert ok("reviewers", "deactivate", run, "ann").endswith(
        "ann: adjudicator; not shown: sex; not active\n"
    )
    assert "not active" not in ok("reviewers", "change", run, "ann", "--activate")


def test_masks_of_columns(run: Path) -> None:
    """A column behind a field is shown under the field's name: a mask of the column would hide nothing."""
    file = run / "a.csv"
    file.write_text("id,given,dob,zip,sex,tel,note\n1,a,b,c,d,e,f\n")
    facts = json.loads((run / "run.json").read_text())
    source = {"name": "a", "path": str(file), "id": "id", "columns": {"born": "dob", "phone": "tel"}}
    facts["spec"]["sources"], facts["inputs"] = [source], [{"name": "a"}]
    (run / "run.json").write_text(json.dumps(facts))
    ok("reviewers", "add", run, "ann", "--no-password", "--mask", "note", "--mask", "phone", "--mask", "tel")
    assert "the fields are given, born, zip, sex, phone, tel, note." in refused(
        "reviewers", "change", run, "ann", "--mask", "dob"
    )
    file.unlink()
    assert "the fields are given, born, zip, sex." in refused(
        "reviewers", "change", run, "ann", "--mask", "x"
    )


def test_a_password_is_piped_in(run: Path) -> None:
    assert "no terminal to ask for the password on" in refused("reviewers", "add", run, "ann")
    given = ["reviewers", "add", str(run), "ann", "--password-file", "-"]
    result = CliRunner().invoke(app, given, input="piped in here\n", catch_exceptions=False)
    assert result.exit_code == 0
    with open_store(run) as store:
        assert store.check_password("ann", "piped in here") is not None


def test_a_password_is_typed_and_not_shown(run: Path) -> None:
    command = [sys.executable, "-m", "tallystick", "reviewers", "add", str(run), "ann"]
    environment = process_environment()
    process, terminal = pty.fork()
    if process == 0:
        os.execve(command[0], command, environment)
    shown = b""
    for prompt in (1, 2):
        while shown.count(b": ") < prompt:
            shown += os.read(terminal, 1000)
        os.write(terminal, b"typed in here\n")
    while True:
        try:
            some = os.read(terminal, 1000)
        except OSError:  # how Linux says that the other end is closed
            break
        if not some:
            break
        shown += some
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    assert b"typed in here" not in shown
    assert b"Password of ann" in shown
    with open_store(run) as store:
        with store._database.reading() as connection:
            kept = connection.execute(text("select password from reviewers")).scalar_one()
        # RFC 9106, section 4, the second choice: 64 MiB, three times, four lanes.
        assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
        # Hashed as users do it, which tests in this process do not; the quicker one takes its place.
        assert store.check_password("ann", "typed in here") is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "RUN", "ann", "--no-password"], "there is a reviewer 'ann' already"),
        (["add", "RUN", "cem", "--no-password", "--role", "boss"], "the role is 'boss'"),
        (["add", "RUN", "cem", "--password-file", "gone"], "gone: there is no such file"),
        (["add", "RUN", "cem", "--password-file", "gone", "--no-password"], "exclude each other"),
        (["add", "RUN", "cem", "--mask", "bron"], "no field 'bron' to mask (did you mean 'born'?)"),
        (["change", "RUN", "ann", "--mask", "bron"], "no field 'bron' to mask (did you mean 'born'?)"),
        (["change", "RUN", "ann"], "nothing to change"),
        (["change", "RUN", "ann", "--mask", "a", "--no-masks"], "exclude each other"),
        (["change", "RUN", "cem", "--activate"], "no reviewer 'cem'; there are: ann"),
        (["deactivate", "RUN", "cem"], "no reviewer 'cem'"),
        (["token", "RUN", "cem"], "no reviewer 'cem'"),
        (["list", "NOWHERE"], "there is no run.json"),
    ],
)
def test_reviewers_refuse(run: Path, arguments: list[str], message: str) -> None:
    ok("reviewers", "add", run, "ann", "--no-password")
    given = [str(run) if one == "RUN" else one for one in arguments]
    assert message in refused("reviewers", *given)


def worked(run: Path) -> None:
    with open_store(run) as store:
        store.fill("possible", [pair(k) for k in range(12)], reviews=2)
        for name, verdict in (("ann", "link"), ("bea", "non-link")):
            for k in range(10):
                row = store.next("possible", name, order="plan")
                assert row is not None
                store.decide(row.number, name, "link" if k % 3 else verdict, seen={"x": "Smith"})  # type: ignore[arg-type]
        store.fill("audit", [pair(1)])


def test_decisions(run: Path, tmp_path: Path) -> None:
    assert "nothing has been decided yet" in refused("decisions", "list", run)
    worked(run)
    text = ok("decisions", "list", run)
    assert "possible: 12 tasks, 6 judged (0 of them unsure), 4 in disagreement, 2 open" in text
    assert "  ann: 10 decisions\n  bea: 10 decisions\n" in text
    assert "agreement: 60.0% of 10 tasks judged alike, kappa 0.00" in text
    assert "audit: 1 tasks, 0 judged" in text
    found = json.loads(ok("decisions", "list", run, "--json", "--worklist", "possible"))
    assert found["worklists"][0]["agreement"]["overall"]["observed"] == 0.6
    assert found["worklists"][0]["progress"]["open"] == 2
    assert "no worklist 'x'" in refused("decisions", "list", run, "--worklist", "x")
    file = tmp_path / "d.csv"
    assert "d.csv: 20 rows" in ok("decisions", "export", run, file)
    assert "exists" in refused("decisions", "export", run, file)
    assert "Smith" not in file.read_text()
    assert "23 rows" in ok("decisions", "export", run, file, "--force", "--seen", "--open")
    assert "Smith" in file.read_text()
    text = ok("decisions", "import", run, file, "--reviewer", "dan")
    assert text == f"{file}: 0 decisions added; 20 were there already; 3 rows have no verdict\n"
    frame = pl.read_csv(file, infer_schema=False).filter(pl.col("worklist") == "audit")
    frame.with_columns(verdict=pl.lit("unsure")).write_csv(file)
    assert "1 decisions added" in ok("decisions", "import", run, file)
    frame.with_columns(verdict=pl.lit("link")).write_csv(file)
    assert "row 1" in refused("decisions", "import", run, file)


def test_a_run_that_is_not_the_stores(run: Path) -> None:
    worked(run)
    (run / "model.json").write_text("{ }")
    assert "made with another model" in refused("decisions", "list", run)
    (run / "model.json").unlink()
    assert "model.json: there is no such file" in refused("decisions", "list", run)
    (run / "run.json").unlink()
    assert "no directory of a run" in refused("decisions", "list", run)


def test_another_store(run: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgres.new_database()
    shown = ok("reviewers", "add", run, "ann", "--no-password", "--store", url)
    assert PASSWORD not in shown
    assert not (run / "review.sqlite").exists()
    monkeypatch.setenv("TALLYSTICK_STORE", url)
    assert ok("reviewers", "list", run) == "ann: reviewer; no password\n"
    monkeypatch.setenv("TALLYSTICK_STORE", postgres.uri(password="wrong"))
    assert "the user or the password is wrong" in refused("reviewers", "list", run)


def test_without_the_library_it_is_said_what_to_install(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "decisions.csv"
    file.write_text("verdict\n")
    commands = [["list", run], ["import", run, file], ["export", run, tmp_path / "d.csv", "--values"]]
    code = """
import json, sys
sys.modules["sqlalchemy"] = None
from typer.testing import CliRunner
from tallystick.cli import app
for command in json.loads(sys.argv[1]):
    print(CliRunner().invoke(app, ["decisions", *command]).output.strip())
"""
    given = json.dumps([list(map(str, command)) for command in commands])
    done = subprocess.run([sys.executable, "-c", code, given], capture_output=True, text=True, check=True)
    said = [line for line in done.stdout.splitlines() if "needs the library sqlalchemy" in line]
    assert len(said) == len(commands), done.stdout


def test_help_loads_no_database() -> None:
    code = "import sys, tallystick.cli; print('sqlalchemy' in sys.modules, 'argon2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
