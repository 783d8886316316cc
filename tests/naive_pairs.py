"""Plain twins of the way from records to scored pairs: dictionaries and loops over every pair.

A record is a mapping of field to text or None. Rows are numbered over all sources, those of the
first source first, as in `tallystick.records.records.Records`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, product

import naive
import naive_values

from tallystick.blocking.passes import AllPairs, AnyPass, BlockingKey, KeyPart
from tallystick.comparisons.comparison import Comparison
from tallystick.comparisons.conditions import Levels
from tallystick.comparisons.fields import Leaf

Record = Mapping[str, str | None]
Pair = tuple[int, int]

# Blocking


def soundex(text: str) -> str | None:
    """American Soundex by the rules of the National Archives, letters A to Z only."""
    digits = {
        c: d for d, group in enumerate(("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"), start=1) for c in group
    }
    letters = [c for c in text.upper() if "A" <= c <= "Z"]
    if not letters:
        return None
    code = letters[0]
    last = digits.get(letters[0])
    for letter in letters[1:]:
        digit = digits.get(letter)
        if digit is not None and digit != last:
            code += str(digit)
        if letter not in "HW":  # H and W do not separate, vowels do
            last = digit
    return (code + "000")[:4]


def key_part(record: Record, part: KeyPart) -> str | None:
    """One part of a record's blocking key; None where there is nothing to block on."""
    value = record[part.field]
    if value is None or part.transform == "value":
        return value  # an empty text, where a user keeps such, is a value like any other
    if part.transform == "first":
        value = "".join(list(value)[: part.n])
    elif part.transform == "last":
        value = "".join(list(value)[max(0, len(value) - (part.n or 0)) :])
    elif part.transform == "year":
        match = re.match(r"([0-9]{4})(?![0-9])", value)
        value = match[1] if match else ""
    elif part.transform == "soundex":
        value = soundex(value) or ""
    return value or None


def key(record: Record, one: BlockingKey) -> tuple[str, ...] | None:
    """A record's whole key; None where a part is missing."""
    parts = [key_part(record, part) for part in one.parts]
    return None if None in parts else tuple(part for part in parts if part is not None)


def source_of(row: int, sizes: Sequence[int]) -> int:
    """The source of a global row."""
    source = 0
    while row >= sizes[source]:
        row -= sizes[source]
        source += 1
    return source


def allowed(sizes: Sequence[int], kind: str) -> dict[Pair, Pair]:
    """Every pair of rows that may be compared, left < right, with its pair of sources."""
    result = {}
    for i, j in combinations(range(sum(sizes)), 2):
        s, t = source_of(i, sizes), source_of(j, sizes)
        if kind == "link_and_dedupe" or (s == t) == (kind == "dedupe"):
            result[i, j] = (s, t)
    return result


def finds(records: Sequence[Record], one: AnyPass, pair: Pair, listed: frozenset[Pair] = frozenset()) -> bool:
    """Whether a pass finds a pair of rows."""
    if isinstance(one, AllPairs):
        return True
    if isinstance(one, BlockingKey):
        a, b = (key(records[row], one) for row in pair)
        return a is not None and a == b
    return pair in listed


def candidates(
    records: Sequence[Record],
    sizes: Sequence[int],
    passes: Sequence[AnyPass],
    kind: str,
    listed: Mapping[int, frozenset[Pair]] | None = None,
) -> dict[Pair, tuple[Pair, int]]:
    """Every candidate pair with its pair of sources and the first pass that finds it."""
    result = {}
    for pair, sources in allowed(sizes, kind).items():
        for number, one in enumerate(passes):
            if finds(records, one, pair, (listed or {}).get(number, frozenset())):
                result[pair] = (sources, number)
                break
    return result


# Comparison


def leaf_level(leaf: Leaf, a: Record, b: Record) -> int | None:
    """Level of one comparator on two records; None where it is missing."""
    comparator = leaf.comparator
    xs, ys = [a[field] for field in leaf.left], [b[field] for field in leaf.right]
    if comparator.type == "date_parts":
        return naive_values.date_level(naive_values.parts(xs[0]), naive_values.parts(ys[0]))
    if any(value is None for value in (*xs, *ys)):
        return None
    if comparator.type == "exact":
        return int(xs == ys)
    x, y = str(xs[0]), str(ys[0])
    if comparator.type == "absolute_difference":
        apart = naive_values.difference(x, y)
        return None if apart is None else naive_values.limit_level(apart, comparator.max_differences)
    if comparator.type == "initial":
        return round(2 * naive.initial(x, y))
    if comparator.type == "levenshtein":
        away = naive.edit_distance(x, y, False)
        return (
            len(comparator.max_distances) + 1 if x == y else sum(away <= d for d in comparator.max_distances)
        )
    assert comparator.type == "jaro_winkler"
    return naive.level(x, y, naive.jaro_winkler(x, y), comparator.thresholds)


def level(comparison: Comparison, a: Record, b: Record) -> int | None:
    """Level of a comparison, `a` on the left."""
    if isinstance(comparison.comparator, Levels):
        found = {leaf: leaf_level(leaf, a, b) for leaf in comparison.comparator.leaves()}
        return naive_values.first_that_holds(comparison.comparator.conditions, found)
    return leaf_level(Leaf(comparison.left, comparison.right, comparison.comparator), a, b)


def either_level(comparison: Comparison, a: Record, b: Record) -> int | None:
    """The better level of both orders of two records."""
    return max(
        (one for one in (level(comparison, a, b), level(comparison, b, a)) if one is not None), default=None
    )


def pattern(comparisons: Sequence[Comparison], a: Record, b: Record, ordered: bool) -> tuple[int, ...]:
    """Levels of all comparisons; the number of levels stands for missing."""
    measure = level if ordered else either_level
    found = [measure(one, a, b) for one in comparisons]
    return tuple(one.n_levels if k is None else k for one, k in zip(comparisons, found, strict=True))


# Patterns, scores, best candidates

Weigh = Callable[[tuple[int, ...]], float]


def patterns(
    records: Sequence[Record],
    found: Mapping[Pair, object],
    comparisons: Sequence[Comparison],
    kind: str,
    key_parts: Sequence[KeyPart] = (),
) -> dict[Pair, tuple[int, ...]]:
    """Pattern of every pair: levels, and behind them agreement on each part of a blocking key."""
    result = {}
    for i, j in found:
        a, b = records[i], records[j]
        digits = pattern(comparisons, a, b, kind == "link")
        for part in key_parts:
            x, y = key_part(a, part), key_part(b, part)
            digits += (int(x is not None and x == y),)
        result[i, j] = digits
    return result


def count(
    found: Mapping[Pair, tuple[Pair, int]], of_pair: Mapping[Pair, tuple[int, ...]]
) -> Counter[tuple[Pair, int, tuple[int, ...]]]:
    """How often each pattern occurs, by pair of sources and pass."""
    return Counter((*found[pair], of_pair[pair]) for pair in found)


def weigh(
    m: Sequence[Sequence[float]],
    u: Sequence[Sequence[float]],
    r: Sequence[Sequence[float]] | None = None,
    share: float = 0.0,
) -> Weigh:
    """Weight of a pattern: log of its probability among matches over that among non-matches.

    Missing levels are left out; a non-match is related, of probabilities `r`, with probability `share`.
    """

    def chance(levels: Sequence[Sequence[float]], digits: tuple[int, ...]) -> float:
        return math.fsum(math.log(one[k]) for one, k in zip(levels, digits, strict=False) if k < len(one))

    def weight(digits: tuple[int, ...]) -> float:
        among_matches, unrelated = chance(m, digits), chance(u, digits)
        if r is None:
            return among_matches - unrelated
        ratio = math.exp(chance(r, digits) - unrelated)
        return among_matches - unrelated - math.log(1 - share + share * ratio)

    return weight


def best(
    weights: Mapping[Pair, float], found: Mapping[Pair, tuple[Pair, int]], row: int
) -> tuple[float, frozenset[tuple[int, int]]] | None:
    """Highest weight of a row's candidates, and the rows (with their passes) that reach it, to 1e-9."""
    own = {(j if i == row else i): pair for pair in found for i, j in [pair] if row in pair}
    if not own:
        return None
    top = max(weights[pair] for pair in own.values())
    ties = {(other, found[pair][1]) for other, pair in own.items() if weights[pair] > top - 1e-9}
    return top, frozenset(ties)


def block_pairs(block: Sequence[int], triangle: bool) -> Iterator[Pair]:
    """Positions that a block pairs."""
    for a, b in product(range(block[0], block[1]), range(block[2], block[3])):
        if not triangle or a < b:
            yield a, b
