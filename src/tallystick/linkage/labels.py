"""Labelled pairs, read and checked: whether they belong to records, and do not contradict each other."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.blocking.constraint import Constraint, Links, constraint
from tallystick.blocking.plan import Kind
from tallystick.errors import InputError, TallystickWarning
from tallystick.estimation.labelled import Labels, first_pass
from tallystick.linkage.identify import Rows, read_pair_table
from tallystick.linkage.prepare import Prepared
from tallystick.linking.cluster import connected_components
from tallystick.records.records import Records

ANSWERS = {
    **dict.fromkeys(("1", "1.0", "true", "yes", "y", "match", "link"), 1),
    **dict.fromkeys(("0", "0.0", "false", "no", "n", "non-match", "non-link", "nonmatch", "nonlink"), 0),
    **dict.fromkeys(("", "unsure", "?"), -1),
}
"""What may stand in the column ``match``, in any case; -1 is no label."""
SHOWN = 10
"""Contradictions that a message names."""


@dataclass(frozen=True)
class LabelFile:
    """The rows of a file of labelled pairs.

    Attributes
    ----------
    path : path
        The file.
    left, right : int32 arrays, shape (n_rows,)
        Global rows of the records, left < right.
    answer : int8 array, shape (n_rows,)
        1 is a match, 0 a non-match, -1 not labelled (blank or unsure).
    inclusion : float64 array, shape (n_rows,), optional
        Probability with which each pair was drawn.
    stratum : int64 array, shape (n_rows,), optional
        Of the pairs that `tallystick gold draw` drew; -1 for other pairs.
    """

    path: Path
    left: Rows
    right: Rows
    answer: NDArray[np.int8]
    inclusion: NDArray[np.float64] | None
    stratum: NDArray[np.int64] | None

    @property
    def text(self) -> str:
        """How many pairs are labelled."""
        n = {value: int((self.answer == value).sum()) for value in (1, 0, -1)}
        text = f"{n[1] + n[0]:,} of {len(self.answer):,} pairs are labelled: {n[1]:,} matches, "
        return f"{text}{n[0]:,} non-matches" + (f"; {n[-1]:,} are blank or unsure" if n[-1] else "")


def design_path(path: Path) -> Path:
    """The file in which the design of a sample stands: beside it, so that clerks see no weights.

    Examples
    --------
    >>> design_path(Path("work/gold.csv")).name
    'gold.design.csv'
    """
    return path.with_name(f"{path.stem}.design{path.suffix}")


def read_label_file(path: str | Path, records: Records, kind: Kind) -> LabelFile:
    """Read a file of labelled pairs, and its design where that stands beside it.

    Parameters
    ----------
    path : path
        A CSV or Parquet file: ids, ``match``, and ``inclusion`` where it is known.
    records : Records
        The records.
    kind : {"link", "dedupe", "link_and_dedupe"}
        Which records are compared.

    Returns
    -------
    LabelFile

    Raises
    ------
    InputError
        Where an id belongs to no record, a value is no label, or an inclusion probability is none.
    """
    path = Path(path)
    frame, left, right = read_pair_table(path, records, kind, ("match", "inclusion"))
    if "match" not in frame.columns:
        raise InputError(
            f"{path}: there is no column 'match': add one with 1 or yes for a match, 0 or no for a "
            "non-match, and nothing where it is not known."
        )
    words = frame["match"].fill_null("").str.to_lowercase()
    answer = words.replace_strict(ANSWERS, default=None, return_dtype=pl.Int8)
    if answer.null_count():
        line = int(answer.is_null().arg_true()[0]) + 1
        raise InputError(
            f"{path}: row {line} has {frame['match'][line - 1]!r} in the column match, which is no label "
            f"({answer.null_count()} such rows): expected 1 or yes, 0 or no, or nothing where it is not "
            "known."
        )
    inclusion = stratum = None
    if "inclusion" in frame.columns:
        inclusion = _probabilities(path, frame["inclusion"])
    elif (design := design_path(path)).is_file():
        found, *pairs = read_pair_table(design, records, kind, ("inclusion", "stratum"))
        number = {pair: k for k, pair in enumerate(zip(*(rows.tolist() for rows in pairs), strict=True))}
        at = np.array([number.get(pair, -1) for pair in zip(left.tolist(), right.tolist(), strict=True)], int)
        own = _probabilities(design, found["inclusion"])
        if (at[answer.to_numpy() >= 0] < 0).any():
            line = int(np.flatnonzero((at < 0) & (answer.to_numpy() >= 0))[0]) + 1
            raise InputError(
                f"{path}: row {line} is a pair that {design.name} does not have, so that it is not known how "
                "likely it was to be drawn: put pairs of other origin into another file, or give a column "
                "inclusion."
            )
        inclusion = np.where(at >= 0, own[at], 1.0)
        if "stratum" in found.columns:
            stratum = np.where(at >= 0, found["stratum"].cast(pl.Int64).to_numpy()[at], -1)
    return LabelFile(path, left, right, answer.to_numpy(), inclusion, stratum)


def _probabilities(path: Path, column: pl.Series) -> NDArray[np.float64]:
    values = column.cast(pl.Float64, strict=False)
    wrong = (values.is_null() | values.is_nan() | (values <= 0) | (values > 1)).fill_null(True)
    if wrong.any():
        line = int(wrong.arg_true()[0]) + 1
        raise InputError(
            f"{path}: row {line} has {column[line - 1] or 'nothing'} as inclusion: expected the probability "
            "with which the pair was drawn, above 0 and at most 1."
        )
    return values.to_numpy()


def contradictions(file: LabelFile, records: Records, links: Links = "many_to_many") -> Iterator[str]:
    """Labels that cannot all be true, a sentence each, ids and rows named.

    Parameters
    ----------
    file : LabelFile
        The labels.
    records : Records
        The records.
    links : {"many_to_many", "one_to_one", "one_to_many", "many_to_one"}
        How many matches a record may have to another source.

    Yields
    ------
    str
    """

    def named(row: int) -> str:
        source = int(np.searchsorted(records.offsets, row, side="right") - 1)
        of = "" if len(records.sources) == 1 else f" of source {records.sources[source]!r}"
        return f"{records.ids[row]!r}{of}"

    pairs: dict[tuple[int, int], int] = {}
    labelled = np.flatnonzero(file.answer >= 0).tolist()
    for k in labelled:
        pair = int(file.left[k]), int(file.right[k])
        first = pairs.setdefault(pair, k)
        if file.answer[first] != file.answer[k]:
            yield (
                f"rows {first + 1} and {k + 1} label the same pair, {named(pair[0])} and {named(pair[1])}, "
                "as a match and as none"
            )
    matches = [(pair, k) for pair, k in pairs.items() if file.answer[k] == 1]
    partner: dict[tuple[int, int], int] = {}
    for pair, k in matches:
        s, t = (int(np.searchsorted(records.offsets, row, side="right") - 1) for row in pair)
        limits = constraint(links, *records.declared(s, t)) if s != t else Constraint()
        for row, other, once in ((pair[0], t, limits.left_once), (pair[1], s, limits.right_once)):
            if once and (first := partner.setdefault((row, other), k)) != k:
                of = "" if len(records.sources) == 2 else f" of source {records.sources[other]!r}"
                why = (
                    f"the linkage is {links}"
                    if constraint(links) == limits
                    else f"source {records.sources[other]!r} is declared duplicate_free"
                )
                yield f"rows {first + 1} and {k + 1} match {named(row)} with two records{of}, though {why}"
    if links == "one_to_one":
        return
    left, right = (np.array([pair[side] for pair, _ in matches], np.int64) for side in (0, 1))
    entity = connected_components(left, right, records.n_records)
    for pair, k in pairs.items():
        if file.answer[k] == 0 and entity[pair[0]] == entity[pair[1]] and pair[0] != pair[1]:
            yield (
                f"row {k + 1} says that {named(pair[0])} and {named(pair[1])} do not match, but matches of "
                "other rows join them through other records"
            )


def read_labels(path: str | Path, records: Records, kind: Kind, links: Links = "many_to_many") -> Labels:
    """Read labelled pairs for an estimate.

    Parameters
    ----------
    path, records, kind
        As of `read_label_file`.
    links : {"many_to_many", "one_to_one", "one_to_many", "many_to_one"}
        How many matches a record may have to another source.

    Returns
    -------
    Labels
        Each labelled pair once, by left and right row.

    Raises
    ------
    InputError
        As of `read_label_file`, and where labels contradict each other or none is a match.

    Warns
    -----
    TallystickWarning
        How many pairs are not labelled, where any are not.
    """
    file = read_label_file(path, records, kind)
    if wrong := list(contradictions(file, records, links)):
        raise InputError(contradicted(file, wrong))
    keep = np.flatnonzero(file.answer >= 0)
    if not (file.answer == 1).any():
        raise InputError(
            f"{path}: none of the {len(keep)} labelled pairs is a match, so that m cannot be learnt: label "
            "some pairs that are."
        )
    if len(keep) < len(file.answer):
        warnings.warn(f"{path}: {file.text} and left out.", TallystickWarning, stacklevel=2)
    number = file.left[keep].astype(np.int64) * records.n_records + file.right[keep]
    _, first = np.unique(number, return_index=True)
    keep = keep[first]
    inclusion = np.ones(len(keep)) if file.inclusion is None else file.inclusion[keep]
    return Labels(file.left[keep], file.right[keep], file.answer[keep] == 1, inclusion)


def contradicted(file: LabelFile, wrong: list[str]) -> str:
    """The message for labels that contradict each other."""
    more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return (
        f"{file.path}: {len(wrong)} contradiction{'s' if len(wrong) > 1 else ''} among the labels: "
        + "; ".join(wrong[:SHOWN])
        + more
        + ": decide which label is right."
    )


def with_labels(prepared: Prepared) -> Prepared:
    """The prepared records with the labelled pairs that the specification names, where it names any.

    Parameters
    ----------
    prepared : Prepared
        The records.

    Returns
    -------
    Prepared
    """
    spec, path = prepared.spec, prepared.spec.estimation.labels
    if path is None:
        return prepared
    labels = read_labels(path, prepared.records, prepared.kind, spec.decision.links)
    if spec.estimation.labels_u:
        _check_non_matches(path, prepared, labels)
    return replace(prepared, labels=labels)


def _check_non_matches(path: str, prepared: Prepared, labels: Labels) -> None:
    """Refuse u from non-matches that blocking alone has found."""
    others = ~labels.match
    if not others.any():
        raise InputError(
            f"{path}: labels_u is true, but no labelled pair is a non-match: label some, or set it false."
        )
    blocking = prepared.plan.blocking
    if (
        not blocking.compares_all
        and (first_pass(blocking, labels.left[others], labels.right[others]) >= 0).all()
    ):
        raise InputError(
            f"{path}: labels_u is true, but the labelled non-matches are all found by blocking passes, and "
            "so agree more often than non-matches do: label pairs from among all, or set it false."
        )
