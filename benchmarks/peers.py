"""The environment of the peers, .venv-peers, made from peers.txt when that changes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
WANTED = HERE / "peers.txt"
FOLDER = HERE.parent / ".venv-peers"


def peers_python() -> Path:
    """Python with the peers; the environment is made where it is not there."""
    python, made = FOLDER / "bin" / "python", FOLDER / "made-from.txt"
    if made.is_file() and made.read_bytes() == WANTED.read_bytes():
        return python
    print(f"making {FOLDER.name} from {WANTED.name}", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "-r", WANTED], check=True)
    shutil.copyfile(WANTED, made)
    return python


def peer_versions(python: Path) -> dict[str, str]:
    """Versions of what decides how fast the peers are."""
    names = ("splink", "duckdb", "recordlinkage", "pandas", "jellyfish")
    code = f"from importlib.metadata import version\nfor n in {names!r}: print(n, version(n))"
    done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    return dict(line.split() for line in done.stdout.splitlines())
