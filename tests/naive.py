"""Plain-Python twins of the kernels: slow, short, and as close to the definitions as can be.

Each takes two texts and returns what the kernel computes, by the same floating-point formula, so
that tests can ask for equality and not for closeness.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

# Strings


def shared_letters(a: str, b: str) -> int:
    """Number of letters in both, repetitions counted, wherever they stand."""
    return (Counter(a) & Counter(b)).total()


def common_letters(a: str, b: str, window: int) -> tuple[list[int], list[int]]:
    """Where the common letters stand in each text: for each letter of b the first free one near it in a."""
    used: set[int] = set()
    taken: list[int] = []
    for j, letter in enumerate(b):
        for i in range(len(a)):
            if abs(i - j) <= window and i not in used and a[i] == letter:
                used.add(i)
                taken.append(j)
                break
    return sorted(used), taken


def jaro_value(common: int, moved: int, len_a: int, len_b: int, chapter: bool) -> float:
    """Jaro similarity from the numbers of common letters and of those out of order."""
    if common == 0:
        return 0.0
    order = 1.0 - moved / (2 * common) if chapter else (common - moved // 2) / common
    return (common / len_a + common / len_b + order) / 3.0


def jaro(a: str, b: str, chapter: bool = False) -> float:
    """Jaro similarity; with `chapter`, by equation 1 of Shlomo (2019)."""
    if not a and not b:
        return 1.0
    window = min(len(a), len(b)) // 2 if chapter else max(max(len(a), len(b)) // 2 - 1, 0)
    used, taken = common_letters(a, b, window)
    moved = sum(a[i] != b[j] for i, j in zip(used, taken, strict=True))
    return jaro_value(len(used), moved, len(a), len(b), chapter)


def winkler(value: float, lead: int, weight: float, boost: float) -> float:
    """Jaro-Winkler similarity from the Jaro similarity and the number of first letters that count."""
    return value + lead * weight * (1.0 - value) if value > boost else value


def jaro_winkler(a: str, b: str, weight: float = 0.1, length: int = 4, boost: float = 0.7) -> float:
    """Jaro-Winkler similarity."""
    value = jaro(a, b)
    lead = 0
    while lead < min(len(a), len(b), length) and a[lead] == b[lead]:
        lead += 1
    return winkler(value, lead, weight, boost)


def edit_distance(a: str, b: str, swaps: bool) -> int:
    """Levenshtein distance, or with `swaps` restricted Damerau-Levenshtein, by the whole table."""
    table = [[i + j for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i][j] = min(
                table[i - 1][j] + 1,
                table[i][j - 1] + 1,
                table[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
            )
            if swaps and i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[len(a)][len(b)]


def bigrams(text: str) -> Counter[str]:
    """Bigrams of a text and how often each occurs."""
    return Counter(text[i : i + 2] for i in range(len(text) - 1))


def bigram_dice(a: str, b: str) -> float:
    """Shared bigrams over the mean number of bigrams."""
    shared = (bigrams(a) & bigrams(b)).total()
    return 1.0 if a == b else shared and shared / ((bigrams(a).total() + bigrams(b).total()) / 2)


def bigram_jaccard(a: str, b: str) -> float:
    """Sum of the smaller counts over sum of the larger counts."""
    either = (bigrams(a) | bigrams(b)).total()
    return 1.0 if a == b else either and (bigrams(a) & bigrams(b)).total() / either


def token_set(a: str, b: str) -> float:
    """Tokens in both over tokens in either."""
    x, y = set(a.split()), set(b.split())
    return 1.0 if a == b else len(x | y) and len(x & y) / len(x | y)


def initial(a: str, b: str) -> float:
    """1 equal, 0.5 an initial and the same first letter, else 0."""

    def is_initial(text: str) -> bool:
        return text.removesuffix(".").isalpha() and len(text.removesuffix(".")) == 1

    if a == b:
        return 1.0
    return 0.5 * ((is_initial(a) or is_initial(b)) and a[:1] == b[:1])


def forename(
    a: str,
    b: str,
    names: Mapping[str, Sequence[str]],
    codes: Callable[[str], Collection[str]],
    relations: Collection[str],
    shortest: int = 3,
    threshold: float = 0.9,
) -> str:
    """How two forenames relate: the first of the given relations that holds, or equal or different.

    `names` holds full forms with their versions, `codes` gives the phonetic codes of a text.
    """
    if a == b:
        return "equal"
    x, y = name_letters(a), name_letters(b)

    def forms(text: str) -> set[str]:
        found = {name_letters(full) for full, short in names.items() if text in map(name_letters, short)}
        return found | ({text} & set(map(name_letters, names)))

    if "variant" in relations and x == y and len(x) > 1:
        return "variant"
    if "nickname" in relations and forms(x) & forms(y):
        return "nickname"
    if not x or not y:
        return "different"
    if any(len(one) == 1 and one != one.upper() for one in (x, y)):
        return "initial" if "initial" in relations and x[0] == y[0] else "different"
    short, long = sorted((x, y), key=len)
    if "prefix" in relations and shortest <= len(short) < len(long) and long.startswith(short):
        return "prefix"
    if "variant" in relations and (x == y or jaro_winkler(x, y) >= threshold):
        return "variant"
    return "sound" if "sound" in relations and set(codes(a)) & set(codes(b)) else "different"


def name_letters(text: str) -> str:
    """Letters of a name in small letters, their accents taken off."""
    apart = unicodedata.normalize("NFKD", text.upper().replace("Ø", "O").replace("Ł", "L")).upper()
    return "".join(one for one in apart if one.isalpha()).lower()


def level(a: str, b: str, similarity: float, thresholds: Sequence[float]) -> int:
    """Level of two texts: thresholds reached, one more where they are equal."""
    return len(thresholds) + 1 if a == b else sum(similarity >= value for value in thresholds)
