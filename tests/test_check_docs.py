"""The runner of the documentation's examples sees what is wrong with a page."""

from __future__ import annotations

from pathlib import Path

import check_docs
import pytest


def page(folder: Path, *blocks: tuple[str, str]) -> Path:
    path = folder / "page.md"
    path.write_text("# Page\n" + "".join(f"\nText.\n\n```{fence}\n{code}\n```\n" for fence, code in blocks))
    return path


def test_blocks_share_the_names_of_their_page(tmp_path: Path) -> None:
    path = page(
        tmp_path, ("python", "x = 1"), ("python", ">>> x + 1\n2\n>>> y = 5"), ("python", "assert y == 5")
    )
    assert check_docs.check_page(path) == (3, [])


def test_an_indented_block_runs(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("=== tab\n\n    ```python\n    if True:\n        x = 1\n    ```\n")
    assert check_docs.check_page(path) == (1, [])


def test_blocks_run_in_a_folder_of_their_own(tmp_path: Path) -> None:
    path = page(tmp_path, ("python", "open('left-over.txt', 'w').close()"))
    assert check_docs.check_page(path) == (1, [])
    assert not Path("left-over.txt").exists()


def test_a_block_not_to_run_is_not_run(tmp_path: Path) -> None:
    assert check_docs.check_page(page(tmp_path, ("{.python .no-run}", "1 / 0"), ("sh", "false"))) == (0, [])


@pytest.mark.parametrize(
    ("fence", "code", "message"),
    [
        ("python", "x = 1\n1 / 0", "ZeroDivisionError"),
        ("python", "x = (", "SyntaxError"),
        ("python", ">>> 1 + 1\n3", "expected '3\\n', got '2\\n'"),
        ("python", ">>> 1 / 0\n3", "ZeroDivisionError"),
        ("toml", "a = ", "TOMLDecodeError"),
    ],
)
def test_a_wrong_example_is_named(tmp_path: Path, fence: str, code: str, message: str) -> None:
    path = page(tmp_path, (fence, code), ("python", "never = True"))
    done, faults = check_docs.check_page(path)
    assert done == 0
    assert len(faults) == 1
    assert "page.md:6:" in faults[0]
    assert message in faults[0]
    assert check_docs.main([str(path)]) == 1


def test_a_traceback_names_the_line_of_the_page(tmp_path: Path) -> None:
    _, faults = check_docs.check_page(page(tmp_path, ("python", "x = 1\n1 / 0")))
    assert 'page.md", line 7' in faults[0]
