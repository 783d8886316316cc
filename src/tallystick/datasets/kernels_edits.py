"""Errors of typing and reading, made on rows of bytes."""

from __future__ import annotations

import numpy as np

from tallystick._compile import kernel


@kernel
def draw_below(state, limit):  # type: ignore[no-untyped-def]
    """A number from 0 to `limit` - 1; steps the generator, whose `state` is (1,) uint64.

    It is splitmix64 (Steele, Lea and Flood 2014, figure 17).
    """
    state[0] = state[0] + np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.int64(z >> np.uint64(1)) % limit


@kernel
def mistype(row, length, state, neighbours, counts):  # type: ignore[no-untyped-def]
    """One slip of the hand in `row`; return its new length.

    `neighbours` (128, n) uint8 and `counts` (128,): the keys beside each key. Of 20 slips, 9 hit a
    neighbouring key, 4 leave a character out, 4 put one in and 3 transpose two.
    """
    slip = draw_below(state, 20)
    at = draw_below(state, length)
    if slip < 4 and length > 1:
        for k in range(at, length - 1):
            row[k] = row[k + 1]
        return length - 1
    if slip < 7 and length > 1:
        at = min(at, length - 2)
        if row[at] != row[at + 1]:
            row[at], row[at + 1] = row[at + 1], row[at]
            return length
    for step in range(length):
        place = (at + step) % length
        beside = counts[row[place]]
        if beside > 0:
            hit = neighbours[row[place], draw_below(state, beside)]
            if slip >= 16:
                # As often the same key twice as the one beside it.
                if draw_below(state, 2) == 0:
                    hit = row[place]
                for k in range(length, place, -1):
                    row[k] = row[k - 1]
                row[place] = hit
                return length + 1
            row[place] = hit
            return length
    # No key has a neighbour: the last one is hit twice.
    row[length] = row[length - 1]
    return length + 1


@kernel
def misread(row, length, state, patterns, replacements, everywhere):  # type: ignore[no-untyped-def]
    """Apply one of the rules that fit at a random place of `row`; return its new length.

    `patterns` and `replacements` (rules, 2) uint8: one or two characters, 0 none. With `everywhere`,
    half of the rules of one character for another hold for the whole row. A row that no rule fits stays.
    """
    first = draw_below(state, length)
    first_rule = draw_below(state, len(patterns))
    for step in range(length):
        at = (first + step) % length
        for turn in range(len(patterns)):
            rule = (first_rule + turn) % len(patterns)
            old = 1 if patterns[rule, 1] == 0 else 2
            if row[at] != patterns[rule, 0]:
                continue
            if old == 2 and (at + 1 >= length or row[at + 1] != patterns[rule, 1]):
                continue
            new = 2 if replacements[rule, 1] != 0 else (1 if replacements[rule, 0] != 0 else 0)
            if old == 1 and new == 1 and everywhere and draw_below(state, 2) == 0:
                for k in range(length):
                    if row[k] == patterns[rule, 0]:
                        row[k] = replacements[rule, 0]
                return length
            if new > old:
                for k in range(length, at + 1, -1):
                    row[k] = row[k - 1]
            elif new < old:
                for k in range(at + new, length - (old - new)):
                    row[k] = row[k + old - new]
            for k in range(new):
                row[at + k] = replacements[rule, k]
            return length + new - old
    return length


@kernel
def transpose(row, length, state):  # type: ignore[no-untyped-def]
    """Transpose two neighbours of `row` that differ, where there are any; return its length."""
    first = draw_below(state, length)
    for step in range(length):
        at = (first + step) % length
        if at + 1 < length and row[at] != row[at + 1]:
            row[at], row[at + 1] = row[at + 1], row[at]
            break
    return length


@kernel
def edit_rows(  # type: ignore[no-untyped-def]
    rows, lengths, methods, again, seeds, neighbours, counts, patterns, replacements, first_rule
):
    """Put an error into each row, in place; every row is another text afterwards.

    `rows` (n, width) uint8, padded, with room for four characters more; `lengths` (n,) int64, at least 1.
    `methods` (n,): 0 typing, 1 transposition, 2 and more the rules ``first_rule[method - 2]`` to
    ``first_rule[method - 1]``; the first of these sets, for names, changes whole rows half of the time.
    `again` (n,) bool: a second error. `seeds` (n,) uint64. Where a row is as it was, typing makes up for it.
    """
    width = rows.shape[1]
    before = np.empty(width, np.uint8)
    state = np.empty(1, np.uint64)
    for n in range(len(rows)):
        row = rows[n]
        for k in range(width):  # copying by slice compiles the text of its error, for a second
            before[k] = row[k]
        whole = lengths[n]
        state[0] = seeds[n]
        method = methods[n]
        while True:
            length = whole
            for _ in range(2 if again[n] else 1):
                if method == 0:
                    length = mistype(row, length, state, neighbours, counts)
                elif method == 1:
                    length = transpose(row, length, state)
                else:
                    a, b = first_rule[method - 2], first_rule[method - 1]
                    length = misread(row, length, state, patterns[a:b], replacements[a:b], method == 2)
            same = length == whole
            if same:
                for k in range(length):
                    if row[k] != before[k]:
                        same = False
                        break
            if not same and length > 0:
                lengths[n] = length
                break
            for k in range(width):
                row[k] = before[k]
            method = 0


@kernel
def join_rows(rows, lengths, out):  # type: ignore[no-untyped-def]
    """Write all rows one after the other into `out` (sum of lengths + n), each with a line feed."""
    end = 0
    for n in range(len(rows)):
        for k in range(lengths[n]):
            out[end] = rows[n, k]
            end += 1
        out[end] = 10
        end += 1
