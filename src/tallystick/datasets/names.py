"""Names with the frequencies of the census of the United States of 1990, from the package ``names``."""

from __future__ import annotations

import string
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from tallystick._nicknames import generated_nicknames
from tallystick.datasets.vocabulary import Ints, Vocabulary
from tallystick.errors import InputError


@dataclass(frozen=True)
class Draw:
    """Codes to draw from with given weights: `codes` and the cumulative shares of them."""

    codes: NDArray[np.int32]
    shares: NDArray[np.float64]

    def __call__(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.int32]:
        """Codes drawn independently."""
        return self.codes[np.searchsorted(self.shares, rng.random(size), side="right")]


@dataclass(frozen=True)
class Names:
    """All names of a population in one vocabulary, and how to draw them.

    Parameters
    ----------
    words : Vocabulary
        Forenames, surnames, nicknames and initials, sorted.
    male, female, surnames : Draw
        Codes into `words` with their census frequencies.
    initials : ndarray of int32, shape (words,)
        Code of the initial of each word.
    variants : ndarray of int32
        Codes of nicknames (and of the full forms of nicknames), those of one word together.
    first_variant : ndarray of int64, shape (words + 1,)
        Where the variants of each word begin.
    """

    words: Vocabulary
    male: Draw
    female: Draw
    surnames: Draw
    initials: NDArray[np.int32]
    variants: NDArray[np.int32]
    first_variant: NDArray[np.int64]

    def nickname(self, codes: Ints, rng: np.random.Generator) -> NDArray[np.int32]:
        """A nickname (or full form) of each word, drawn evenly; the word itself where it has none."""
        start = self.first_variant[codes]
        count = self.first_variant[codes + 1] - start
        drawn = start + (rng.random(len(codes)) * count).astype(np.int64)
        variants = self.variants[np.minimum(drawn, len(self.variants) - 1)]
        return np.where(count > 0, variants, codes).astype(np.int32)


def _frequencies(file: str) -> dict[str, float]:
    """Weights by name of one file of the package ``names``.

    Rare names have a percentage of 0.000 there, while the running total beside it still grows by 0.001
    every few names; so a name's weight is the slope of that total.
    """
    try:
        text = files("names").joinpath(file).read_text(encoding="ascii")
    except (ModuleNotFoundError, FileNotFoundError):
        raise InputError(
            "Generated persons take their names from the package names, which is not there: "
            'pip install "tallystick[datasets]".'
        ) from None
    listed, _, totals, _ = zip(*(line.split() for line in text.splitlines() if line), strict=True)
    total = np.array(totals, dtype=np.float64)
    steps = np.flatnonzero(np.diff(total, prepend=0.0) > 0)
    smooth = np.interp(np.arange(len(total)), steps, total[steps])
    # After the last step the slope is that before it.
    weights = np.diff(smooth, prepend=0.0)
    tail = steps[-1] + 1
    weights[tail:] = weights[tail - 1]
    return dict(zip(listed, weights.tolist(), strict=True))


def _draw(weights: dict[str, float], code_of: dict[str, int]) -> Draw:
    codes = np.array([code_of[name] for name in weights], np.int32)
    shares = np.cumsum(np.array(list(weights.values())))
    shares /= shares[-1]
    return Draw(codes, shares)


@cache
def names() -> Names:
    """The names, read once.

    Raises
    ------
    InputError
        If the package ``names`` is not installed.
    """
    male, female = _frequencies("dist.male.first"), _frequencies("dist.female.first")
    surnames = _frequencies("dist.all.last")
    nicknames = generated_nicknames()
    forms = {full: list(short) for full, short in nicknames.items()}
    for full, short in nicknames.items():
        for nickname in short:
            forms.setdefault(nickname, []).append(full)
    words = sorted({*male, *female, *surnames, *forms, *string.ascii_uppercase})
    code_of = {word: code for code, word in enumerate(words)}
    variants = [[code_of[form] for form in forms.get(word, ())] for word in words]
    return Names(
        words=Vocabulary.of(words),
        male=_draw(male, code_of),
        female=_draw(female, code_of),
        surnames=_draw(surnames, code_of),
        initials=np.array([code_of[word[0]] for word in words], np.int32),
        variants=np.array([code for of_word in variants for code in of_word], np.int32),
        first_variant=np.array([0, *accumulate(map(len, variants))], np.int64),
    )
