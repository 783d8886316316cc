"""Keys of texts by their q-grams: MinHash, q-gram index and canopies."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.blocking.finders import SharedKeys
from tallystick.blocking.indexes import Canopy, MinHash, QgramIndex
from tallystick.blocking.many_keys import shared_keys
from tallystick.blocking.sort_keys import texts_of
from tallystick.errors import InputError
from tallystick.records.records import Records

MOST_SUBLISTS = 10_000
"""Sublists of q-grams that one text may have."""

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]


def qgrams_of(texts: pl.Series, q: int) -> tuple[Hashes, Places]:
    """Hashes of the q-grams of texts; they depend on the characters alone.

    Parameters
    ----------
    texts : polars.Series
        Shape (n,), no nulls.
    q : int
        Length of the q-grams; a shorter text is one itself.

    Returns
    -------
    grams : uint64 array
        Text by text, in order, what is repeated repeated.
    starts : int64 array, shape (n + 1,)
        Where those of each text start.

    Examples
    --------
    >>> grams, starts = qgrams_of(pl.Series(["anna", "na"]), 2)
    >>> starts.tolist(), bool(grams[2] == grams[3])
    ([0, 3, 4], True)
    """
    from tallystick.blocking.kernels_qgrams import hash_qgrams

    points = np.frombuffer("".join(texts.to_list()).encode("utf-32-le"), np.uint32)
    ends = np.cumsum(np.concatenate([[0], texts.str.len_chars().to_numpy()])).astype(np.int64)
    grams, starts = hash_qgrams(points, ends, q)
    return grams, starts


def minhash_keys(texts: pl.Series, one: MinHash, seed: int) -> tuple[Places, Hashes]:
    """Keys of texts, a band of minima each, as (text from 0, key) rows."""
    from tallystick.blocking.kernels_qgrams import band_keys

    grams, starts = qgrams_of(texts, one.q)
    keys = band_keys(grams, starts, one.bands, one.rows, np.uint64(seed % 2**64))
    keys[np.diff(starts) == 0] = 0
    have = np.flatnonzero(np.diff(starts))
    return np.repeat(have, one.bands), keys[have].ravel()


def sublist_keys(texts: pl.Series, one: QgramIndex) -> tuple[Places, Hashes]:
    """Keys of texts, a sublist of q-grams each, as (text from 0, key) rows.

    Raises
    ------
    InputError
        Where a text has more than `MOST_SUBLISTS`.
    """
    from tallystick.blocking import kernels_qgrams

    grams, starts = qgrams_of(texts, one.q)
    sizes = kernels_qgrams.count_sublists(starts, one.threshold)
    if sizes.max(initial=0) > MOST_SUBLISTS:
        longest = int(np.diff(starts)[int(sizes.argmax())])
        raise InputError(
            f"Pass {one.label}: a text of {longest} q-grams makes {sizes.max():,.0f} keys, more than "
            f"{MOST_SUBLISTS:,}: raise the threshold, or take the first characters of the field."
        )
    places = np.concatenate([[0], np.cumsum(sizes.astype(np.int64))])
    out = np.empty(int(places[-1]), np.uint64)
    kernels_qgrams.sublist_keys(grams, starts, one.threshold, places, out)
    return np.repeat(np.arange(len(sizes)), np.diff(places)), out


def canopy_keys(texts: pl.Series, one: Canopy, seed: int) -> tuple[Places, Places]:
    """Keys of texts, a canopy each, as (text from 0, key) rows."""
    from tallystick.blocking import kernels_qgrams

    grams, starts = qgrams_of(texts, one.q)
    found = shared_keys(
        np.arange(1, len(texts) + 1, dtype=np.int32),
        np.repeat(np.arange(1, len(starts)), np.diff(starts)),
        grams,
    )
    own, begin = found.keys - 1, found.starts[1:]
    text = np.repeat(np.arange(len(texts)), np.diff(begin))
    by_gram = text[np.argsort(own, kind="stable")]
    gram_starts = np.concatenate([[0], np.cumsum(np.bincount(own, minlength=1))])
    order = drawn_order(texts, seed)
    return kernels_qgrams.canopies(  # type: ignore[no-any-return]
        own, begin, by_gram, gram_starts, order, one.loose, one.tight
    )


def drawn_order(texts: pl.Series, seed: int) -> Places:
    """A random order of distinct texts that follows from their characters and the seed alone.

    Parameters
    ----------
    texts : polars.Series
        Shape (n,), no nulls.
    seed : int
        Where random numbers start.

    Returns
    -------
    int64 array, shape (n,)
        Positions.
    """
    longest = int(texts.str.len_chars().max() or 1)  # type: ignore[arg-type]
    whole, starts = qgrams_of(texts, max(1, longest))
    drawn = np.zeros(len(texts), np.uint64)
    drawn[np.diff(starts) > 0] = whole
    salt = np.random.default_rng(seed).integers(0, 2**63, dtype=np.uint64)
    mixed = (drawn ^ salt) * np.uint64(0x9E3779B97F4A7C15)
    return np.argsort(mixed ^ (mixed >> np.uint64(32)), kind="stable")


def index_of(records: Records, one: Canopy | QgramIndex | MinHash, seed: int) -> SharedKeys:
    """The keys of all records for a pass on spelling, whatever it looks within.

    Parameters
    ----------
    records : Records
    one : Canopy, QgramIndex or MinHash
        The pass.
    seed : int
        Where random numbers start.

    Returns
    -------
    SharedKeys
    """
    codes, texts = texts_of(records, one.parts)
    # Other parts may make the same text: it is one text.
    distinct = texts[1:].unique().sort()
    number = pl.DataFrame({"text": texts[1:]}).join(
        pl.DataFrame({"text": distinct, "number": np.arange(1, len(distinct) + 1, dtype=np.int32)}),
        on="text",
        how="left",
        maintain_order="left",
    )["number"]
    codes = np.concatenate([np.zeros(1, np.int32), number.to_numpy()])[codes]
    of: NDArray[np.int64]
    if isinstance(one, MinHash):
        of, keys = minhash_keys(distinct, one, seed)
        found = shared_keys(codes, of + 1, keys)
    elif isinstance(one, QgramIndex):
        of, keys = sublist_keys(distinct, one)
        found = shared_keys(codes, of + 1, keys)
    else:
        of, numbers = canopy_keys(distinct, one, seed)
        found = shared_keys(codes, of + 1, numbers)
    return found
