"""E-mail addresses, most of them made of the person's name."""

from __future__ import annotations

import numpy as np
import polars as pl

from tallystick.datasets.households import Truth
from tallystick.datasets.names import Names

_PROVIDERS = ("mail.example", "post.example", "inbox.example", "letters.example", "home.example")
_SHARES = np.cumsum((0.4, 0.25, 0.15, 0.12, 0.08))
_WORDS = (
    "sunny happy lucky star moon tiger dragon rocket garden music dancer rider gamer cook reader walker "
    "pilot angler baker diver fox otter raven badger comet maple cedar amber ruby jade"
)


def emails(truth: Truth, names: Names, of_name: float, rng: np.random.Generator) -> pl.Series:
    """An address for each person.

    Parameters
    ----------
    truth : Truth
        The persons at the time of the earlier file; they keep the address.
    names : Names
        What the codes of names mean.
    of_name : float
        Share of addresses made of the name: forename.surname, its initial and surname, or forename and
        year of birth, most with a number. All others are a word and a number.
    rng : numpy.random.Generator
        Where the choices are drawn from.

    Returns
    -------
    polars.Series
        Addresses.
    """
    size = len(truth.person)
    words = _WORDS.split()
    form = rng.choice(3, size, p=(0.5, 0.3, 0.2))
    own = rng.random(size) < of_name
    number = rng.integers(1, 1000, size)
    frame = pl.DataFrame(
        {
            "form": np.where(own, form, 3),
            "first": names.words.texts.gather(truth.forename).str.to_lowercase(),
            "last": names.words.texts.gather(truth.surname).str.to_lowercase(),
            "year": (1900 + truth.born // 365.2425).astype(np.int64),
            "number": pl.Series(np.where(rng.random(size) < 0.7, number, 0)).cast(pl.String).replace("0", ""),
            "word": pl.Series(words).gather(rng.integers(0, len(words), size)),
            "other": rng.integers(1000, 1_000_000, size),
            "provider": pl.Series(_PROVIDERS).gather(np.searchsorted(_SHARES[:-1], rng.random(size))),
        }
    )
    form_is = pl.col("form").eq
    local = (
        pl.when(form_is(0))
        .then(pl.concat_str("first", pl.lit("."), "last", "number"))
        .when(form_is(1))
        .then(pl.concat_str(pl.col("first").str.head(1), "last", "number"))
        .when(form_is(2))
        .then(pl.concat_str("first", "year"))
        .otherwise(pl.concat_str("word", "other"))
    )
    return frame.select(email=pl.concat_str(local, pl.lit("@"), "provider")).to_series()
