"""Which comes first, surname or forename, told from how often words stand in either place.

Every name that says itself which is its surname (by a comma, by capitals) counts for its words, and so do a
user's tables of names. Log odds that a name was taken apart in the right order are those of its two outer
words, with smoothed frequencies and the name itself left out:

    log [F(forename) S(surname)] / [F(surname) S(forename)]

where F and S are the shares of a word among forenames and among surnames (naive Bayes).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log

from tallystick.preparation.names.lexicon import plain
from tallystick.preparation.names.parts import NameParser, Split, Undecided

_VOTE = log(10)
_CLEAR = log(100)
_DOUBT = log(10)
_FEWEST_VOTES = 10
_SHARE = 0.9
_SUPPORT = 3
"""In so many other records a word has to stand in the other role before a name is turned round for it."""


@dataclass
class Frequencies:
    """How many records have a word as forename and as surname.

    Attributes
    ----------
    forenames, surnames : Counter
    new_forename, new_surname : float
        What a word counts for that is not among them.
    """

    forenames: Counter[str] = field(default_factory=Counter)
    surnames: Counter[str] = field(default_factory=Counter)
    new_forename: float = 0.5
    new_surname: float = 0.5

    def smooth(self) -> None:
        """Set what new words count for: all of them together as much as those that were seen once.

        Surnames are many and forenames few, so that a new word is rather a surname (I. J. Good, The
        population frequencies of species and the estimation of population parameters, Biometrika 40, 1953).
        """
        n_words = len(set(self.forenames) | set(self.surnames))
        self.new_forename, self.new_surname = (
            min(0.5, (sum(n == 1 for n in counts.values()) + 1) / (n_words - len(counts) + 2))
            for counts in (self.forenames, self.surnames)
        )

    def add(self, split: Split, n: int) -> None:
        """Count the outer words of a name."""
        forename, surname = _outer(split)
        self.forenames[forename] += n
        self.surnames[surname] += n

    def log_odds(self, split: Split, without: int = 0) -> float:
        """Log odds that a name was taken apart in the right order, so many of its own records left out."""
        forename, surname = _outer(split)
        first, last = self.new_forename, self.new_surname
        right = (self.forenames[forename] - without + first) * (self.surnames[surname] - without + last)
        return log(right / ((self.forenames[surname] + first) * (self.surnames[forename] + last)))

    def support(self, split: Split) -> int:
        """How many of the two words are known in the other role."""
        forename, surname = _outer(split)
        return (self.forenames[surname] >= _SUPPORT) + (self.surnames[forename] >= _SUPPORT)


@dataclass(frozen=True)
class Settled:
    """Names whose order is decided as far as it can be.

    Attributes
    ----------
    splits : list of Split or Undecided
    turned : list of bool
        Those that the frequencies decided against, or without, the custom.
    """

    splits: list[Split | Undecided]
    turned: list[bool]


def settle(
    texts: Sequence[str],
    splits: Sequence[Split | Undecided],
    n_records: Sequence[int],
    parser: NameParser,
    known: Frequencies | None = None,
) -> Settled:
    """Turn round what stands in the other order, where the frequencies are clear.

    Parameters
    ----------
    texts : sequence of str
        Distinct names.
    splits : sequence of Split or Undecided
        As the parser takes them apart by itself.
    n_records : sequence of int
        How many records have each.
    parser : NameParser
    known : Frequencies, optional
        Of names from elsewhere.

    Returns
    -------
    Settled
    """
    result = list(splits)
    turned = [False] * len(result)
    counts = Frequencies(Counter(known.forenames), Counter(known.surnames)) if known else Frequencies()
    for split, n in zip(splits, n_records, strict=True):
        if isinstance(split, Split) and split.marked:
            counts.add(split, n)
    open_ = [at for at, split in enumerate(result) if isinstance(split, Split) and not split.marked]

    # The column: is the custom right for it? Only names and words that are sure count here.
    right, wrong = _votes(result, open_, n_records, counts, leave_out=False)
    if right + wrong >= _FEWEST_VOTES and wrong >= _SHARE * (right + wrong):
        for at in open_:
            turned[at] = _turn(result, at, texts[at], parser)

    # Each value, against all others; how many are right at large is what is expected of one beforehand.
    for at in open_:
        split = result[at]
        if isinstance(split, Split):
            counts.add(split, n_records[at])
    counts.smooth()
    right, wrong = _votes(result, open_, n_records, counts, leave_out=True)
    prior = log((right + 1) / (wrong + 1))
    judged = [(at, _judged(result[at], counts, prior, n_records[at])) for at in open_]
    for at, verdict in judged:
        if verdict == "turn":
            turned[at] = _turn(result, at, texts[at], parser) != turned[at]
        elif verdict == "doubt":
            result[at] = Undecided.ORDER
            turned[at] = False

    _decide_open(texts, result, turned, counts, parser)
    return Settled(result, turned)


def _outer(split: Split) -> tuple[str, str]:
    """The word that was taken for the forename, and that for the surname."""
    return plain(split.parts["first"].split()[0]), plain(split.parts["last"].split()[-1])


def _votes(
    splits: list[Split | Undecided],
    at: list[int],
    n_records: Sequence[int],
    counts: Frequencies,
    *,
    leave_out: bool,
) -> tuple[int, int]:
    """In how many records the words speak for the order that was taken, and against it."""
    right = wrong = 0
    for one in at:
        split = splits[one]
        if isinstance(split, Split):
            odds = counts.log_odds(split, n_records[one] if leave_out else 0)
            right += n_records[one] * (odds >= _VOTE)
            wrong += n_records[one] * (odds <= -_VOTE)
    return right, wrong


def _judged(split: Split | Undecided, counts: Frequencies, prior: float, n: int) -> str:
    support = 0 if isinstance(split, Undecided) else counts.support(split)
    if isinstance(split, Undecided) or not support:
        return "keep"
    odds = counts.log_odds(split, n) + prior
    return "turn" if odds <= -_CLEAR and support == 2 else "doubt" if odds < _DOUBT else "keep"


def _turn(splits: list[Split | Undecided], at: int, text: str, parser: NameParser) -> bool:
    """Take a name apart in the other order; whether it has one."""
    old = splits[at]
    if isinstance(old, Undecided):
        return False
    splits[at] = parser(text, not old.surname_first)
    return isinstance(splits[at], Split)


def _decide_open(
    texts: Sequence[str],
    splits: list[Split | Undecided],
    turned: list[bool],
    counts: Frequencies,
    parser: NameParser,
) -> None:
    """Decide names of which not even the custom tells the order, where their words are known well enough."""
    for at, split in enumerate(splits):
        if split is not Undecided.ORDER:
            continue
        for surname_first in (False, True):
            tried = parser(texts[at], surname_first)
            if isinstance(tried, Split) and _is_clear(tried, counts):
                splits[at], turned[at] = tried, True
                break


def _is_clear(split: Split, counts: Frequencies) -> bool:
    forename, surname = _outer(split)
    known = min(counts.forenames[forename], counts.surnames[surname]) >= _SUPPORT
    return known and counts.log_odds(split) >= _CLEAR
