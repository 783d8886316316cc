"""Deterministic linkage by a plain search through all pairs: what the tests hold the real one to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from naive_pairs import Record, key_part

from tallystick.blocking.passes import KeyPart
from tallystick.blocking.plan import Kind
from tallystick.linking.match_settings import MatchKey

Names = Mapping[str, Sequence[str]]


def forms(value: str, names: Names) -> set[str]:
    return {value, *(name for name, versions in names.items() if value in versions)}


def part_agrees(a: Record, b: Record, part: KeyPart, names: Names) -> bool:
    if part.transform == "nickname":
        x, y = a[part.field], b[part.field]
        return x is not None and y is not None and bool(forms(x, names) & forms(y, names))
    left, right = key_part(a, part), key_part(b, part)
    return left is not None and left == right


def text(record: Record, key: MatchKey) -> str | None:
    values = [key_part(record, part) for part in key.parts]
    there = ["".join(value.split()) for value in values if value is not None]
    return "".join(there) if len([one for one in there if one]) >= key.least else None


def agree(a: Record, b: Record, key: MatchKey, names: Names) -> bool:
    if key.concatenated:
        return text(a, key) is not None and text(a, key) == text(b, key)
    return sum(part_agrees(a, b, part, names) for part in key.parts) >= key.least


@dataclass
class Expected:
    links: dict[tuple[int, int], int] = field(default_factory=dict)
    ambiguous: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)
    counts: list[tuple[int, int]] = field(default_factory=list)
    listed: set[tuple[int, int, int]] = field(default_factory=set)


def one_to_one(
    records: Sequence[Record], n_left: int, keys: Sequence[MatchKey], may: Sequence[bool], names: Names
) -> Expected:
    result = Expected()
    free = {row for row in range(len(records)) if may[row]}
    unclear: list[set[int]] = []

    def partners(row: int, key: MatchKey) -> set[int]:
        others = range(n_left, len(records)) if row < n_left else range(n_left)
        return {k for k in others if k in free and agree(records[row], records[k], key, names)}

    for number, key in enumerate(keys):
        found = {row: partners(row, key) for row in free}
        pairs = [(a, b) for a in sorted(free) if a < n_left for b in sorted(found[a])]
        links, denied = [], set()
        for a, b in pairs:
            if len(found[a]) == len(found[b]) == 1:
                against = any(
                    row in was
                    and not agree(records[a], records[b], keys[earlier], names)
                    and partners(row, keys[earlier])
                    for earlier, was in enumerate(unclear)
                    for row in (a, b)
                )
                if against:
                    denied |= {a, b}
                else:
                    links.append((a, b))
        linked = {row for pair in links for row in pair}
        earlier_unclear = set().union(*unclear)
        now = set()
        for row in free - linked:
            if row in denied:
                result.ambiguous[row, number] = (1, "not among the candidates of an earlier key")
            elif found[row]:
                reason = "several candidates" if len(found[row]) > 1 else "its candidate has others"
                result.ambiguous[row, number] = (len(found[row]), reason)
                now.add(row)
        for a, b in pairs:
            if (a, b) not in links and (a in denied or not {a, b} <= earlier_unclear):
                result.listed.add((a, b, number))
        unclear.append(now)
        free -= linked
        result.links |= dict.fromkeys(links, number)
        result.counts.append((len(pairs), len(links)))
    return result


def many_to_many(
    records: Sequence[Record], sizes: Sequence[int], keys: Sequence[MatchKey], kind: Kind, names: Names
) -> dict[tuple[int, int], int]:
    source = [number for number, size in enumerate(sizes) for _ in range(size)]
    result: dict[tuple[int, int], int] = {}
    for a in range(len(records)):
        for b in range(a + 1, len(records)):
            same = source[a] == source[b]
            if (same and kind == "link") or (not same and kind == "dedupe"):
                continue
            for number, key in enumerate(keys):
                if agree(records[a], records[b], key, names):
                    result[a, b] = number
                    break
    return result
