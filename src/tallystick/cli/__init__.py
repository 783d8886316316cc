"""The command line: ``tallystick --help``."""

from tallystick.cli.app import app, main
from tallystick.cli.gold import gold
from tallystick.cli.review import review

app.add_typer(gold, name="gold")
app.command()(review)

__all__ = ["app", "main"]
