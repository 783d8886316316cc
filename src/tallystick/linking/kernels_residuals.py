"""The best candidate of each record, pair by pair."""

from __future__ import annotations

from tallystick._compile import kernel


@kernel
def offer(left, right, weights, pass_number, wanted, row, weight, passes):  # type: ignore[no-untyped-def]
    """Offer each pair to its wanted records; of equal weights the lower row number counts.

    `left`, `right`, `weights` (n_pairs,); `wanted`, `row`, `weight`, `passes` (n_records,), the
    last three hold the best so far and are changed.
    """
    for k in range(len(left)):
        a, b = left[k], right[k]
        if wanted[a] and (weights[k] > weight[a] or (weights[k] == weight[a] and b < row[a])):
            row[a], weight[a], passes[a] = b, weights[k], pass_number
        if wanted[b] and (weights[k] > weight[b] or (weights[k] == weight[b] and a < row[b])):
            row[b], weight[b], passes[b] = a, weights[k], pass_number
