"""Makes the chart of the tutorial on linked data, from the very code of its page.

``python docs/analysis_figure.py`` runs the page in an empty folder and draws what it has found.
"""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from tallystick.quality.charts.draw import save_charts
from tallystick.quality.charts.estimates import estimates_chart

DOCS = Path(__file__).resolve().parent
TERM = "schooling"


def run_page() -> dict[str, Any]:
    """What the examples of the page have made, by name."""
    text = (DOCS / "guide" / "analysing-linked-data.md").read_text("utf-8")
    made: dict[str, Any] = {"__name__": "__docs__"}
    for code in re.findall(r"^```python\n(.*?)^```", text, re.M | re.S):
        lines = code.splitlines()
        if code.startswith(">>> "):
            kept = [line[4:] for line in lines if line.startswith((">>> ", "... "))]
            code = "\n".join(kept)
        exec(code, made)
    return made


def rows_of(made: dict[str, Any]) -> list[dict[str, Any]]:
    """A row an estimate of the slope, with its interval."""
    import statsmodels.api as sm

    matches = made["register"].join(made["survey"], on="person_id").to_pandas()
    perfect = sm.OLS(matches["income"], sm.add_constant(matches[[TERM]])).fit()
    found = [
        ("naive: links taken as right", made["naive"].params[TERM], *made["naive"].conf_int().loc[TERM]),
        ("by the posteriors", *_row(made["by_model"])),
        ("by the audit", *_row(made["result"])),
        ("with all matches right", perfect.params[TERM], *perfect.conf_int().loc[TERM]),
    ]
    return [
        {"name": name, "series": "slope", "value": float(value), "low": float(low), "high": float(high)}
        for name, value, low, high in found
    ]


def _row(result: Any) -> tuple[float, float, float]:
    row = next(one for one in result.rows() if (one["estimate_of"], one["term"]) == ("corrected", TERM))
    return row["estimate"], row["low"], row["high"]


def main(folder: Path = DOCS / "images") -> None:
    """Draw the chart into a folder."""
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        rows = rows_of(run_page())
    chart = estimates_chart(rows, ["slope"], "Income by a year of schooling; the true slope is 2", 2.0)
    title = "The slope by how wrong links are allowed for, with intervals of 95 %"
    save_charts([("analysis-slopes", title, chart)], folder)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
