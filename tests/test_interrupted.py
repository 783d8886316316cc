"""Runs that are killed or find the disk full, at every step, and are called again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tallystick.linkage.folder import OUTPUTS, WORK
from tests.interrupt import DIED
from tests.small_files import DATA_FILES, PROJECT, SPEC, hash_of, hashes, process_environment, write_small

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the tests fork and mount: Linux only")
NOT_MOUNTED = "a small tmpfs cannot be mounted here (needs root); CI mounts it"


@dataclass
class Driver:
    """The process of `interrupt.py`, and what an uninterrupted run gives."""

    process: subprocess.Popen[str]
    spec: Path
    expected: dict[str, str]

    def call(self, *arguments: object, die_at: int | None = None, tear: bool = False) -> dict[str, Any]:
        return self.ask(arguments=[str(one) for one in arguments], die_at=die_at, tear=tear)

    def link(self, out: Path, *options: str, **case: Any) -> dict[str, Any]:
        return self.call("link", self.spec, "--out", out, "--quiet", *options, **case)

    def ask(self, **case: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    folder = tmp_path_factory.mktemp("interrupted")
    spec = write_small(folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.interrupt"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env=process_environment(),
    )
    one = Driver(process, spec, {})
    assert one.ask(arguments=["link", str(spec), "--out", str(folder / "whole")])["ready"]
    one.expected = hashes(folder / "whole")
    yield one
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(30) == 0


def whole_or_absent(out: Path, expected: dict[str, str]) -> None:
    """Every file that stands under its name is complete."""
    for name in DATA_FILES:
        if (out / name).exists():
            assert hash_of(out / name) == expected[name], f"{name} is not what it should be"
    if (out / "report.html").exists():
        assert (out / "report.html").read_text("utf-8").rstrip().endswith("</html>")
    if (out / "run.json").exists():
        assert json.loads((out / "run.json").read_text("utf-8"))["counts"]["links"] > 0


def is_complete(out: Path) -> bool:
    return (out / "run.json").exists() and not (out / WORK).exists()


def finished(out: Path, expected: dict[str, str]) -> None:
    """The run is there as if nothing had happened, and nothing else is."""
    assert hashes(out) == expected
    assert sorted(path.name for path in out.iterdir()) == sorted(OUTPUTS)
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    assert out.stat().st_mode & 0o777 == 0o700
    whole_or_absent(out, expected)


def killed_and_rerun(driver: Driver, out: Path, *options: str, **case: Any) -> None:
    died = driver.link(out, *options, **case)
    assert died["status"] == DIED, died
    if not options:
        whole_or_absent(out, driver.expected)
    if is_complete(out):
        assert {path.name for path in out.iterdir()} >= set(OUTPUTS)
    if options or not is_complete(out):
        again = driver.link(out, *options)
        assert again["status"] == 0, (case, again["text"])
    finished(out, driver.expected)
    shutil.rmtree(out.parent)


@pytest.mark.parametrize("apart", [5, pytest.param(1, marks=pytest.mark.long)])
def test_killed_at_every_step(driver: Driver, tmp_path: Path, apart: int) -> None:
    out = tmp_path / "count" / "out"
    out.parent.mkdir()
    steps = driver.link(out)["steps"]
    finished(out, driver.expected)
    # Eleven files are written, the folder appears in one step, and is tidied up.
    assert len([step for step in steps if "after replace" in step]) == 3 + len(OUTPUTS)
    # Steps of a file come by twos and fours, so that a fifth of them is each kind of step of some file.
    for number in range(1, len(steps) + 1, apart):
        case = tmp_path / str(number)
        case.mkdir()
        killed_and_rerun(driver, case / "out", die_at=number)


@pytest.mark.parametrize("apart", [2, pytest.param(1, marks=pytest.mark.long)])
def test_killed_in_the_middle_of_every_file(driver: Driver, tmp_path: Path, apart: int) -> None:
    steps = driver.link(tmp_path / "out")["steps"]
    writing = [
        number
        for number, step in enumerate(steps, start=1)
        if "before fsync" in step and "before replace" in "".join(steps[number : number + 1])
    ]
    assert len(writing) == 3 + len(OUTPUTS)
    for number in writing[::apart]:
        case = tmp_path / str(number)
        case.mkdir()
        killed_and_rerun(driver, case / "out", die_at=number, tear=True)


@pytest.mark.parametrize("apart", [3, pytest.param(1, marks=pytest.mark.long)])
def test_killed_while_it_replaces_another_run(driver: Driver, tmp_path: Path, apart: int) -> None:
    other = driver.spec.with_name("other.toml")
    other.write_text(SPEC.replace("one_to_one = true", "one_to_one = false"), "utf-8")
    old = tmp_path / "old" / "out"
    old.parent.mkdir()
    assert driver.call("link", other, "--out", old)["status"] == 0
    assert hashes(old) != driver.expected
    copied = tmp_path / "count"
    shutil.copytree(old.parent, copied)
    steps = driver.link(copied / "out", "--force")["steps"]
    finished(copied / "out", driver.expected)
    opened = next(number for number, step in enumerate(steps) if "counts.parquet" in step)
    assert opened > 2 * len(OUTPUTS)
    assert opened % apart, "the last step is one of them"
    for number in range(opened % apart, opened + 1, apart):
        case = tmp_path / str(number)
        shutil.copytree(old.parent, case)
        killed_and_rerun(driver, case / "out", "--force", die_at=number)


def test_an_unfinished_run_is_not_mixed_with_another(driver: Driver, tmp_path: Path) -> None:
    out = tmp_path / "case" / "out"
    out.parent.mkdir()
    steps = driver.link(tmp_path / "whole")["steps"]
    at = next(number for number, step in enumerate(steps, 1) if "before replace" in step and "review" in step)
    assert driver.link(out, die_at=at)["status"] == DIED
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    other = driver.spec.with_name("seeded.toml")
    other.write_text(SPEC.replace('name = "small"', 'name = "small"\nseed = 8'), "utf-8")
    refused = driver.call("link", other, "--out", out)
    assert refused["status"] == 2
    assert "unfinished run of another specification" in refused["text"]
    assert "--force" in refused["text"]
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    for command in (["export", out, "-o", tmp_path / "x.csv"], ["evaluate", out, "--truth", "person"]):
        early = driver.call(*command)
        assert early["status"] == 2
        assert "not complete" in early["text"]
    links = (out / "links.parquet").stat().st_ino
    assert driver.link(out)["status"] == 0
    assert (out / "links.parquet").stat().st_ino == links, "what was complete was written again"
    finished(out, driver.expected)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of one page; `grow` makes room."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(NOT_MOUNTED)
    yield place
    subprocess.run(["umount", str(place)], check=True)


def resize(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def test_full_disk(driver: Driver, disk: Path) -> None:
    """Pages of 4 kB: each size lets more files through than the one before."""
    seen = set()
    for pages in (1, 4, 8, 9, 10, 12, 13, 24, 200):
        resize(disk, f"{4 * pages}k")
        out = disk / "out"
        full = driver.link(out)
        assert full["status"] == 1, full
        assert full["text"].count("\n") == 1, full["text"]
        assert "(No space left on device)" in full["text"]
        assert "make room" in full["text"]
        written = full["text"].split(":")[1].strip()
        seen.add(Path(written).name)
        assert not [path for path in disk.rglob("*") if path.name.endswith((".tmp", ".new"))]
        whole_or_absent(out, driver.expected)
        resize(disk, "8m")
        assert driver.link(out)["status"] == 0
        finished(out, driver.expected)
        shutil.rmtree(out)
    # The sizes are there to fail at different stages.
    assert {"counts.parquet", "links.parquet", "review.parquet", "report.html"} <= seen, seen


def test_full_disk_for_an_export(driver: Driver, disk: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert driver.link(run)["status"] == 0
    for suffix in ("csv", "parquet"):
        (disk / "filler").write_bytes(bytes(4096))
        full = driver.call("export", run, "--out", disk / f"linked.{suffix}")
        assert full["status"] == 1
        assert "No space left on device" in full["text"]
        assert [path.name for path in disk.iterdir()] == ["filler"]
        (disk / "filler").unlink()
        resize(disk, "1m")
        assert driver.call("export", run, "--out", disk / f"linked.{suffix}")["status"] == 0
        (disk / f"linked.{suffix}").unlink()
        resize(disk, "4k")
