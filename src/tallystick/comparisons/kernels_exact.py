"""Equality of values, and of a value with its initial."""

from __future__ import annotations

from tallystick._compile import kernel


@kernel
def exact_levels(a, b, keys_l, keys_r, out):  # type: ignore[no-untyped-def]
    """1 where the keys of two codes are equal, else 0, and 2 where a key is 0.

    Parameters
    ----------
    a, b : int32 arrays, shape (n,)
    keys_l, keys_r : int32 arrays, shape (n_values + 1,)
        As of `tallystick.comparisons.text.joint_keys`.
    out : uint8 array, shape (n,)
    """
    for k in range(len(a)):
        x = keys_l[a[k]]
        y = keys_r[b[k]]
        out[k] = 2 if x == 0 or y == 0 else x == y


@kernel
def initial_levels(a, b, keys_l, firsts_l, keys_r, firsts_r, out):  # type: ignore[no-untyped-def]
    """2 where texts are equal, 1 where one is the other's initial, else 0, and 3 where missing.

    Parameters
    ----------
    a, b, keys_l, keys_r, out
        As of `exact_levels`.
    firsts_l, firsts_r : int32 arrays, shape (n_values + 1,)
        Code point of each value's first character, negative where the value is an initial, 0
        where it is empty.
    """
    for k in range(len(a)):
        x = keys_l[a[k]]
        y = keys_r[b[k]]
        p = firsts_l[a[k]]
        q = firsts_r[b[k]]
        if x == 0 or y == 0:
            out[k] = 3
        elif x == y:
            out[k] = 2
        else:
            out[k] = (p < 0 or q < 0) and abs(p) == abs(q)
