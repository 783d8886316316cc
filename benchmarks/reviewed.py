"""CIS to PRD reviewed by somebody who knows the truth: errors left after so many answers, by their order.

Run: python benchmarks/reviewed.py. Each figure is of `tallystick finalise` with the first answers of an
order: the errors (false links and missed matches) of the links that come of it. Nothing is chosen by the
truth, which only answers and scores. `possible links by weight` is what clerical review usually is: the pairs
between the thresholds, the heaviest first, and nothing else.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import polars as pl

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / name) for name in ("examples", "tests")]

import essnet  # noqa: E402
from perfect_reviewer import truth_of  # noqa: E402

from tallystick.linkage.evaluation.evaluate import read_truth  # noqa: E402
from tallystick.linkage.reviews.finalise import finalise  # noqa: E402
from tallystick.linkage.reviews.tasks import review_tasks  # noqa: E402
from tallystick.linkage.saved_run import open_run  # noqa: E402
from tallystick.review.cases import RecordKey  # noqa: E402
from tallystick.review.standing import Standing  # noqa: E402
from tallystick.review.tasks import Task  # noqa: E402

ANSWERS = (50, 100, 250, 500)
SEEDS = range(5)
"""Of the queue in random order; the mean of them is told."""

Truth = dict[RecordKey, str]


def answered(tasks: Sequence[Task], truth: Truth) -> list[Standing]:
    """What somebody who knows the truth says of pairs."""
    made = []
    for number, task in enumerate(tasks, start=1):
        assert task.right is not None
        same = truth.get(task.left, "left") == truth.get(task.right, "right")
        verdict = "link" if same else "non-link"
        made.append(Standing(number, "possible", task, "done", verdict, None, "single", ()))  # type: ignore[arg-type]
    return made


def errors(folder: Path, truth: Truth, names: tuple[str, str]) -> tuple[int, int]:
    """False links and missed matches of a run of two sources."""
    links = pl.read_parquet(folder / "links.parquet").filter(pl.col("decision") == "link")
    right = sum(
        truth.get(RecordKey(names[0], a), "left") == truth.get(RecordKey(names[1], b), "right")
        for a, b in links.select("id_left", "id_right").iter_rows()
    )
    who = [{person for (source, _), person in truth.items() if source == name} for name in names]
    return len(links) - right, len(who[0] & who[1]) - right


def orders(tasks: Sequence[Task], possible: Sequence[Task]) -> dict[str, list[list[Task]]]:
    """The queue in each order that is compared; random ones several times."""
    return {
        "information": [sorted(tasks, key=lambda task: -task.information)],
        "weight": [sorted(tasks, key=lambda task: -(task.weight or 0.0))],
        "random": [random.Random(seed).sample(list(tasks), len(tasks)) for seed in SEEDS],
        "possible links by weight": [sorted(possible, key=lambda task: -(task.weight or 0.0))],
    }


def main() -> None:
    """Print a table: a row per order, a column per number of answers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        essnet.linkage().run(folder / "run")
        run = open_run(folder / "run")
        truth = truth_of(read_truth(run.prepared.spec.sources, "person_id"))
        names = run.prepared.records.sources
        tasks = review_tasks(run)
        between = run.links.filter(pl.col("decision") == "possible").select("id_left", "id_right")
        kept = set(between.iter_rows())
        possible = [task for task in tasks if task.right and (task.left.id, task.right.id) in kept]
        false, missed = errors(folder / "run", truth, (names[0], names[1]))
        print(f"before: {false} false links, {missed} missed matches; {len(tasks)} pairs in the queue,")
        print(f"of which {len(possible)} possible links")
        for order, queues in orders(tasks, possible).items():
            row = []
            for n in ANSWERS:
                if n > min(ANSWERS) and len(queues[0]) <= ANSWERS[ANSWERS.index(n) - 1]:
                    row.append("")  # the queue was gone before
                    continue
                left = []
                for queue in queues:
                    finalise(
                        folder / "run", folder / "out", answered(queue[:n], truth), force=True, opened=run
                    )
                    left.append(sum(errors(folder / "out", truth, (names[0], names[1]))))
                row.append(f"{sum(left) / len(left):.1f}".removesuffix(".0"))
            print(f"{order:<26}" + "".join(f"{one:>8}" for one in row), flush=True)


if __name__ == "__main__":
    main()
