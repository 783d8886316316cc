"""Hashes of q-grams, and the keys that MinHash, q-gram indexes and canopies make of them."""

from __future__ import annotations

import numpy as np

from tallystick._compile import inlined_kernel, kernel

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)


@inlined_kernel
def mix(x):  # type: ignore[no-untyped-def]
    """A number of 64 bits mixed well: the finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    x = x + _GOLDEN
    x = (x ^ (x >> _30)) * _FIRST
    x = (x ^ (x >> _27)) * _SECOND
    return x ^ (x >> _31)


@kernel
def hash_qgrams(points, ends, q):  # type: ignore[no-untyped-def]
    """Hashes of the q-grams of texts, in order, and where those of each text start, shape (n_texts + 1,).

    `points` uint32 has the characters of all texts, `ends` int64 where each text starts, and the end. A text
    of fewer than `q` characters is a q-gram itself; one without any has none.
    """
    n = len(ends) - 1
    starts = np.zeros(n + 1, np.int64)
    for t in range(n):
        length = ends[t + 1] - ends[t]
        starts[t + 1] = starts[t] + (max(1, length - q + 1) if length > 0 else 0)
    out = np.empty(starts[n], np.uint64)
    for t in range(n):
        for g in range(starts[t + 1] - starts[t]):
            begin = ends[t] + g
            value = np.uint64(0)
            for c in range(begin, min(begin + q, ends[t + 1])):
                value = mix(value ^ np.uint64(points[c]))
            out[starts[t] + g] = value
    return out, starts


@kernel
def band_keys(grams, starts, bands, rows, seed):  # type: ignore[no-untyped-def]
    """A hash for each band of each text, shape (n_texts, bands): of its `rows` minima (Broder 1997)."""
    n = len(starts) - 1
    out = np.zeros((n, bands), np.uint64)
    for band in range(bands):
        for row in range(rows):
            salt = mix(seed ^ mix(np.uint64(band * rows + row)))
            for t in range(n):
                least = np.uint64(0xFFFFFFFFFFFFFFFF)
                for g in range(starts[t], starts[t + 1]):
                    least = min(least, mix(grams[g] ^ salt))
                # The band's number is in the key: bands are apart.
                out[t, band] = mix((out[t, band] + np.uint64(band)) ^ least)
    return out


@inlined_kernel
def binomial(n, k):  # type: ignore[no-untyped-def]
    """Number of ways to choose k of n, as float64."""
    found = 1.0
    for i in range(k):
        found = found * (n - i) / (i + 1)
    return found


@kernel
def count_sublists(starts, threshold):  # type: ignore[no-untyped-def]
    """Number of sublists of ``max(1, floor(k * threshold))`` to k elements of each list, float64."""
    out = np.zeros(len(starts) - 1)
    for t in range(len(out)):
        k = starts[t + 1] - starts[t]
        # Lest a product a hair below a whole number be floored to the one before.
        least = max(1, int(np.floor(k * threshold + 1e-9)))
        for m in range(least, k + 1):
            out[t] += np.floor(binomial(k, m) + 0.5)
    return out


@kernel
def sublist_keys(grams, starts, threshold, places, out):  # type: ignore[no-untyped-def]
    """Write a hash for each sublist that `count_sublists` counts, those of text t from ``places[t]``."""
    for t in range(len(starts) - 1):
        first = starts[t]
        k = starts[t + 1] - first
        least = max(1, int(np.floor(k * threshold + 1e-9)))
        at = places[t]
        for m in range(least, k + 1):
            chosen = np.arange(m)
            more = True
            while more:
                value = np.uint64(m)
                for c in chosen:
                    value = mix(value ^ grams[first + c])
                out[at] = value
                at += 1
                # The next combination in lexicographic order.
                i = m - 1
                while i >= 0 and chosen[i] == k - m + i:
                    i -= 1
                more = i >= 0
                if more:
                    chosen[i] += 1
                    for j in range(i + 1, m):
                        chosen[j] = chosen[j - 1] + 1


@kernel
def canopies(grams, starts, by_gram, gram_starts, order, loose, tight):  # type: ignore[no-untyped-def]
    """Members of canopies: text and number of the canopy, int64 arrays.

    `grams` int32 are the distinct q-grams of each text, `by_gram` the texts that have each, `order` in which
    texts become centres. Similarity is that of Jaccard.
    """
    n = len(starts) - 1
    there = np.ones(n, np.bool_)
    shared = np.zeros(n, np.int64)
    touched = np.empty(n, np.int64)
    texts = np.empty(max(16, n), np.int64)
    numbers = np.empty(max(16, n), np.int64)
    found = 0
    for number in range(n):
        centre = order[number]
        size = starts[centre + 1] - starts[centre]
        if not there[centre] or size == 0:
            continue
        n_touched = 0
        for g in range(starts[centre], starts[centre + 1]):
            for p in range(gram_starts[grams[g]], gram_starts[grams[g] + 1]):
                other = by_gram[p]
                if shared[other] == 0:
                    touched[n_touched] = other
                    n_touched += 1
                shared[other] += 1
        if found + n_touched > len(texts):
            more = np.empty(2 * (found + n_touched), np.int64)
            more[:found] = texts[:found]
            texts = more
            again = np.empty(len(more), np.int64)
            again[:found] = numbers[:found]
            numbers = again
        for p in range(n_touched):
            other = touched[p]
            alike = shared[other] / (size + starts[other + 1] - starts[other] - shared[other])
            if alike >= loose:
                texts[found] = other
                numbers[found] = number
                found += 1
            if alike >= tight:
                there[other] = False
            shared[other] = 0
    return texts[:found].copy(), numbers[:found].copy()
