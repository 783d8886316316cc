"""Codes of rows, and levels of pairs of rows that need no measure: equality of codes."""

from __future__ import annotations

from tallystick._compile import kernel


@kernel
def equality_levels(left_codes, right_codes, left, right, out):  # type: ignore[no-untyped-def]
    """1 where the codes of both rows are equal, 0 where not, 2 where either is missing (0)."""
    for k in range(len(out)):
        a = left_codes[left[k]]
        b = right_codes[right[k]]
        if a == 0 or b == 0:
            out[k] = 2
        else:
            out[k] = 1 if a == b else 0


@kernel
def equal_codes(left_codes, right_codes, left, right, out):  # type: ignore[no-untyped-def]
    """Whether codes of rows are equal, 1 or 0; code 0 equals nothing, itself included."""
    for k in range(len(out)):
        a, b = left_codes[left[k]], right_codes[right[k]]
        out[k] = 1 if a == b and a != 0 else 0


@kernel
def gather(codes, rows, out):  # type: ignore[no-untyped-def]
    """Codes of rows; all int32, `rows` and `out` of shape (n,)."""
    for k in range(len(out)):
        out[k] = codes[rows[k]]
