"""Files that are complete or not there, and caches that cannot be written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tallystick._compile import kernel_cache_dir
from tallystick._files import complete_file, temporary_name, write_json, write_text
from tallystick.errors import RunError
from tests.small_files import SPEC, call, command, hashes, process_environment, write_small

COMPILING = (
    "tallystick is compiling for this machine: this takes some seconds, once; later runs start at once.\n"
)
JARO = '{ type = "jaro_winkler", thresholds = [0.9, 0.8] }'
KERNEL = """
import numpy as np
from tallystick.comparisons.kernels_exact import exact_levels
codes, keys, out = np.array([0, 1, 1], np.int32), np.array([0, 5], np.int32), np.zeros(3, np.uint8)
exact_levels(codes, codes, keys, keys, out)
print(out.tolist())
"""
ANOTHER_KERNEL = """
from tallystick.comparisons.kernels_levels import equality_levels
equality_levels(keys, keys, codes, codes, out)
"""


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with complete_file(path) as file:
        file.write(b"half")
        assert not path.exists()
        assert [one.name for one in tmp_path.iterdir()] == [temporary_name("a.txt", os.getpid())]
    assert path.read_bytes() == b"half"
    write_text(path, "ä")
    assert path.read_bytes() == "ä".encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError, OSError(28, "No space left on device")])
def test_a_failure_leaves_the_old_file(tmp_path: Path, failure: BaseException) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    expected = RunError if isinstance(failure, OSError) else failure

    def write() -> None:
        with complete_file(path) as file:
            file.write(b"new")
            raise failure

    with pytest.raises(expected):  # type: ignore[arg-type]
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_what_the_system_refuses_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    path = tmp_path / "a.txt"
    with pytest.raises(RunError, match=r"a\.txt: .*\(No space left on device\); make room"):
        write_text(path, "text")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_absent(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="No such file or directory"):
        write_text(tmp_path / "absent" / "a.txt", "text")


def test_json_is_plain(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"weight": float("nan")})
    assert list(tmp_path.iterdir()) == []
    write_json(tmp_path / "a.json", {"name": "Zoë"})
    assert (tmp_path / "a.json").read_text("utf-8") == '{\n "name": "Zoë"\n}\n'


def kernel_with_cache(cache: Path, code: str = KERNEL) -> tuple[str, str]:
    """Output, and what is said beside it, of code that uses a kernel."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=process_environment() | {"TALLYSTICK_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


def compiled_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.nbc") if path.stat().st_size]


def test_a_kernel_is_kept_and_compiling_is_said_once(tmp_path: Path) -> None:
    both = KERNEL + ANOTHER_KERNEL
    assert kernel_with_cache(tmp_path, both) == ("[2, 1, 1]", COMPILING)
    assert len(compiled_files(tmp_path)) == 2
    assert kernel_with_cache(tmp_path, both) == ("[2, 1, 1]", "")


def test_what_is_said_of_compiling_can_be_turned_off(tmp_path: Path) -> None:
    off = "import logging\nlogging.getLogger('tallystick').setLevel(logging.ERROR)\n"
    assert kernel_with_cache(tmp_path, off + KERNEL) == ("[2, 1, 1]", "")


def test_a_cache_that_cannot_be_written_costs_no_run(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    beside_the_code = {
        path for path in Path(__file__).parent.parent.joinpath("src").rglob("*.nb?") if path.is_file()
    }
    for _ in range(2):
        output, said = kernel_with_cache(blocked, KERNEL + ANOTHER_KERNEL)
        assert output == "[2, 1, 1]"
        assert said.count("\n") == 1
        assert f"will in every run, since the folder {blocked / 'kernels'}" in said
        assert "set TALLYSTICK_CACHE" in said
    # Numba's own choice, beside the code, would miss a change in a helper.
    now = {path for path in Path(__file__).parent.parent.joinpath("src").rglob("*.nb?") if path.is_file()}
    assert now == beside_the_code


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs: Linux only")
def test_a_full_cache_costs_no_run(tmp_path: Path) -> None:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("a small tmpfs cannot be mounted here (needs root); CI mounts it")
    try:
        output, said = kernel_with_cache(tmp_path / "cache", KERNEL + ANOTHER_KERNEL)
        assert output == "[2, 1, 1]"
        first, second = said.splitlines(keepends=True)
        assert first == COMPILING
        assert f"cannot be kept in {tmp_path / 'cache' / 'kernels'}" in second
        assert "(No space left on device), so every run compiles again" in second
        assert compiled_files(tmp_path) == []
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_first_run_says_that_it_compiles_and_a_second_says_nothing(tmp_path: Path) -> None:
    spec = write_small(tmp_path, SPEC.replace(JARO, '{ type = "exact" }'))
    assert call("link", spec, "--out", tmp_path / "known").exit_code == 0
    # What that compiled or found; a few kernels are taken away, as all of them take long.
    kept = tmp_path / "cache" / "kernels" / kernel_cache_dir().name
    for path in kernel_cache_dir().rglob("*.nb[ci]"):
        (kept / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, kept / path.parent.name / path.name)

    def take_away() -> set[Path]:
        taken = {path for path in compiled_files(kept) if path.name.startswith("kernels_levels.")}
        for path in taken:
            path.unlink()
        return taken

    assert take_away()
    first = command("link", spec, "--out", tmp_path / "first", TALLYSTICK_CACHE=str(tmp_path / "cache"))
    assert first.returncode == 0, first.stderr
    assert first.stderr.count(COMPILING) == 1
    assert "compil" not in first.stdout
    second = command("link", spec, "--out", tmp_path / "second", TALLYSTICK_CACHE=str(tmp_path / "cache"))
    assert (second.returncode, "compil" in second.stdout + second.stderr) == (0, False)
    again = take_away()
    assert len(again) > 1
    quiet = command(
        "link", spec, "--out", tmp_path / "quiet", "--quiet", TALLYSTICK_CACHE=str(tmp_path / "cache")
    )
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    assert again <= set(compiled_files(kept))
    runs = [hashes(tmp_path / name) for name in ("known", "first", "second", "quiet")]
    assert all(one == runs[0] for one in runs)
