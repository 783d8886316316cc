"""Levels of pairs of names: by shared phonetic codes, and by how one forename stands for another."""

from __future__ import annotations

import numpy as np

from tallystick._compile import inlined_kernel, kernel
from tallystick.comparisons.kernels_jaro import HEADS_AHEAD, head_prefix, jaro_level
from tallystick.comparisons.kernels_signatures import common_bound
from tallystick.comparisons.kernels_words import fetch_ahead

# Columns of the table of facts of forenames.
KEY, FIRST, FORMS, FORMS_END, CODES, CODES_END, FORM_MARKS, CODE_MARKS = range(8)
# How two forenames may relate, as columns of the levels that a comparator has.
DIFFERENT, SOUND, INITIAL, PREFIX, NICKNAME, VARIANT, EQUAL = range(7)


@inlined_kernel
def share_one(items, at, stop, other, other_stop):  # type: ignore[no-untyped-def]
    """Whether two ascending runs of `items` have one in common."""
    while at < stop and other < other_stop:
        if items[at] == items[other]:
            return True
        if items[at] < items[other]:
            at += 1
        else:
            other += 1
    return False


@kernel
def phonetic_levels(a, b, keys_l, starts_l, keys_r, starts_r, items, out):  # type: ignore[no-untyped-def]
    """2 where texts are equal, 1 where they share a code, else 0, and 3 where either has none.

    Parameters
    ----------
    a, b : int32 arrays, shape (n,)
    keys_l, keys_r : int32 arrays
        As of `tallystick.comparisons.text.joint_keys`.
    starts_l, starts_r, items
        As of `tallystick.comparisons.shared_items.SharedItems`.
    out : uint8 array, shape (n,)
    """
    for k in range(len(a)):
        x = np.int64(a[k])
        y = np.int64(b[k])
        at, stop = starts_l[x], starts_l[x + 1]
        other, other_stop = starts_r[y], starts_r[y + 1]
        if at == stop or other == other_stop:
            out[k] = 3
        elif keys_l[x] == keys_r[y]:
            out[k] = 2
        else:
            out[k] = share_one(items, at, stop, other, other_stop)


@inlined_kernel
def begins(chars_l, start_a, len_a, chars_r, start_b, len_b):  # type: ignore[no-untyped-def]
    """Whether the shorter of two texts is the beginning of the longer."""
    i = 0
    while i < min(len_a, len_b) and chars_l[start_a + i] == chars_r[start_b + i]:
        i += 1
    return i == min(len_a, len_b)


@inlined_kernel
def may_share(facts_l, x, facts_r, y, marks):  # type: ignore[no-untyped-def]
    """Whether two values may share an item, by a column of marks: a bit for each item, not its own."""
    return (facts_l[x, marks] & facts_r[y, marks]) != 0


@inlined_kernel
def is_far(facts_l, x, facts_r, y, heads_l, heads_r, needs, first_letters):  # type: ignore[no-untyped-def]
    """Whether two values are surely different, told without a branch that depends on them: most pairs are."""
    longest = needs.shape[1] - 1
    len_a = min(np.int64(heads_l[x, 1]), longest)
    len_b = min(np.int64(heads_r[y, 1]), longest)
    need = needs[head_prefix(heads_l, x, heads_r, y), len_a, len_b]
    return (
        (common_bound(heads_l, x, heads_r, y) < need)
        & (((heads_l[x, 3] ^ heads_r[y, 3]) & first_letters) != 0)
        & ((facts_l[x, FORM_MARKS] & facts_r[y, FORM_MARKS]) == 0)
        & ((facts_l[x, CODE_MARKS] & facts_r[y, CODE_MARKS]) == 0)
        & (facts_l[x, FIRST] > 0)
        & (facts_r[y, FIRST] > 0)
    )


@inlined_kernel
def relation(  # type: ignore[no-untyped-def]
    x, y, facts_l, facts_r, forms, codes, chars_l, heads_l, chars_r, heads_r, alphabet,
    shortest, levels, thresholds, lowest, needs, flags,
):  # fmt: skip
    """How left value x and right value y relate, both there and of different spelling."""
    len_a = np.int64(heads_l[x, 1])
    len_b = np.int64(heads_r[y, 1])
    if (  # the same letters but for accents: whatever a dictionary says of them
        levels[VARIANT] > 0
        and len_a == len_b
        and len_a > 1
        and begins(chars_l, np.int64(heads_l[x, 0]), len_a, chars_r, np.int64(heads_r[y, 0]), len_b)
    ):
        return VARIANT
    if may_share(facts_l, x, facts_r, y, FORM_MARKS) and share_one(
        forms, facts_l[x, FORMS], facts_l[x, FORMS_END], facts_r[y, FORMS], facts_r[y, FORMS_END]
    ):
        return NICKNAME
    p = facts_l[x, FIRST]
    q = facts_r[y, FIRST]
    if p <= 0 or q <= 0:  # an initial, or a value without a letter
        return INITIAL if abs(p) == abs(q) and p != 0 else DIFFERENT
    shorter = min(len_a, len_b)
    if (
        levels[PREFIX] > 0
        and len_a != len_b
        and shorter >= shortest
        and begins(chars_l, np.int64(heads_l[x, 0]), len_a, chars_r, np.int64(heads_r[y, 0]), len_b)
    ):
        return PREFIX
    if levels[VARIANT] > 0:
        longest = needs.shape[1] - 1
        need = needs[head_prefix(heads_l, x, heads_r, y), min(len_a, longest), min(len_b, longest)]
        if common_bound(heads_l, x, heads_r, y) >= need:
            level = jaro_level(
                x, y, chars_l, heads_l, chars_r, heads_r, alphabet, False,
                thresholds, lowest, False, 0.1, 4, 0.7, flags,
            )  # fmt: skip
            if level > 0:
                return VARIANT
    if may_share(facts_l, x, facts_r, y, CODE_MARKS) and share_one(
        codes, facts_l[x, CODES], facts_l[x, CODES_END], facts_r[y, CODES], facts_r[y, CODES_END]
    ):
        return SOUND
    return DIFFERENT


@kernel
def forename_levels(  # type: ignore[no-untyped-def]
    a, b, facts_l, facts_r, forms, codes, chars_l, heads_l, chars_r, heads_r, alphabet, text_length,
    shortest, levels, thresholds, lowest, needs, out,
):  # fmt: skip
    """Level of each pair of forenames.

    Parameters
    ----------
    a, b : int32 arrays, shape (n,)
    facts_l, facts_r : int64 arrays, shape (n_values + 1, 8)
        For each value its key (0 missing; equal keys are equal values), its first letter (negative where it
        is an initial, 0 where it has none), where its full forms and its phonetic codes begin and end, and
        marks of both (see `may_share`).
    forms, codes : int32 arrays
        Full forms that values stand for, and phonetic codes; ascending for each value.
    chars_l, heads_l, chars_r, heads_r, alphabet, text_length
        The letters of the values, as `StringTables` has them.
    shortest : int
        Letters that a beginning has to have.
    levels : int64 array, shape (7,)
        Level of each relation; 0 of those that are not told apart.
    thresholds, lowest, needs
        Of Jaro-Winkler similarity, as in `jaro_levels`.
    out : uint8 array, shape (n,)
    """
    flags = np.zeros((2, text_length if text_length > 64 else 0), np.bool_)
    missing = levels[EQUAL] + 1
    # Heads have 16 bits of each of the first four letters.
    first_letters = (np.uint64(1) << np.uint64(16 * min(shortest, 3))) - np.uint64(1)
    for k in range(len(a)):
        ahead = np.int64(min(k + HEADS_AHEAD, len(a) - 1))
        fetch_ahead(facts_l, np.uint64(8) * np.uint64(a[ahead]))
        fetch_ahead(facts_r, np.uint64(8) * np.uint64(b[ahead]))
        fetch_ahead(heads_l, np.uint64(4) * np.uint64(a[ahead]))
        fetch_ahead(heads_r, np.uint64(4) * np.uint64(b[ahead]))
        x = np.uint64(a[k])
        y = np.uint64(b[k])
        if is_far(facts_l, x, facts_r, y, heads_l, heads_r, needs, first_letters):
            out[k] = 0
            continue
        key = facts_l[x, KEY]
        other = facts_r[y, KEY]
        if key == 0 or other == 0:
            out[k] = missing
        elif key == other:
            out[k] = levels[EQUAL]
        else:
            out[k] = levels[
                relation(
                    x, y, facts_l, facts_r, forms, codes, chars_l, heads_l, chars_r, heads_r, alphabet,
                    shortest, levels, thresholds, lowest, needs, flags,
                )
            ]  # fmt: skip
