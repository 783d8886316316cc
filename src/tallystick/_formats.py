"""How figures and values are written on a page for people."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from unicodedata import category, normalize

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
SHOWN_RUN = 4
SHOWN_RUNS = 8


def count(value: float | None) -> str:
    """A number of things, thousands separated; an expected number below 100 keeps one decimal.

    Examples
    --------
    >>> count(609158750), count(2.34), count(None)
    ('609,158,750', '2.3', '–')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if float(value).is_integer() or abs(value) >= 100:
        return f"{round(value):,}".replace("-", MINUS)
    return f"{value:.1f}".replace("-", MINUS)


def counted(n: float, one: str, several: str | None = None) -> str:
    """A number with the noun that it counts.

    Examples
    --------
    >>> counted(1, "link"), counted(1200, "link"), counted(2, "pass", "passes")
    ('1 link', '1,200 links', '2 passes')
    """
    return f"{count(n)} {one if n == 1 else several or one + 's'}"


def about(expected: float) -> str:
    """An expected number in a sentence, with its verb.

    Examples
    --------
    >>> about(0.02), about(1.0), about(31.4)
    ('fewer than 1 is', 'about 1 is', 'about 31 are')
    """
    if expected < 0.5:
        return "fewer than 1 is"
    return f"about {count(round(expected))} {'is' if round(expected) == 1 else 'are'}"


def place(path: str) -> str:
    """The name of a file without its folders, which say more of a machine than of the data.

    Examples
    --------
    >>> place("/data/2020/census.csv"), place("postgresql://host/db, table persons")
    ('census.csv', 'postgresql://host/db, table persons')
    """
    return path if "://" in path else path.replace("\\", "/").rsplit("/", 1)[-1]


def percent(share: float | None) -> str:
    """A share in per cent, never rounded to a certainty that it has not.

    Examples
    --------
    >>> percent(0.9874), percent(1.0), percent(0.999999), percent(0.000001)
    ('98.74%', '100%', '> 99.99%', '< 0.01%')
    """
    if share is None or not math.isfinite(share):
        return NOTHING
    if share in (0, 1):
        return f"{share:.0%}"
    if 0 < share < 0.0001:
        return "< 0.01%"
    if 0.9999 < share < 1:
        return "> 99.99%"
    return f"{share:.2%}"


def probability(value: float | None) -> str:
    """A probability with enough digits to be told from 0 and from 1.

    Examples
    --------
    >>> probability(0.9312), probability(0.00123), probability(2.1e-07)
    ('0.9312', '0.00123', '2.1 × 10⁻⁷')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if value in (0, 1):
        return f"{value:.0f}"
    if 0.9999 < value < 1:
        return "> 0.9999"
    if value >= 0.01:
        return f"{value:.4f}"
    if value >= 0.0001:
        return f"{value:.5f}"
    digits, exponent = f"{value:.1e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digits} × 10{raised}"


def number(value: float | None, form: str) -> str:
    """A figure as its form asks: ``count``, ``percent`` or ``probability``.

    Examples
    --------
    >>> number(0.9812, "percent"), number(22797.4, "count")
    ('98.12%', '22,797')
    """
    return {"percent": percent, "count": count, "probability": probability}[form](value)


def interval(limits: Sequence[float], form: str) -> str:
    """An interval, each limit as its estimate is shown.

    Examples
    --------
    >>> interval([0.9812, 0.99996], "percent"), interval([22797.4, 22866.6], "count")
    ('98.12% to > 99.99%', '22,797 to 22,867')
    """
    low, high = (number(limit, form) for limit in limits)
    return f"{low} to {high}"


def weight(value: float | str | None, *, sign: bool = True) -> str:
    """A match weight (natural logarithm), with its sign; JSON has the infinite ones as texts.

    Examples
    --------
    >>> weight(8.312), weight(-2.1), weight(float("-inf")), weight("Infinity")
    ('+8.31', '−2.10', '−∞', '+∞')
    """
    if value is None or math.isnan(number := float(value)):
        return NOTHING
    plus = "+" if sign and number > 0 else ""
    text = "∞" if number == math.inf else "-∞" if number == -math.inf else f"{number:.2f}"
    return (plus + ("0.00" if text == "-0.00" else text)).replace("-", MINUS)


def signed(value: float | None, digits: int = 3) -> str:
    """A difference with its sign.

    Examples
    --------
    >>> signed(-0.1874), signed(0.0338), signed(None)
    ('−0.187', '+0.034', '–')
    """
    return NOTHING if value is None else f"{value:+.{digits}f}".replace("-", MINUS)


def seconds(value: float) -> str:
    """A duration.

    Examples
    --------
    >>> seconds(0.034), seconds(12.31), seconds(3725)
    ('0.03 s', '12.3 s', '1 h 02 min')
    """
    if value >= 3600:
        return f"{int(value // 3600)} h {int(value % 3600 // 60):02d} min"
    if value >= 60:
        return f"{int(value // 60)} min {int(value % 60):02d} s"
    return f"{value:.1f} s" if value >= 1 else f"{value:.2f} s"


def sentence_list(words: list[str]) -> str:
    """Words as part of a sentence.

    Examples
    --------
    >>> sentence_list(["births", "deaths", "census"])
    'births, deaths and census'
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1] if words else ""]))


def aligned(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table of text, a line a row: the first column to the left, the others to the right.

    Examples
    --------
    >>> aligned(["key", "links"], [["name, born", "12"]])
    ['key         links', 'name, born     12']
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = []
    for row in (heads, *rows):
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *rest]).rstrip())
    return lines


def without_password(address: str) -> str:
    """A path or database address without the user and password that it may hold.

    Examples
    --------
    >>> without_password("postgresql://ann:secret@db/census?password=x")
    'postgresql://…@db/census?…'
    >>> without_password("data/census.csv")
    'data/census.csv'
    """
    if "://" not in address:
        return address
    bare = re.sub(r"://[^/]*@", f"://{ELLIPSIS}@", address)
    return re.sub(r"\?.*", f"?{ELLIPSIS}", bare, flags=re.DOTALL)


def mask(value: object) -> str:
    """The shape of a value and nothing that identifies: ``x`` for letters, ``#`` for digits.

    What remains is enough to see that a field holds what it should (a date, a postcode, a word). A
    run of more than four letters or digits ends in an ellipsis, so that the length of a rare long
    name does not show; case and accents are dropped, marks other than the common separators become
    a middle dot, and anything after eight runs is cut.

    Examples
    --------
    >>> mask("O'Brien"), mask("1985-03-02"), mask("AB1 2CD"), mask("Featherstonehaugh")
    ("x'xxxx…", '####-##-##', 'xx# #xx', 'xxxx…')
    >>> mask("Mia"), mask("Anna"), mask(None)
    ('xxx', 'xxxx', '')
    """
    if value is None:
        return ""
    runs = [(kind, len(list(run))) for kind, run in itertools.groupby(normalize("NFC", str(value)), _kind)]
    shown = [
        kind * min(length, SHOWN_RUN) + (ELLIPSIS if length > SHOWN_RUN else "") if kind in "x#" else kind
        for kind, length in runs[:SHOWN_RUNS]
    ]
    return "".join(shown) + (ELLIPSIS if len(runs) > SHOWN_RUNS and shown[-1][-1] != ELLIPSIS else "")


def _kind(character: str) -> str:
    """The character that stands for a character in a masked value."""
    if character in " -/.,'@:":
        return character
    if character.isspace():
        return " "
    # Marks (M) combine with the letter before them and must not split its run.
    return {"L": "x", "M": "x", "N": "#"}.get(category(character)[0], "·")
