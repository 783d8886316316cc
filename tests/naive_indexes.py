"""Plain twins of passes beyond exact keys: whether a pass finds a pair, by definition, over all records."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import combinations, product
from math import floor

import naive_pairs as naive

from tallystick.blocking.filters import AnyFilter, Difference
from tallystick.blocking.indexes import Canopy, QgramIndex, SortedNeighbourhood
from tallystick.blocking.parts import KeyPart
from tallystick.blocking.passes import AllPairs, AnyPass, BlockingKey, PairTable

Record = Mapping[str, str | None]
Key = tuple[str, ...]
Finds = Callable[[naive.Pair], bool]


def whole_key(record: Record, parts: Sequence[KeyPart]) -> Key | None:
    """The values of all parts; None where one is missing."""
    values = [naive.key_part(record, part) for part in parts]
    return None if None in values else tuple(value for value in values if value is not None)


def exploded(record: Record, one: BlockingKey) -> set[Key]:
    """Every key of a record, where parts may be lists."""
    choices = []
    for part in one.parts:
        if part.transform == "each":
            value = record[part.field]
            choices.append({item.strip() for item in (value or "").split(part.separator)} - {""})
        else:
            own = naive.key_part(record, part)
            choices.append(set() if own is None else {own})
    return set(product(*choices))


def qgrams(text: str, q: int) -> list[str]:
    """The q-grams of a text in order; a shorter text is one itself."""
    return [text[k : k + q] for k in range(max(1, len(text) - q + 1))] if text else []


def sublists(text: str, q: int, threshold: float) -> set[Key]:
    """Sublists of at least so many q-grams."""
    grams = qgrams(text, q)
    least = max(1, floor(len(grams) * threshold + 1e-9))
    return {chosen for m in range(least, len(grams) + 1) for chosen in combinations(grams, m)}


def jaccard(a: str, b: str, q: int) -> float:
    """Shared q-grams over all q-grams of two texts, as sets."""
    x, y = set(qgrams(a, q)), set(qgrams(b, q))
    return len(x & y) / len(x | y) if x | y else 0.0


_WORD = 2**64 - 1


def mix(x: int) -> int:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014) in whole numbers without bounds."""
    x = (x + 0x9E3779B97F4A7C15) & _WORD
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & _WORD
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & _WORD
    return x ^ (x >> 31)


def gram_hash(gram: str) -> int:
    """Hash of a q-gram, character by character."""
    value = 0
    for character in gram:
        value = mix(value ^ ord(character))
    return value


def band_keys(text: str, q: int, bands: int, rows: int, seed: int) -> list[int]:
    """A hash for each band of minima."""
    keys = []
    for band in range(bands):
        key = 0
        for row in range(rows):
            salt = mix(seed ^ mix(band * rows + row))
            least = min(mix(gram_hash(gram) ^ salt) for gram in qgrams(text, q))
            key = mix(((key + band) & _WORD) ^ least)
        keys.append(key)
    return keys


def canopies(ordered: Sequence[str], one: Canopy) -> list[set[str]]:
    """The canopies of texts that become centres in this order (McCallum, Nigam and Ungar 2000)."""
    there, found = set(ordered), []
    for centre in ordered:
        if centre in there and centre:
            alike = {text: jaccard(centre, text, one.q) for text in ordered}
            found.append({text for text in ordered if alike[text] >= one.loose})
            there -= {text for text in ordered if alike[text] >= one.tight}
    return found


def kept(records: Sequence[Record], one: AnyFilter, pair: naive.Pair) -> bool:
    """Whether a filter keeps a pair."""
    a, b = (records[row] for row in pair)
    if isinstance(one, Difference):
        x, y = (number(record[one.field], one.part) for record in (a, b))
        return x is None or y is None or abs(x - y) <= one.most
    weight = one.others
    for field in one.agreement:
        apart = a[field] is not None and b[field] is not None and a[field] != b[field]
        weight += one.disagreement[field] if apart else one.agreement[field]
    return weight >= one.least - 1e-9 * max(1.0, abs(one.least))


def number(value: str | None, part: str) -> float | None:
    """What a filter compares of a value."""
    if value is None:
        return None
    if part == "year":
        found = re.match(r"([0-9]{4})(?![0-9])", value)
        return float(found[1]) if found else None
    try:
        return float(date.fromisoformat(value).toordinal()) if part == "days" else float(value)
    except ValueError:
        return None


def finder(records: Sequence[Record], one: AnyPass, listed: frozenset[naive.Pair] = frozenset()) -> Finds:
    """Whether a pass over some records finds a pair, its filters included."""
    finds = _finder(records, one, listed)
    return lambda pair: finds(pair) and all(kept(records, own, pair) for own in one.filters)


def _finder(records: Sequence[Record], one: AnyPass, listed: frozenset[naive.Pair]) -> Finds:
    if isinstance(one, AllPairs):
        return lambda pair: True
    if isinstance(one, PairTable):
        return lambda pair: pair in listed
    if isinstance(one, BlockingKey):
        keys = [exploded(record, one) for record in records]
        return lambda pair: bool(keys[pair[0]] & keys[pair[1]])
    if isinstance(one, SortedNeighbourhood):
        ranks = []
        for parts in one.sort_keys:
            own = [whole_key(record, parts) for record in records]
            order = sorted({key for key in own if key is not None}, key=lambda key: [s.encode() for s in key])
            ranks.append([None if key is None else order.index(key) for key in own])
        assert one.window is not None
        window = one.window
        return lambda pair: any(
            own[pair[0]] is not None
            and own[pair[1]] is not None
            and abs(own[pair[0]] - own[pair[1]]) < window  # type: ignore[operator]
            for own in ranks
        )
    assert isinstance(one, QgramIndex)
    texts = [whole_key(record, one.parts) for record in records]
    lists = [set() if text is None else sublists(" ".join(text), one.q, one.threshold) for text in texts]
    extra = [whole_key(record, one.within) for record in records]
    return lambda pair: (
        bool(lists[pair[0]] & lists[pair[1]])
        and extra[pair[0]] is not None
        and extra[pair[0]] == extra[pair[1]]
    )
