"""Why errors are what they are, in words: made of numbers that are known of all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.linkage.evaluation.truth import RunTruth
from tallystick.linkage.evaluation.weighed_pairs import WeighedPairs

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

    @property
    def decision(self) -> pl.Series:
        """What the run has decided of each pair; null where it has not kept it."""
        return self._kept["decision"]

    @property
    def reviewed(self) -> Bools:
        """Which pairs a reviewer has decided, shape (n_errors,)."""
        return np.asarray((self._kept["decided_by"] == "reviewer").fill_null(False).to_numpy())

    @cached_property
    def displaced(self) -> Bools:
        """Which pairs a link of a reviewer has displaced, shape (n_errors,).

        Of such pairs alone the posterior is 0 without a reviewer's having judged them.
        """
        if not self._of_reviewer.any() or "posterior" not in self.found.pairs.columns:
            return np.zeros(len(self.left), np.bool_)
        at = np.flatnonzero((self.found.pairs["decision"] == "link").to_numpy() & self._of_reviewer)
        taken = np.union1d(self.found.left[at], self.found.right[at])
        zero = np.asarray((self._kept["posterior"] == 0.0).fill_null(False).to_numpy())
        return zero & ~self.reviewed & (np.isin(self.left, taken) | np.isin(self.right, taken))

    @cached_property
    def _of_reviewer(self) -> Bools:
        """Which pairs of the run a reviewer has decided."""
        pairs = self.found.pairs
        if "decided_by" not in pairs.columns:
            return np.zeros(len(pairs), np.bool_)
        return np.asarray((pairs["decided_by"] == "reviewer").to_numpy())

    @cached_property
    def _kept(self) -> pl.DataFrame:
        """What the run says of each pair, a row each; nulls where it has not kept it."""
        n, columns = len(self.found.records.codes), ("decision", "decided_by", "posterior")
        kept = self.found.pairs.select(pl.col("^(decision|decided_by|posterior)$")).with_columns(
            key=pl.Series(pair_key(self.found.left, self.found.right, n), dtype=pl.Int64)
        )
        kept = kept.with_columns(
            pl.lit(None, pl.Float64 if name == "posterior" else pl.String).alias(name)
            for name in columns
            if name not in kept.columns
        )
        asked = pl.DataFrame({"key": pl.Series(pair_key(self.left, self.right, n), dtype=pl.Int64)})
        return asked.join(kept.unique("key", keep="first"), on="key", how="left", maintain_order="left")

    @cached_property
    def strongest(self) -> tuple[Ints, Floats, Bools, Bools]:
        """The strongest link of each record, or its strongest possible link where it has no link.

        The other record (-1 for none), its weight (NaN for none), whether it is a link, and whether it is
        one of a reviewer.
        """
        found = self.found
        taken = np.flatnonzero(found.pairs["decision"].is_in(["link", "possible"]).to_numpy())
        is_link = np.tile((found.pairs["decision"] == "link").to_numpy()[taken], 2)
        of_reviewer = np.tile(self._of_reviewer[taken], 2)
        own = np.full(2 * len(taken), np.nan)
        if "weight" in found.pairs.columns:
            own = np.tile(found.pairs["weight"].fill_null(np.nan).to_numpy()[taken], 2)
        one = np.concatenate([found.left[taken], found.right[taken]])
        two = np.concatenate([found.right[taken], found.left[taken]])
        order = np.lexsort((np.nan_to_num(own, nan=np.inf), is_link))  # the strongest is written last
        n = len(found.records.codes)
        other, weight, link = np.full(n, -1, np.int64), np.full(n, np.nan), np.zeros(n, bool)
        reviewed, at = np.zeros(n, bool), one[order]
        other[at], weight[at], link[at], reviewed[at] = (
            two[order],
            own[order],
            is_link[order],
            of_reviewer[order],
        )
        return other, weight, link, reviewed


def pair_key(left: Ints, right: Ints, n_records: int) -> Ints:
    """One number for each pair of rows, whichever is the left one."""
    return np.asarray(np.minimum(left, right) * n_records + np.maximum(left, right), np.int64)


def rival_texts(errors: Errors) -> list[str]:
    """What the records of each missed match are linked to instead, or may be; empty where to nothing."""
    other, weight, is_link, of_reviewer = errors.strongest
    codes, ids = errors.found.records.codes, errors.ids
    result = []
    for at in errors.missed:
        ends, said = (int(errors.left[at]), int(errors.right[at])), []
        for row in ends:
            to = int(other[row])
            if to < 0 or to in ends:
                continue
            how = "rightly" if codes[row] == codes[to] and codes[row] >= 0 else "wrongly"
            how += ", by a reviewer" if of_reviewer[row] else ""
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
    decision, reviewed, displaced = errors.decision.to_list(), errors.reviewed, errors.displaced
    sides = _Sides.of(weighed)
    reasons, texts = [], []
    for at, rival in zip(errors.missed, rival_texts(errors), strict=True):
        weight, step = float(weighed.weight[at]), None if reviewed[at] else steps[int(weighed.scene[at])]
        if dropped[at]:
            reason, text = "dropped", "An edit of the preparation has dropped one of the records."
        elif reviewed[at]:
            reason = "refused in review"
            heavy = f"; it weighs {weight:.2f}" if np.isfinite(weight) else ""
            text = f"A reviewer has judged that the two are no match{heavy}."
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
        elif displaced[at]:
            reason = "displaced by a link of a reviewer"
            text = f"It weighs {weight:.2f}, but a reviewer has linked one of the two with another record."
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
        where = next(text for name, text in _WHERE.items() if name in what)
        found.append("linked by a reviewer" if errors.reviewed[at] else where)
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
    sides, reviewed = _Sides.of(weighed), errors.reviewed
    texts = []
    for at in range(errors.n_false):
        weight = float(weighed.weight[at])
        text = f"It weighs {weight:.2f}." if np.isfinite(weight) else "It was linked by a match key."
        if reviewed[at]:
            heavy = f"; it weighs {weight:.2f}" if np.isfinite(weight) else ""
            text = f"A reviewer has linked the two{heavy}."
        step = None if reviewed[at] else steps[int(weighed.scene[at])]
        texts.append(_with_step(text, step) + sides.text(at, against=False))
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
