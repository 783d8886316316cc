"""Where tallystick keeps what may be deleted at any time."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def user_cache_dir() -> Path:
    """Folder for what may be deleted at any time: ``TALLYSTICK_CACHE``, or the platform's own."""
    if given := os.environ.get("TALLYSTICK_CACHE"):
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tallystick"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "tallystick" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "tallystick"
