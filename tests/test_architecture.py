"""The architecture, read from the imports themselves: who may import whom, and where kernels stand."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "tallystick"

# A package may import only packages to its left.
PACKAGES = (
    "preparation",
    "records",
    "comparisons",
    "blocking",
    "patterns",
    "estimation",
    "linking",
    "review",
    "quality",
    "analysis",
)
# On top of all; each a module or a package.
ORCHESTRATION = ("spec", "starter", "linkage", "cli")
# Beside all: it imports base modules only, and no package is built on it.
APART = ("datasets",)


def _layer(part: str) -> int:
    """Rank of a first-level name: 0 the base, 1.. the packages, then the orchestration on top of all."""
    if part == "errors" or (part.startswith("_") and not part.startswith("__")):
        return 0
    if part in PACKAGES:
        return 1 + PACKAGES.index(part)
    return 1 + len(PACKAGES)


def _module(file: Path, root: Path) -> tuple[str, ...]:
    parts = file.relative_to(root).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def _imports(file: Path, root: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line and path within tallystick (the imported name included) of every import of the package's own.

    Imports inside functions and under TYPE_CHECKING count too: they are dependencies all the same.
    """
    package = file.relative_to(root).parent.parts
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "tallystick":
                    yield node.lineno, tuple(alias.name.split(".")[1:])
        elif isinstance(node, ast.ImportFrom):
            named = tuple(node.module.split(".")) if node.module else ()
            if node.level:
                base = package[: len(package) - (node.level - 1)] + named
            elif named[:1] == ("tallystick",):
                base = named[1:]
            else:
                continue
            for alias in node.names:
                yield node.lineno, (*base, alias.name)


def import_faults(root: Path) -> list[str]:
    """Every import under ``root`` that goes up, to the right, or into another package's private parts."""
    faults = []
    for file in sorted(root.rglob("*.py")):
        here = _module(file, root)
        part = here[0] if here else ""
        for line, target in _imports(file, root):
            where = f"{file.relative_to(root)}:{line}: imports {'.'.join(('tallystick', *target))}"
            to = target[0] if target else ""
            if to != part and part in APART and _layer(to) > 0:
                faults.append(f"{where}, but {part} stands apart and imports base modules only")
            elif to != part and to in APART:
                faults.append(f"{where}, which stands apart: nothing is built on it")
            elif to != part and _layer(to) >= _layer(part) and 0 < _layer(part) <= len(PACKAGES):
                faults.append(f"{where}, which is not to the left of {part}")
            elif to != part and _layer(part) == 0 and _layer(to) > 0:
                faults.append(f"{where}, but base modules import no package")
            elif to in PACKAGES and to != part and any(_is_private(name) for name in target[1:]):
                faults.append(f"{where}, which is private to {to}")
    return faults


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _compiles(file: Path) -> bool:
    """Whether a file decorates a function with the project's compilers or one of numba's."""
    compilers = {"kernel", "inlined_kernel", "intrinsic", "njit", "jit", "vectorize", "guvectorize"}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                name = decorator.func if isinstance(decorator, ast.Call) else decorator
                if (name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")) in compilers:
                    return True
    return False


def kernel_faults(root: Path) -> list[str]:
    """Every file whose name says kernels and has none, or has one and does not say so.

    The cache of compiled code is keyed by the files so named: a kernel elsewhere would go stale unseen.
    """
    faults = []
    for file in sorted(root.rglob("*.py")):
        if _compiles(file) != ("kernels" in file.name):
            has = "has a kernel but no" if _compiles(file) else "has no kernel but"
            faults.append(f"{file.relative_to(root)}: {has} 'kernels' in its name")
    return faults


def test_packages_import_only_to_their_left() -> None:
    assert import_faults(SOURCE) == []


def test_kernels_stand_in_files_named_for_them() -> None:
    assert kernel_faults(SOURCE) == []


def test_every_package_has_its_place() -> None:
    found = {folder.name for folder in SOURCE.iterdir() if (folder / "__init__.py").exists()}
    assert found <= {*PACKAGES, *ORCHESTRATION, *APART}
    assert {"records", "comparisons", "blocking", "patterns", "estimation", "linking"} <= found


@pytest.mark.parametrize(
    ("file", "line", "fault"),
    [
        ("records/a.py", "from tallystick.comparisons.b import x", "not to the left of records"),
        ("records/a.py", "import tallystick.comparisons.b", "not to the left of records"),
        ("records/a.py", "from tallystick import comparison", "not to the left of records"),
        ("records/a.py", "from ..comparison import b", "not to the left of records"),
        ("records/a.py", "def f():\n    from ..comparison.b import x", "not to the left of records"),
        ("records/a.py", "from tallystick import Linkage", "not to the left of records"),
        ("records/a.py", "import tallystick", "not to the left of records"),
        ("records/a.py", "from tallystick.linkage import Linkage", "not to the left of records"),
        ("quality/a.py", "from tallystick.analysis.b import x", "not to the left of quality"),
        ("_base.py", "from tallystick.records.b import x", "base modules import no package"),
        ("errors.py", "from . import linkage", "base modules import no package"),
        ("linking/a.py", "from tallystick.records.b import _hidden", "private to records"),
        ("cli.py", "from tallystick.records._hidden import b", "private to records"),
        ("datasets/a.py", "from tallystick.records.b import x", "datasets stands apart"),
        ("datasets/a.py", "from tallystick import Linkage", "datasets stands apart"),
        ("cli.py", "from tallystick.datasets import persons", "nothing is built on it"),
        ("records/a.py", "from tallystick.datasets import persons", "nothing is built on it"),
        ("datasets/a.py", "from tallystick.errors import InputError", None),
        ("datasets/a.py", "from tallystick.datasets.b import x", None),
        ("cli.py", "from tallystick.records.b import x", None),
        ("comparison/a.py", "from tallystick.records.b import x", None),
        ("comparison/a.py", "from . import b", None),
        ("comparison/a.py", "from ._hidden import b", None),
        ("comparison/a.py", "from tallystick._base import _x", None),
        ("comparison/a.py", "from tallystick.errors import InputError", None),
        ("_base.py", "from tallystick.errors import InputError", None),
        ("comparison/a.py", "import numpy\nfrom records import x", None),
    ],
)
def test_the_import_rule_sees_a_fault(tmp_path: Path, file: str, line: str, fault: str | None) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(line + "\n")
    faults = import_faults(tmp_path)
    if fault is None:
        assert faults == []
    else:
        assert len(faults) == 1
        assert fault in faults[0]


@pytest.mark.parametrize(
    ("file", "text", "faulty"),
    [
        ("kernels_a.py", "@kernel\ndef f(): ...", False),
        ("a.py", "@kernel\ndef f(): ...", True),
        ("a.py", "@_compile.kernel\ndef f(): ...", True),
        ("a.py", "@inlined_kernel\ndef f(): ...", True),
        ("a.py", "@intrinsic\ndef f(): ...", True),
        ("a.py", "@numba.njit(cache=True)\ndef f(): ...", True),
        ("kernels_a.py", "def f(): ...", True),
        ("a.py", "def kernel(): ...", False),
    ],
)
def test_the_kernel_rule_sees_a_fault(tmp_path: Path, file: str, text: str, faulty: bool) -> None:
    (tmp_path / file).write_text(text + "\n")
    assert bool(kernel_faults(tmp_path)) == faulty


@pytest.mark.parametrize(
    ("module", "slow"),
    [
        ("tallystick", {"numba", "scipy", "jinja2", "vl_convert", "typer"}),
        ("tallystick.cli", {"numba", "scipy", "jinja2", "vl_convert"}),
    ],
)
def test_an_import_loads_nothing_that_a_stage_needs_later(module: str, slow: set[str]) -> None:
    code = f"import sys, {module}; print(*sorted(m for m in sys.modules if '.' not in m))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert slow & set(result.stdout.split()) == set()
