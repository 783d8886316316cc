"""The command line: ``tallystick --help``."""

from tallystick.cli.analyse import analyse
from tallystick.cli.app import app, main
from tallystick.cli.audit import audit
from tallystick.cli.decisions import decisions
from tallystick.cli.evaluate import evaluate
from tallystick.cli.finalise import finalise
from tallystick.cli.gold import gold
from tallystick.cli.missed import missed
from tallystick.cli.purge import purge
from tallystick.cli.report import report
from tallystick.cli.review import review
from tallystick.cli.reviewers import reviewers

app.command()(evaluate)
app.command()(missed)
app.add_typer(gold, name="gold")
app.command()(review)
app.add_typer(audit, name="audit")
app.command()(report)
app.command()(analyse)
app.add_typer(reviewers, name="reviewers")
app.add_typer(decisions, name="decisions")
app.command()(finalise)
app.command()(purge)

__all__ = ["app", "main"]
