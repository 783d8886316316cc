"""Why errors are what they are, in words: made of numbers that are known of all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.linkage.truth import RunTruth
from tallystick.linkage.weighed_pairs import WeighedPairs

SHOWN = 3
"""Comparisons that an explanation names."""
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Errors:
    """False links, then missed matches.

    Attributes
    ----------
    found : RunTruth
        The run and the truth.
    left, right : int64 arrays, shape (n_errors,)
        Rows of the records.
    n_false : int
        How many are false links.
    """

    found: RunTruth
    left: Ints
    right: Ints
    n_false: int

    @property
    def missed(self) -> range:
        """Places of the missed matches."""
        return range(self.n_false, len(self.left))

    @cached_property
    def ids(self) -> list[str]:
        """Id of every record."""
        return list(self.found.records.frame["id"])

    @cached_property
    def decision(self) -> pl.Series:
        """What the run has decided of each pair; null where it has not kept it."""
        n, pairs = len(self.found.records.codes), self.found.pairs
        kept = pl.DataFrame(
            {"key": pair_key(self.found.left, self.found.right, n), "decision": pairs["decision"]}
        )
        asked = pl.DataFrame({"key": pair_key(self.left, self.right, n)})
        once = kept.unique("key", keep="first")
        return asked.join(once, on="key", how="left", maintain_order="left")["decision"]

    @cached_property
    def strongest(self) -> tuple[Ints, Floats, Bools]:
        """The strongest link of each record, or its strongest possible link where it has no link.

        The other record (-1 for none), its weight (NaN for none), and whether it is a link.
        """
        found = self.found
        taken = np.flatnonzero(found.pairs["decision"].is_in(["link", "possible"]).to_numpy())
        is_link = np.tile((found.pairs["decision"] == "link").to_numpy()[taken], 2)
        own = np.full(2 * len(taken), np.nan)
        if "weight" in found.pairs.columns:
            own = np.tile(found.pairs["weight"].fill_null(np.nan).to_numpy()[taken], 2)
        one = np.concatenate([found.left[taken], found.right[taken]])
        two = np.concatenate([found.right[taken], found.left[taken]])
        order = np.lexsort((np.nan_to_num(own, nan=np.inf), is_link))  # the strongest is written last
        n = len(found.records.codes)
        other, weight, link = np.full(n, -1, np.int64), np.full(n, np.nan), np.zeros(n, bool)
        at = one[order]
        other[at], weight[at], link[at] = two[order], own[order], is_link[order]
        return other, weight, link


def pair_key(left: Ints, right: Ints, n_records: int) -> Ints:
    """One number for each pair of rows, whichever is the left one."""
    return np.asarray(np.minimum(left, right) * n_records + np.maximum(left, right), np.int64)


def rival_texts(errors: Errors) -> list[str]:
    """What the records of each missed match are linked to instead, or may be; empty where to nothing."""
    other, weight, is_link = errors.strongest
    codes, ids = errors.found.records.codes, errors.ids
    result = []
    for at in errors.missed:
        ends, said = (int(errors.left[at]), int(errors.right[at])), []
        for row in ends:
            to = int(other[row])
            if to < 0 or to in ends:
                continue
            how = "rightly" if codes[row] == codes[to] and codes[row] >= 0 else "wrongly"
            heavy = f", weight {weight[row]:.2f}" if np.isfinite(weight[row]) else ""
            what = "is linked to" if is_link[row] else "has a possible link to"
            said.append(f"{ids[row]} {what} {ids[to]} ({how}{heavy}).")
        result.append(" ".join(said))
    return result


def missed_texts(
    errors: Errors, weighed: WeighedPairs, dropped: Bools, steps: Sequence[str | None], assignment: str
) -> tuple[list[str], list[str]]:
    """Reason and explanation of each missed match.

    Parameters
    ----------
    errors : Errors
        The errors.
    weighed : WeighedPairs
        What is known of all of them.
    dropped : bool array, shape (n_errors,)
        Whether a preparation has dropped one of the records.
    steps : sequence of str or None
        Label of each scene, and a None behind them.
    assignment : str
        How the decision rule chooses among pairs that compete.

    Returns
    -------
    reasons, explanations : list of str
    """
    decision = errors.decision.to_list()
    sides = _Sides.of(weighed)
    reasons, texts = [], []
    for at, rival in zip(errors.missed, rival_texts(errors), strict=True):
        weight, step = float(weighed.weight[at]), steps[int(weighed.scene[at])]
        if dropped[at]:
            reason, text = "dropped", "An edit of the preparation has dropped one of the records."
        elif weighed.scene[at] < 0:
            reason, text = "set aside", "No step has compared the two."
        elif decision[at] == "possible" and weighed.tie[at] and assignment == "unique":
            reason = "not unique"
            text = f"A possible link of weight {weight:.2f}: a record has another pair above the threshold."
        elif decision[at] == "possible" and weighed.tie[at]:
            reason, text = "tie", f"A possible link of weight {weight:.2f}: another pair is as good."
        elif decision[at] == "possible":
            reason, text = "possible link", f"A possible link of weight {weight:.2f}, not yet judged."
        elif not weighed.found[at]:
            reason, text = "no pass finds it", f"No pass finds the pair; it would weigh {weight:.2f}."
        elif weight < weighed.lower[at]:
            reason = "below threshold"
            text = f"Its weight of {weight:.2f} is below the lower threshold of {weighed.lower[at]:.2f}."
        elif rival and weighed.competes[at]:
            reason, text = "lost the assignment", f"It weighs {weight:.2f} and lost the assignment."
        else:
            reason = "below threshold"
            text = f"It weighs {weight:.2f}; its posterior beside other candidates is below the threshold."
        text = _with_step(text, step) + sides.text(at, against=True)
        reasons.append(reason)
        texts.append(f"{text} {rival}".strip())
    return reasons, texts


def false_texts(
    errors: Errors, made: Sequence[str], candidate: Bools, weight: Floats, reasons: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Reason and explanation of each false link: what it rests on, and where the right partners were.

    Parameters
    ----------
    errors : Errors
        The errors.
    made : sequence of str, length n_false
        What each false link rests on.
    candidate : bool array, shape (n_errors,)
        Whether the linkage has compared the pair.
    weight : float64 array, shape (n_errors,)
        NaN where there is none.
    reasons : sequence of str
        Those of the missed matches.

    Returns
    -------
    reasons, explanations : list of str
    """
    partners, ids = errors.found.records.partners, errors.ids
    nearest = _nearest_missed(errors, candidate, weight)
    found, texts = [], []
    for at, text in zip(range(errors.n_false), made, strict=True):
        told, what = [], set()
        for row in (int(errors.left[at]), int(errors.right[at])):
            missed = int(nearest[row])
            if partners[row] == 0:
                what.add("none")
                told.append(f"{ids[row]} has no match.")
                continue
            if missed < 0:
                what.add("linked")
                told.append(f"{ids[row]} is linked to its match, too.")
                continue
            right = ids[int(errors.left[missed] if errors.right[missed] == row else errors.right[missed])]
            why = reasons[missed - errors.n_false]
            if candidate[missed]:
                what.add("candidate")
                heavy = f" of weight {weight[missed]:.2f}" if np.isfinite(weight[missed]) else ""
                told.append(f"The match of {ids[row]}, {right}, was a candidate{heavy} ({why}).")
            else:
                what.add("absent")
                told.append(f"The match of {ids[row]}, {right}, was no candidate ({why}).")
        found.append(next(text for name, text in _WHERE.items() if name in what))
        texts.append(" ".join([text, *told]))
    return found, texts


_WHERE = {
    "candidate": "a right partner was a candidate",
    "absent": "a right partner was no candidate",
    "linked": "linked to a right partner, too",
    "none": "neither record has a match",
}


def link_texts(errors: Errors, weighed: WeighedPairs, steps: Sequence[str | None]) -> list[str]:
    """What speaks for each false link."""
    sides = _Sides.of(weighed)
    texts = []
    for at in range(errors.n_false):
        weight = float(weighed.weight[at])
        text = f"It weighs {weight:.2f}." if np.isfinite(weight) else "It was linked by a match key."
        texts.append(_with_step(text, steps[int(weighed.scene[at])]) + sides.text(at, against=False))
    return texts


def _with_step(text: str, step: str | None) -> str:
    return text if step is None else f"Step {step}: {text[0].lower()}{text[1:]}"


def _nearest_missed(errors: Errors, candidate: Bools, weight: Floats) -> Ints:
    """Of each record the missed match of it that came nearest to a link; -1 where it has none."""
    own = np.arange(errors.n_false, len(errors.left))
    near = np.where(candidate[own], np.nan_to_num(weight[own], nan=0.0), -np.inf)
    order = own[np.argsort(near, kind="stable")]  # the nearest is written last
    at = np.full(len(errors.found.records.codes), -1, np.int64)
    at[errors.left[order]] = order
    at[errors.right[order]] = order
    return at


@dataclass(frozen=True)
class _Sides:
    """Weights of pairs by comparison, shape (n_pairs, n_parts), and what the records show in each."""

    names: list[str]
    weights: Floats
    labels: list[list[str | None] | None]

    @classmethod
    def of(cls, weighed: WeighedPairs) -> _Sides:
        names = list(weighed.parts)
        weights = np.stack([*weighed.parts.values(), weighed.weight], 1)[:, : len(names)]
        shown = [list(weighed.labels[name]) if name in weighed.labels else None for name in names]
        return cls(names, weights, shown)

    def text(self, at: int, *, against: bool) -> str:
        """What speaks against a pair most, or for it; empty where nothing does."""
        own = self.weights[at]
        order = np.argsort(own if against else -own, kind="stable").tolist()
        chosen = [k for k in order if (own[k] < 0 if against else own[k] > 0)][:SHOWN]
        absent = [
            name
            for name, labels in zip(self.names, self.labels, strict=True)
            if labels is not None and labels[at] == "missing"
        ]
        without = f" Not compared, since a value is missing: {', '.join(absent)}." if absent else ""
        if not chosen:
            return without
        shown = []
        for k in chosen:
            labels = self.labels[k]
            level = "" if labels is None else f"{labels[at]}, "
            shown.append(f"{self.names[k]} ({level}{own[k]:+.2f})")
        return f" {'Against' if against else 'For'} it: {', '.join(shown)}.{without}"
