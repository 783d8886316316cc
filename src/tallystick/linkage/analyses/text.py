"""An analysis as text on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tallystick._formats import MINUS, NOTHING, aligned, percent

MOST_CELLS = 12
"""Categories of a table that are printed."""


def analysis_text(found: Mapping[str, Any]) -> str:
    """What an analysis says, for people.

    Parameters
    ----------
    found : mapping
        What `AnalysisResult.to_dict` gives.

    Returns
    -------
    str
    """
    what = found["what"]
    lines = [f"warning: {text}" for text in found["warnings"]]
    lines += [headline(found), f"method: {found['method']['name']}, since {found['method']['why']}", ""]
    lines += _regression(found) if what["kind"] == "regression" else _table(found)
    lines += ["", *found["errors"]["assumed"]]
    if found["data"]["left_out"]:
        lines.append(f"Left out: {'; '.join(found['data']['left_out'])}.")
    return "\n".join(lines)


def headline(found: Mapping[str, Any]) -> str:
    """One sentence on the links and their errors.

    Parameters
    ----------
    found : mapping
        What `AnalysisResult.to_dict` gives.

    Returns
    -------
    str
    """
    data, errors = found["data"], found["errors"]
    limits = errors["limits"]
    between = "" if limits is None else f" ({percent(limits[0])} to {percent(limits[1])})"
    origin = {
        "posterior": "by the posteriors of the run",
        "audit": "by its audit",
        "known": "as stated",
        "bootstrap": "by the linkage drawn again",
        "mixture": "by the outcomes themselves",
    }[errors["from"]]
    register = "" if data["register"] is None else f", a register of {data['register']:,} records"
    return (
        f"{data['links']:,} links of {data['outcome']} to {data['covariates']}{register}; "
        f"{percent(errors['mean_q'])}{between} of them are right, {origin}"
    )


def figure(value: float | None) -> str:
    """An estimate with enough digits.

    Examples
    --------
    >>> figure(1.23456), figure(-0.000123), figure(None), figure(51234.5)
    ('1.235', '−0.000123', '–', '51234')
    """
    if value is None:
        return NOTHING
    text = f"{value:.0f}" if abs(value) >= 10000 else f"{value:.4g}"
    return ("0" if text in ("-0", "0") else text).replace("-", MINUS)


def p_figure(value: float | None) -> str:
    """A p value.

    Examples
    --------
    >>> p_figure(0.00001), p_figure(0.0312)
    ('< 0.001', '0.031')
    """
    if value is None:
        return NOTHING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def side_by_side(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Coefficients with the naive one beside the corrected one.

    Parameters
    ----------
    found : mapping
        What `AnalysisResult.to_dict` gives of a regression.

    Returns
    -------
    list of dict
        ``term``, ``naive`` and ``corrected`` (rows of the estimates).
    """
    by = {(row["estimate_of"], row["term"]): row for row in found["estimates"]}
    terms = [row["term"] for row in found["estimates"] if row["estimate_of"] == "corrected"]
    return [
        {"term": term, "naive": by[("naive", term)], "corrected": by[("corrected", term)]} for term in terms
    ]


def tables_of(found: Mapping[str, Any]) -> dict[str, list[list[dict[str, Any]]]]:
    """Cells by estimate, row and column.

    Parameters
    ----------
    found : mapping
        What `AnalysisResult.to_dict` gives of a table.

    Returns
    -------
    dict of str to list of list of dict
    """
    what = found["what"]
    width = len(what["column_labels"])
    by: dict[str, list[dict[str, Any]]] = {}
    for row in found["estimates"]:
        by.setdefault(row["estimate_of"], []).append(row)
    return {name: [cells[k : k + width] for k in range(0, len(cells), width)] for name, cells in by.items()}


def _regression(found: Mapping[str, Any]) -> list[str]:
    what = found["what"]
    lines = [f"{what['formula']}, {what['family']}, standard errors: {what['variance']}"]
    if not found["converged"]:
        lines.append("The iterations did NOT converge: there is no estimate.")
    rows: list[Sequence[str]] = []
    for row in side_by_side(found):
        own, naive = row["corrected"], row["naive"]
        rows.append(
            [
                row["term"],
                figure(naive["estimate"]),
                figure(own["estimate"]),
                figure(own["se"]),
                f"{figure(own['low'])} to {figure(own['high'])}",
                p_figure(own["p_value"]),
            ]
        )
    return [*lines, *aligned(["", "naive", "corrected", "std. error", "95 % interval", "p"], rows)]


def _table(found: Mapping[str, Any]) -> list[str]:
    what, tables = found["what"], tables_of(found)
    labels = what["column_labels"]
    lines = []
    for name in ("naive", "unbiased", "shrunk"):
        lines.append(f"{what['rows']} by {what['columns']}, {name}")
        rows = [
            [label, *(_cell(cell) for cell in cells)]
            for label, cells in zip(what["row_labels"], tables[name], strict=True)
        ]
        lines += [*aligned(["", *labels], rows[:MOST_CELLS]), ""]
    lines += ["±: standard errors for these records under perfect linkage", ""]
    test = found["test"]
    if test is not None:
        lines.append(
            f"independence ({test['name']}, of the links as they are): chi-square "
            f"{figure(test['statistic'])}, df {test['df']}, p {p_figure(test['p_value'])}"
        )
    return lines


def _cell(cell: Mapping[str, Any]) -> str:
    own = cell["estimate"]
    text = NOTHING if own is None else f"{own:,.1f}".replace("-", MINUS)
    return text if cell["se"] is None else f"{text} ± {cell['se']:,.1f}"
