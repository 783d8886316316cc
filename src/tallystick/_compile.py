"""Compiled kernels and where they are cached.

Numba's own cache looks only at the file a kernel stands in, so a change in a helper that it calls
would go unseen. Here the cache folder is named by a hash of all kernel sources of the package and
of the versions and processor that the machine code depends on.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np

from tallystick._cache import user_cache_dir


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


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function on first use: no Python objects, no lock held, cached on disk.

    Kernels live in files whose name contains ``kernels``; only those enter the cache's hash.
    """
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(kernel_cache_dir())
    try:
        compiled: Callable[..., Any] = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    finally:
        numba.config.CACHE_DIR = before
    return compiled
