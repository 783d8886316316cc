"""Compiled kernels and where they are cached.

Numba's own cache looks only at the file a kernel stands in, so a change in a helper that it calls
would go unseen. Here the cache folder is named by a hash of all kernel sources of the package and
of the versions and processor that the machine code depends on.
"""

from __future__ import annotations

import hashlib
import logging
import platform
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import llvmlite
import numba
import numpy as np

from tallystick._cache import user_cache_dir

_log = logging.getLogger("tallystick")

_cache_dir_is_ours = Lock()


@cache
def kernel_cache_dir() -> Path:
    """Cache folder of the kernels as they are now (see the module's text)."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    versions = (numba.__version__, llvmlite.__version__, np.__version__, sys.version)
    machine = (platform.machine(), llvmlite.binding.get_host_cpu_name())
    digest.update(repr((versions, machine)).encode())
    for source in sorted(package.rglob("*kernels*.py")):
        digest.update(source.relative_to(package).as_posix().encode())
        digest.update(source.read_bytes())
    return user_cache_dir() / "kernels" / digest.hexdigest()[:16]


@cache
def _can_be_kept() -> bool:
    """Whether the cache folder can be written; numba would else choose one by itself, or fail."""
    try:
        kernel_cache_dir().mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=kernel_cache_dir()).close()
    except OSError:
        return False
    return True


# Warnings, because Python shows nothing below where no logging is set up.
@cache
def _say_that_it_compiles() -> None:
    if _can_be_kept():
        _log.warning(
            "tallystick is compiling for this machine: this takes some seconds, once; "
            "later runs start at once."
        )
    else:
        _log.warning(
            "tallystick is compiling for this machine, and will in every run, since the folder %s cannot be "
            "written: make it writable, or set TALLYSTICK_CACHE to one that is.",
            kernel_cache_dir(),
        )


@cache
def _say_that_it_is_not_kept(reason: str) -> None:
    _log.warning(
        "What tallystick compiles cannot be kept in %s (%s), so every run compiles again: make room there, "
        "or set TALLYSTICK_CACHE to another folder.",
        kernel_cache_dir(),
        reason,
    )


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function on first use: no Python objects, no lock held, cached on disk.

    Kernels live in files whose name contains ``kernels``; only those enter the cache's hash. A cache
    that cannot be written, or is full, costs the time of compiling again, and not the run. The logger
    ``tallystick`` says once that something is compiled; loading from the cache says nothing.
    """
    return _compiled(function, inlined=False)


def inlined_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function as `kernel` does, into the code of each kernel that calls it.

    For what is called once a pair: a call counts the owners of each array that it hands over, one
    more and one less, which takes longer than most of what is done for a pair. An inlined kernel
    counts no owners, and so cannot make arrays.
    """
    return _compiled(function, inlined=True)


def _compiled(function: Callable[..., Any], inlined: bool) -> Callable[..., Any]:
    options = {"forceinline": True, "_nrt": False} if inlined else {}
    compiler = numba.njit(nogil=True, cache=_can_be_kept(), error_model="numpy", **options)
    with _cache_dir_is_ours:  # modules of kernels are imported by several threads
        before = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(kernel_cache_dir())
        try:
            compiled: Any = compiler(function)
        finally:
            numba.config.CACHE_DIR = before
    store = compiled._cache
    load, save = store.load_overload, store.save_overload

    def load_or_tell(signature: object, context: object) -> object:
        found: object = load(signature, context)
        if found is None:
            _say_that_it_compiles()
        return found

    def save_if_possible(signature: object, code: object) -> None:
        try:
            save(signature, code)
        except OSError as error:
            _say_that_it_is_not_kept(error.strerror or str(error))

    store.load_overload, store.save_overload = load_or_tell, save_if_possible
    return compiled  # type: ignore[no-any-return]
