"""A process that runs small linkages, each in a forked child that may die at a step it takes on the disk.

It imports what a run needs and loads the compiled kernels once; polars, whose threads do not live through a
fork, is only ever used in the children. Driven by `test_interrupted.py`, line by line:

    {"arguments": [...], "die_at": n or null, "tear": bool}

is answered by ``{"status": exit status, "steps": the steps, "text": what it printed}``.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pickle
import stat
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

STEPS = ("replace", "rename", "fsync", "unlink", "mkdir", "rmdir")
"""Functions of the module os through which a run changes what is on the disk, or makes it last."""
DIED = 9


class Disk:
    """Counts the steps, before and after each call that changes what is seen, and dies at one of them."""

    def __init__(self, die_at: int | None, tear: bool) -> None:
        self.steps: list[str] = []
        self.die_at = die_at
        self.tear = tear

    def install(self) -> None:
        for name in STEPS:
            setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            if name == "fsync":
                changes = not stat.S_ISDIR(os.fstat(args[0]).st_mode)
            else:
                changes = name != "unlink" or "dir_fd" in kwargs or os.path.lexists(args[0])
            if changes:  # else the step before has left the same to be seen
                self._step(f"before {name} {args[0]}", args[0] if name == "fsync" else None)
            result = call(*args, **kwargs)
            if name != "fsync":
                self._step(f"after {name} {args[0]}", None)
            return result

        return watched

    def _step(self, what: str, handle: int | None) -> None:
        self.steps.append(what)
        if len(self.steps) != self.die_at:
            return
        if self.tear and handle is not None:
            os.ftruncate(handle, os.fstat(handle).st_size // 2)
        os._exit(DIED)


def dispatchers() -> dict[str, Any]:
    """Every compiled function of the modules that are loaded, by its path."""
    return {
        f"{module}:{name}": value
        for module, loaded in sys.modules.items()
        if module.startswith("tallystick.")
        for name, value in vars(loaded).items()
        if hasattr(value, "nopython_signatures") and value.__module__ == module
    }


def in_child(work: Callable[[], Any]) -> tuple[int, Any]:
    """Exit status of a forked child, and what its work returned."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = 1
        try:
            result = pickle.dumps(work())
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(result)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status, pickle.loads(answer) if answer else None


def run_command(arguments: list[str]) -> tuple[int, str]:
    """Exit status and output of a command."""
    from tallystick.cli import app

    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        status = app(arguments, standalone_mode=False)
    return status or 0, out.getvalue()


def one_case(case: dict[str, Any]) -> dict[str, Any]:
    """Run a case in a child."""

    def work() -> tuple[int, str, list[str]]:
        disk = Disk(case.get("die_at"), case.get("tear", False))
        disk.install()
        status, text = run_command(case["arguments"])
        return status, text, disk.steps

    status, result = in_child(work)
    if result is None:
        return {"status": status, "steps": [], "text": ""}
    return {"status": result[0], "text": result[1], "steps": result[2]}


def load(arguments: list[str]) -> None:
    """Run once in a child to learn which modules and kernels are used, and load these here."""

    def work() -> tuple[list[str], dict[str, list[Any]]]:
        status, text = run_command(arguments)
        if status:
            raise RuntimeError(text)
        used = {name: list(one.signatures) for name, one in dispatchers().items() if one.signatures}
        return list(sys.modules), used

    status, result = in_child(work)
    if status:
        sys.exit(f"the first run failed with status {status}")
    modules, used = result
    for module in modules:
        if module.split(".")[0] in ("tallystick", "jinja2", "scipy"):
            importlib.import_module(module)
    for name, one in dispatchers().items():
        for signature in used.get(name, ()):
            one.compile(signature)


def answer(given: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(given) + "\n")
    sys.stdout.flush()


def main() -> None:
    # Python warns of threads that a fork leaves behind; here there are none that matter.
    warnings.simplefilter("ignore", DeprecationWarning)
    load(json.loads(sys.stdin.readline())["arguments"])
    answer({"ready": True})
    for line in sys.stdin:
        answer(one_case(json.loads(line)))


if __name__ == "__main__":
    main()
