"""The command line: ``tallystick --help``."""

from tallystick.cli.app import app, main
from tallystick.cli.decisions import decisions
from tallystick.cli.gold import gold
from tallystick.cli.review import review
from tallystick.cli.reviewers import reviewers

app.command()(review)
app.add_typer(gold, name="gold")
app.add_typer(decisions, name="decisions")
app.add_typer(reviewers, name="reviewers")

__all__ = ["app", "main"]
