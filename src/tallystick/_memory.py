"""Giving freed memory back to the system between the stages of a run."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any


@cache
def _trim() -> Any:
    """The C library's function for it; None where there is no such (it is glibc's own)."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back() -> None:
    """Give freed memory back to the system, where the C library would keep it for later.

    What one stage frees lies scattered, and the next one, which takes memory of another kind or by another
    allocator, cannot use it: without this a linkage of a million records holds a quarter more at its peak.
    """
    trim = _trim()
    if trim is not None:
        trim(0)
