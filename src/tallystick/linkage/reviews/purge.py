"""Values of records removed from the directory of a run, while its figures stay.

What every file that a run can hold is, and what becomes of it, stands in `FILES`; the docs show the same
table, and a test holds the two together. Ids stay wherever they are, since links are made of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from tallystick._files import file_sha256, write_json
from tallystick.linkage.report_again import make_report_again
from tallystick.linkage.reviews.purge_stores import HeldStore, empty_store, held_stores, other_stores
from tallystick.linkage.reviews.store import STORE_FILE, STORES
from tallystick.linkage.run_folder import read_facts, read_figures
from tallystick.linkage.tables import read_table
from tallystick.preparation.write import write_table

KEPT = "kept"
FILES: dict[str, tuple[str, str]] = {
    "links.parquet": (KEPT, "ids, weights, patterns and decisions"),
    "entities.parquet": (KEPT, "ids"),
    "clusters.parquet": (KEPT, "ids of entities and figures"),
    "residuals.parquet": (KEPT, "ids, weights and reasons"),
    "changes.parquet": (KEPT, "ids, decisions and reasons"),
    "duplicates.parquet": (KEPT, "ids"),
    "removed.parquet": (KEPT, "ids and the rule that has taken each out"),
    "failures.parquet": (KEPT, "ids and names of rules"),
    "reported.parquet": (KEPT, "ids, fields and reasons, without the values"),
    "ambiguous.parquet": (KEPT, "ids, keys by name and counts"),
    "ambiguous_pairs.parquet": (KEPT, "ids, keys by name and counts"),
    "errors.parquet": (KEPT, "ids, weights and reasons"),
    "curve.parquet": (KEPT, "figures"),
    "prepare.json": (KEPT, "figures of steps and rules"),
    "review.json": (KEPT, "figures"),
    "audit.json": (KEPT, "design and estimates of the sample"),
    "truth.json": (KEPT, "figures"),
    "statement.toml": (KEPT, "what people wrote for the quality statement"),
    "review.parquet": ("values", "the values of both records; ids, levels and weights stay"),
    "sample.csv": ("values", "the values of both records; ids and answers stay"),
    "golden.parquet": ("values", "the values; from which record each was stays"),
    "households.parquet": ("values", "addresses, of which the names of households are made: numbers instead"),
    "quality.json": ("values", "those of the example pairs"),
    "model.json": ("values", "values with their frequencies, where weights follow these"),
    "run.json": ("values", "keys of the largest blocks, values with their frequencies"),
    "report.html": ("made anew", "of the figures that are left"),
    "report.json": ("made anew", "of the figures that are left"),
    STORE_FILE: ("values", "what reviewers saw and their comments; who decided what and when stays"),
    STORES: (KEPT, "where decisions are kept elsewhere, without users and passwords"),
}
"""Every file of a run: what becomes of it, and what it holds, or what of it is removed."""
_PAIR_IDS = ("id_", "source_", "reference_")


@dataclass(frozen=True)
class Removal:
    """What a purge removes from one file.

    Attributes
    ----------
    file : str
        Its name.
    what : str
        What goes.
    """

    file: str
    what: str


@dataclass(frozen=True)
class Purge:
    """What a purge of a run does.

    Attributes
    ----------
    folder : path
        The directory.
    stores : tuple of HeldStore
        Stores that are emptied.
    others : tuple of str
        Stores of the run that are not, since they are not named.
    removals : tuple of Removal
        File by file; empty where nothing is left to remove.
    unknown : tuple of str
        Files of the directory that no run writes, which stay as they are.
    """

    folder: Path
    stores: tuple[HeldStore, ...]
    others: tuple[str, ...]
    removals: tuple[Removal, ...]
    unknown: tuple[str, ...]

    def text(self) -> str:
        """What is going to be removed, for people."""
        lines = [f"  {one.file}: {one.what}" for one in self.removals]
        if self.removals:
            lines.insert(0, f"{self.folder}: removes for good")
            lines.append("Ids of records stay, since links are made of them, and so do all figures.")
        else:
            lines.append(f"{self.folder}: there is nothing to remove.")
        if self.others:
            lines.append(
                f"Not emptied, although decisions of the run are kept there: {', '.join(self.others)}. "
                "Purge with --store and the URL of each."
            )
        if self.unknown:
            lines.append(f"Not of a run, and left as they are: {', '.join(self.unknown)}.")
        return "\n".join(lines)


def plan_purge(folder: str | Path, store: str | None = None) -> Purge:
    """Find out which values of records the directory of a run holds; nothing is changed.

    Parameters
    ----------
    folder : path
        Directory of a complete run.
    store : str, optional
        A store of decisions besides the one in the directory; by default what the environment variable
        ``TALLYSTICK_STORE`` says.

    Returns
    -------
    Purge

    Raises
    ------
    InputError
        Where it is no directory of a complete run, or the store cannot be read.
    """
    folder = Path(folder)
    noted = read_facts(folder).get("purged", {})
    found = [
        Removal(name, FILES[name][1])
        for name, clean in _CLEANERS.items()
        if (folder / name).is_file() and clean(folder / name, False)
    ]
    stores = held_stores(folder, store, noted)
    found += [
        Removal(one.name, f"{FILES[STORE_FILE][1]} ({one.seen:,} decisions)") for one in stores if one.holds
    ]
    if found:
        pages = [name for name in ("report.html", "report.json") if (folder / name).is_file()]
        found += [Removal(name, f"made anew {FILES[name][1]}") for name in pages]
    beside = {f"{STORE_FILE}{end}" for end in ("-wal", "-shm", "-journal")}
    unknown = sorted(one.name for one in folder.iterdir() if one.name not in FILES and one.name not in beside)
    return Purge(folder, stores, other_stores(folder, stores), tuple(found), tuple(unknown))


def purge(plan: Purge) -> None:
    """Remove what `plan_purge` has found, and note it in ``run.json``.

    A purge that was interrupted is completed by the next one.

    Parameters
    ----------
    plan : Purge
        What is removed.

    Raises
    ------
    InputError
        Where the store cannot be used.
    RunError
        Where a file cannot be written.
    """
    if not plan.removals:
        return
    folder = plan.folder
    facts = read_facts(folder)
    noted = facts.get("purged", {})
    model = folder / "model.json"
    if "model" not in noted and model.is_file():
        noted["model"] = file_sha256(model)  # decisions belong to the model as it was
    removed = {**noted.get("removed", {}), **{one.file: one.what for one in plan.removals}}
    # Before anything goes, so that a store is still known to belong to the run.
    noted |= {"at": datetime.now(UTC).isoformat(timespec="seconds"), "removed": removed}
    write_json(folder / "run.json", {**facts, "purged": noted})
    for one in plan.stores:
        if one.holds:
            _note_anew(folder, facts, noted, one, False)
            empty_store(folder, one)
            _note_anew(folder, facts, noted, one, True)
    for name, clean in _CLEANERS.items():
        if (folder / name).is_file():
            clean(folder / name, True)
    _make_report(folder)


def _note_anew(
    folder: Path, facts: dict[str, Any], noted: dict[str, Any], store: HeldStore, done: bool
) -> None:
    """Note whether a file of decisions was written anew since it was emptied, before that and after it."""
    others = [one for one in noted.get("written_anew", ()) if one != store.name]
    noted["written_anew"] = [*others, store.name] if done and store.file is not None else others
    write_json(folder / "run.json", {**facts, "purged": noted})


def _make_report(folder: Path) -> None:
    if (folder / "report.html").is_file():
        make_report_again(folder)


def _clean_columns(path: Path, write: bool, held: Callable[[pl.DataFrame], list[str]]) -> bool:
    """Whether a table has columns of values, which go if asked."""
    table = pl.read_csv(path, infer_schema=False) if path.suffix == ".csv" else read_table(path)
    values = held(table)
    if values and write:
        write_table(table.drop(values), path)
    return bool(values)


def _review(path: Path, write: bool) -> bool:
    return _clean_columns(
        path, write, lambda table: [one for one in table.columns if one.startswith(("left_", "right_"))]
    )


def _sample(path: Path, write: bool) -> bool:
    ours = ("match", "key", "inclusion")
    return _clean_columns(
        path,
        write,
        lambda table: [one for one in table.columns if one not in ours and not one.startswith(_PAIR_IDS)],
    )


def _golden(path: Path, write: bool) -> bool:
    return _clean_columns(
        path,
        write,
        lambda table: [one for one in table.columns if {f"{one}_source", f"{one}_id"} <= set(table.columns)],
    )


def _households(path: Path, write: bool) -> bool:
    """Households are called by their address, or by the id that a field gives: they get numbers."""
    table = read_table(path)
    sides = [one for one in ("household_left", "household_right") if table.schema.get(one) == pl.String]
    if sides and write:
        # In the order of the rows: a rank would tell something of the order of addresses.
        first = [
            table[one].unique(maintain_order=True).to_frame().with_row_index(f"number_{one}") for one in sides
        ]
        for one, frame in zip(sides, first, strict=True):
            table = table.join(frame, on=one, how="left", maintain_order="left").with_columns(
                pl.col(f"number_{one}").cast(pl.Int64).alias(one)
            )
        write_table(table.drop([f"number_{one}" for one in sides]), path)
    return bool(sides)


def _json(path: Path, write: bool) -> bool:
    """Whether a file of figures holds values, which go if asked."""
    data = read_figures(path)
    found = list(_emptied(data))
    if found and write:
        if path.name == "model.json" and "frequencies" in found:
            data["purged"] = True  # without them it decides otherwise, so that nothing may be decided by it
        write_json(path, data)
    return bool(found)


def _emptied(data: Any) -> Iterator[str]:
    """Empty what holds values in place, and yield what it was."""
    if isinstance(data, list):
        for one in data:
            yield from _emptied(one)
        return
    if not isinstance(data, dict):
        return
    for example in data.get("examples") or ():
        if isinstance(example, dict) and (example.get("left") or example.get("right")):
            example["left"], example["right"] = {}, {}
            yield "example"
    block = data.get("largest_block")
    if isinstance(block, dict) and block.get("values"):
        block["values"] = []
        yield "block"
    known = data.get("frequencies")  # of a comparison
    if isinstance(known, dict) and known.get("by") != "value":  # the table itself, value to share
        data["frequencies"] = True
        yield "frequencies"
    elif isinstance(known, dict) and known.pop("table", None):
        yield "frequencies"
    for key, one in data.items():
        if key not in ("examples", "largest_block"):
            yield from _emptied(one)


_CLEANERS: dict[str, Callable[[Path, bool], bool]] = {
    "review.parquet": _review,
    "sample.csv": _sample,
    "golden.parquet": _golden,
    "households.parquet": _households,
    "quality.json": _json,
    "model.json": _json,
    "run.json": _json,
}


def purged_text(plan: Purge) -> str:
    """What was done, for people."""
    facts = json.loads((plan.folder / "run.json").read_text("utf-8"))
    but = f", but not the decisions in {', '.join(plan.others)}" if plan.others else ""
    return (
        f"{plan.folder}: purged of values of records{but}; run.json says what was removed "
        f"({facts['purged']['at']})."
    )
