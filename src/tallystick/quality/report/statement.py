"""The linkage quality statement: what users of linked data need to know, item by item.

The items are those of two recommendations as far as they concern linkage:

- GUILD (Gilbert et al. 2018, "GUILD: GUidance for Information about Linking Data sets", Journal of Public
  Health 40(1), 191-198), by its steps: 1 data provision, 2 data linkage, 3 analysis, 4 reporting;
- RECORD (Benchimol et al. 2015, PLoS Medicine 12(10), e1001885), by the numbers of its items.

What a run knows it answers; what only people know (who, why, on what legal basis) stays blank until they
write it, and says so.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.errors import InputError
from tallystick.quality.report.answers import ANSWERS
from tallystick.quality.report.figures import Content, Figures
from tallystick.quality.report.statement_tables import TABLES

BLANK = "To be written by the data provider."
REFERENCES = (
    "Gilbert R et al. (2018). GUILD: GUidance for Information about Linking Data sets. Journal of Public "
    "Health 40(1), 191–198. doi:10.1093/pubmed/fdx037",
    "Benchimol EI et al. (2015). The REporting of studies Conducted using Observational Routinely-collected "
    "health Data (RECORD) Statement. PLoS Medicine 12(10), e1001885. doi:10.1371/journal.pmed.1001885",
)


@dataclass(frozen=True)
class Item:
    """One thing that users need to know.

    Attributes
    ----------
    key : str
        Its name in a file of texts.
    title : str
        What it is.
    guild : int
        The step of GUILD that asks for it.
    record : tuple of str
        The items of RECORD that ask for it.
    asks : str
        What people are to write; empty where the run answers it as a whole.
    sections : tuple of str
        Sections of the report that have the figures.
    """

    key: str
    title: str
    guild: int
    record: tuple[str, ...] = ()
    asks: str = ""
    sections: tuple[str, ...] = ()


ITEMS = (
    Item("responsible", "Who linked the data", 2, (), "The body and the persons who made the linkage, when."),
    Item("purpose", "Purpose", 1, (), "What the linked data are for."),
    Item(
        "legal_basis",
        "Legal basis and approvals",
        1,
        ("12.1",),
        "On what legal basis the data were linked, who approved it, and who had access to which records.",
    ),
    Item(
        "population",
        "Population of each file",
        1,
        ("6.1",),
        "Whom each file is to cover (persons, area, period), how records were selected, who is known to be "
        "absent.",
        ("inputs",),
    ),
    Item(
        "collection",
        "How the data came about",
        1,
        ("19.1",),
        "How and why each file was collected, changes over time, how identifiers were recorded and checked.",
    ),
    Item(
        "codes",
        "Codes and definitions",
        1,
        ("6.2", "7.1"),
        "Codes and algorithms that define the population and the variables, and how these were validated.",
    ),
    Item("files", "Files", 1, ("1.3", "22.1"), "", ("inputs",)),
    Item("cleaning", "Preparation of the data", 1, ("12.2",), "", ("preparation",)),
    Item(
        "variables",
        "Matching variables and their completeness",
        2,
        ("12.3",),
        "",
        ("completeness",),
    ),
    Item("level", "What was linked to what", 2, ("1.3", "12.3"), "", ("pairs",)),
    Item("methods", "Methods of each pass", 2, ("12.3",), "", ("pairs", "parameters")),
    Item("parameters", "Parameters", 2, ("12.3",), "", ("parameters", "em", "values")),
    Item("thresholds", "Thresholds and decision", 2, ("12.3",), "", ("weights", "thresholds")),
    Item("review", "Clerical review", 2, ("12.3",), "", ("review", "audit")),
    Item("flow", "Records and links at each stage", 2, ("6.3", "13.1"), "", ("pairs", "entities")),
    Item("errors", "Error rates", 2, ("12.3",), "", ("quality", "neighbours", "audit")),
    Item("unlinked", "Records without a link", 2, ("13.1",), "", ("unlinked",)),
    Item("bias", "Linked against unlinked records", 3, ("13.1", "19.1"), "", ("missed",)),
    Item(
        "analysis",
        "Advice for analyses",
        3,
        ("19.1",),
        "How linkage error should be allowed for in analyses, and known mistakes to avoid.",
    ),
    Item("limits", "Known limits", 4, ("19.1",), "", ("limits",)),
    Item(
        "outputs",
        "What users get",
        2,
        ("13.1",),
        "Which records and variables are handed on, how identifiers were removed, what was changed.",
    ),
    Item("reproducibility", "Versions and fingerprints", 4, ("22.1",), "", ("reproducibility",)),
    Item(
        "access",
        "Access and contact",
        4,
        ("22.1",),
        "How to get at the protocol, the specification and the data, and whom to ask.",
    ),
)


def statement(figures: Figures, there: Mapping[str, Any], known: Mapping[str, Any]) -> Content:
    """The statement as data.

    Parameters
    ----------
    figures : Figures
        What is known of the run.
    there : mapping
        All other sections of the report, by key.
    known : mapping
        What `checks` gave.

    Returns
    -------
    dict
        ``items`` with ``key``, ``title``, ``guild`` (step), ``record`` (items), ``answers`` (sentences that
        the run gives), ``tables`` (``caption``, ``heads`` and ``rows`` of texts), ``asks`` (what people are
        to write, or empty), ``written`` (what they wrote, or null), ``blank`` (whether something is to be
        written and is not), ``sections`` (keys of those sections of the report that have the figures);
        ``blanks``, how many are blank; ``references``.
    """
    items = [
        {
            "key": item.key,
            "title": item.title,
            "guild": item.guild,
            "record": list(item.record),
            "answers": ANSWERS[item.key](figures, there, known) if item.key in ANSWERS else [],
            "tables": TABLES[item.key](figures, there) if item.key in TABLES else [],
            "asks": item.asks,
            "written": figures.statement.get(item.key),
            "blank": bool(item.asks) and item.key not in figures.statement,
            "sections": [key for key in item.sections if key in there],
        }
        for item in ITEMS
    ]
    return {
        "items": items,
        "blanks": sum(bool(item["blank"]) for item in items),
        "references": list(REFERENCES),
    }


def read_statement(path: Path) -> dict[str, str]:
    """Read what people wrote for the statement.

    Parameters
    ----------
    path : path
        A TOML file with one text for each item that somebody has written (see `ITEMS` for the keys).

    Returns
    -------
    dict of str to str

    Raises
    ------
    InputError
        The file is absent or no TOML, or has a key that is no item, or one that is no text.
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the texts of the statement cannot be read ({error}).") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: this is no TOML: {error}.") from error
    keys = [item.key for item in ITEMS]
    for key, value in given.items():
        if key not in keys:
            raise InputError(
                f"{path}: the quality statement has no item {key!r}; its items are {', '.join(keys)}."
            )
        if not isinstance(value, str):
            raise InputError(f"{path}: {key} is no text: write it between quotation marks.")
    return {key: value.strip() for key, value in given.items() if value.strip()}
