"""Daitch-Mokotoff Soundex: how Slavic, German and Yiddish names sound, with every way to read a spelling.

Mokotoff, G. (1997), Soundexing and Genealogy, Avotaynu; and the chart of rules of JewishGen.
"""

from __future__ import annotations

import re
from functools import cache

from tallystick.preparation.phonetic.letters import plain_letters

LENGTH = 6
"""Digits of a code."""

_VOWELS = frozenset("AEIJOUY")

# Digits at the start of a name, before a vowel, and elsewhere; "-" is not coded, "/" parts two ways to read.
_CHART = """
AI AJ AY                         0 1 -
AU                               0 7 -
A                                0 - -
B                                7 7 7
CHS                              5 54 54
CH                               5/4 5/4 5/4
CK                               5/45 5/45 5/45
CZ CS CSZ CZS                    4 4 4
C                                5/4 5/4 5/4
DRZ DRS DS DSH DSZ DZ DZH DZS    4 4 4
D DT                             3 3 3
EI EJ EY                         0 1 -
EU                               1 1 -
E                                0 - -
FB F                             7 7 7
G                                5 5 5
H                                5 5 -
IA IE IO IU                      1 - -
I                                0 - -
J                                1/4 -/4 -/4
KS                               5 54 54
KH K                             5 5 5
L                                8 8 8
MN                               66 66 66
M                                6 6 6
NM                               66 66 66
N                                6 6 6
OI OJ OY                         0 1 -
O                                0 - -
P PF PH                          7 7 7
Q                                5 5 5
RZ RS                            94/4 94/4 94/4
R                                9 9 9
SCHTSCH SCHTSH SCHTCH            2 4 4
SHTCH SHCH SHTSH                 2 4 4
SHT SCHT SCHD                    2 43 43
STCH STSCH SC STRZ STRS STSH     2 4 4
ST SZT SHD SZD SD                2 43 43
SZCZ SZCS                        2 4 4
SCH SH SZ S                      4 4 4
TCH TTCH TTSCH THS TRZ TRS       4 4 4
TSCH TSH TS TTS TTSZ TC          4 4 4
TZ TTZ TZS TSZ                   4 4 4
TH T                             3 3 3
UI UJ UY                         0 1 -
U UE                             0 - -
V W                              7 7 7
X                                5 54 54
Y                                1 - -
ZDZ ZDZH ZHDZH                   2 4 4
ZD ZHD                           2 43 43
ZH ZS ZSCH ZSH Z                 4 4 4
"""

Ways = tuple[str, ...]


@cache
def _rules() -> tuple[re.Pattern[str], dict[str, tuple[Ways, Ways, Ways]]]:
    """What takes a name apart into the spellings of the chart, and the ways to code each of them by place."""
    rules: dict[str, tuple[Ways, Ways, Ways]] = {}
    for line in _CHART.strip().split("\n"):
        *spellings, start, vowel, other = line.split()
        ways = [tuple(one.replace("-", "") for one in place.split("/")) for place in (start, vowel, other)]
        rules |= dict.fromkeys(spellings, (ways[0], ways[1], ways[2]))
    longest_first = sorted(rules, key=len, reverse=True)
    return re.compile("|".join(longest_first)), rules


def daitch_mokotoff(text: str) -> tuple[str, ...]:
    """All Daitch-Mokotoff codes of a text, ascending; none where it has no letter.

    Words are coded as one. Neighbouring spellings of one digit are coded once, except that M and N count
    twice where they meet.

    Parameters
    ----------
    text : str

    Returns
    -------
    tuple of str
        Codes of six digits.

    Examples
    --------
    >>> daitch_mokotoff("Peters"), daitch_mokotoff("Moskowitz")
    (('734000', '739400'), ('645740',))
    """
    letters = plain_letters(text)
    if not letters:
        return ()
    pattern, rules = _rules()
    spellings = pattern.findall(letters)
    # Each way to read the name so far: its digits, and those of the last spelling.
    read = {("", "")}
    for number, (spelling, after) in enumerate(zip(spellings, [*spellings[1:], " "], strict=True)):
        ways = rules[spelling][0 if number == 0 else 1 if after[0] in _VOWELS else 2]
        # Cut to length at once: the ways to read a long text are without number, their codes are not.
        read = {((code + _new(digits, last))[:LENGTH], digits) for code, last in read for digits in ways}
    return tuple(sorted({code.ljust(LENGTH, "0") for code, _ in read}))


def _new(digits: str, last: str) -> str:
    """Digits of a spelling that do not repeat those of the spelling before it."""
    if last.endswith(digits):
        return ""
    return digits[1:] if last.endswith(digits[0]) else digits
