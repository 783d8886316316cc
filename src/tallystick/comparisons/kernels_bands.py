"""Full agreement split by how common the value is."""

from __future__ import annotations

from tallystick._compile import kernel


@kernel
def split_by_band(a, top, n_bands, bands, levels):  # type: ignore[no-untyped-def]
    """Change levels in place: the top one becomes one of `n_bands`, and missing moves up.

    `a` (n,) int32 left codes; `bands` uint8, the band of each code; `levels` (n,) uint8, of which `top`
    is full agreement and the next missing.
    """
    for k in range(len(levels)):
        if levels[k] == top:
            levels[k] = top + bands[a[k]]
        elif levels[k] > top:
            levels[k] = top + n_bands
