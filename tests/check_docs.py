"""Run the examples of the documentation: ``python tests/check_docs.py [PAGE ...]``.

Every block fenced as ``python`` is run, one namespace a page, in an empty folder; a block with
``>>>`` lines is run as a doctest. Every ``toml`` block must parse. A block fenced as
``{.python .no-run}`` is shown only: it is another tool's code, or needs data that the reader has.
"""

from __future__ import annotations

import contextlib
import doctest
import os
import re
import sys
import tempfile
import tomllib
import traceback
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>python|toml)\b[^\n]*\n(?P<code>.*?)^(?P=indent)```", re.M | re.S
)


def run_block(language: str, code: str, page: str, line: int, namespace: dict[str, Any]) -> None:
    """Run one block, so placed that a traceback shows the lines of the page."""
    if language == "toml":
        tomllib.loads(code)
    elif ">>> " in code:
        test = doctest.DocTestParser().get_doctest(code, namespace, page, page, line)
        options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
        doctest.DebugRunner(optionflags=options).run(test, clear_globs=False)
        namespace.update(test.globs)
    else:
        exec(compile("\n" * line + code, page, "exec"), namespace)


def describe(error: Exception) -> str:
    """Say what went wrong as the reader of the page would see it."""
    if isinstance(error, doctest.DocTestFailure):
        return f"expected {error.example.want!r}, got {error.got!r}"
    if isinstance(error, doctest.UnexpectedException):
        error = error.exc_info[1]  # type: ignore[assignment]
    return "".join(traceback.format_exception(error))


def check_page(path: Path) -> tuple[int, list[str]]:
    """Run the blocks of a page and return their number and what failed (the first failure ends the page)."""
    text = path.read_text(encoding="utf-8")
    page = os.path.relpath(path, PROJECT)
    namespace: dict[str, Any] = {"__name__": "__docs__"}
    done = 0
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for block in FENCE.finditer(text):
            line = text.count("\n", 0, block.start("code"))
            code = re.sub(rf"(?m)^{block['indent']}", "", block["code"])
            try:
                run_block(block["language"], code, page, line, namespace)
            except Exception as error:
                return done, [f"{page}:{line + 1}: {block['language']} example failed\n{describe(error)}"]
            done += 1
    return done, []


def main(arguments: list[str]) -> int:
    """Check the given pages, by default the README and all pages under docs/."""
    pages = [Path(name).resolve() for name in arguments]
    pages = pages or [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
    done, faults = 0, []
    for page in pages:
        number, found = check_page(page)
        done += number
        faults += found
    print(*faults, sep="\n", end="\n" if faults else "")
    print(f"documentation: {done} examples ran on {len(pages)} pages, {len(faults)} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
