"""The command line: ``tallystick --help``."""

from tallystick.cli.app import app, main
from tallystick.cli.gold import gold

app.add_typer(gold, name="gold")

__all__ = ["app", "main"]
