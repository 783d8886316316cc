"""A table as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tallystick.analysis.error_models.error_model import Floats

if TYPE_CHECKING:
    from tallystick.analysis.tables.result import ContingencyTable


def table_text(table: ContingencyTable, cells: Floats, errors: Mapping[str, Floats]) -> str:
    """Cells with their margins, and below each row of cells its standard errors in brackets."""
    heads = [table.column_name, *(str(label) for label in table.column_labels.tolist()), "total"]
    lines = [heads]
    for r, label in enumerate(table.row_labels.tolist()):
        lines.append([str(label), *(_number(value) for value in cells[r]), _number(cells[r].sum())])
        for brackets, values in errors.items():
            shown = [brackets[0] + _number(value) + brackets[-1] for value in values[r]]
            lines.append(["", *shown, ""])
    lines.append(["total", *(_number(value) for value in cells.sum(axis=0)), _number(cells.sum())])
    widths = [max(len(line[k]) for line in lines) for k in range(len(heads))]
    return "\n".join(
        (
            line[0].ljust(widths[0])
            + "".join("  " + text.rjust(w) for text, w in zip(line[1:], widths[1:], strict=True))
        ).rstrip()
        for line in lines
    )


def _number(value: float) -> str:
    # Adding 0 makes -0 an ordinary zero.
    return f"{round(float(value), 1) + 0.0:,.1f}"
