"""The command line: ``tallystick --help``."""

from tallystick.cli.app import app, main

__all__ = ["app", "main"]
