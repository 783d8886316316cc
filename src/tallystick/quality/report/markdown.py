"""The quality statement as Markdown, for those who go on writing it."""

from __future__ import annotations

import re

from tallystick.quality.report.content import section_of
from tallystick.quality.report.figures import Content, Json
from tallystick.quality.report.statement import BLANK

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!])")


def statement_markdown(content: Content) -> str:
    """The quality statement of a report as Markdown: a heading an item.

    Parameters
    ----------
    content : dict
        The content of a report.

    Returns
    -------
    str
    """
    title = content["title"]
    statement = section_of(content, "statement")
    lines = [f"# Linkage quality statement: {_plain(title['name'])}", ""]
    if title["what"]:
        lines += [_plain(title["what"]), ""]
    for item in statement["items"]:
        asked = f"GUILD step {item['guild']}"
        if item["record"]:
            asked += f"; RECORD {', '.join(item['record'])}"
        lines += [f"## {_plain(item['title'])}", "", f"*{asked}*", ""]
        if item["written"]:
            lines += [item["written"], ""]
        lines += [
            *(f"- {_plain(sentence)}" for sentence in item["answers"]),
            *([""] if item["answers"] else []),
        ]
        for table in item["tables"]:
            lines += [*_table(table), ""]
        if item["blank"]:
            lines += [f"> {_plain(item['asks'])} **{BLANK}**", ""]
    lines += ["## References", "", *(f"- {_plain(one)}" for one in statement["references"]), ""]
    return "\n".join(lines)


def _table(table: Json) -> list[str]:
    """A table of the statement as lines."""
    rows = [table["heads"], ["---"] * len(table["heads"]), *table["rows"]]
    shown = [
        "| " + " | ".join(cell if cell == "---" else _plain(cell) for cell in row) + " |" for row in rows
    ]
    return [f"{_plain(table['caption'])}:", "", *shown]


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
