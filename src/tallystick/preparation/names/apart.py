"""What stands around a name: titles, suffixes, nicknames, the name at birth; and what commas say."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tallystick.preparation.names.lexicon import Lexicon, body_words, folded
from tallystick.preparation.names.parts import Undecided
from tallystick.preparation.names.signs import is_initial

_QUOTED = re.compile(
    r"""["“”„«»「『]([^"“”„«»「」『』]+)["“”«»」』]|(?:(?<=\s)|^)['‘’]([^'‘’]{2,})['’](?=[\s,]|$)"""
)
_ENCLOSING = re.compile(r"""[("“”„«»「『'‘’\[（]""")
_BRACKETS = re.compile(r"[(\[（]([^()\[\]（）]*)[)\]）]")
_MARKER = (
    r"(?:(?i:née|nee|geb|geborene?r?|født|född|rozená|roz|szül|урожд[её]нн?ая|урожд|z\s+domu|de\s+soltera"
    r"|maiden\s+name)|né|born|nata|sz|ur|ур|formerly|(?i:formerly\s+known\s+as))[.:]?"
)
_MAIDEN = re.compile(rf"(?<=[\s,]){_MARKER}\s+([^,]+)")
_WHOLLY_MAIDEN = re.compile(rf"{_MARKER}\s+(.+)")
_NOTES = frozenset(
    [
        "deceased",
        "decd",
        "dec'd",
        "widow",
        "widowed",
        "twin",
        "infant",
        "baby",
        "child",
        "minor",
        "verstorben",
        "†",
    ]
)
_DIGIT = re.compile(r"\d(?!(?:st|nd|rd|th)\b)", re.IGNORECASE)
_PERSONS = re.compile(
    r"\s(?:&|\+|and|und|et|og|och|u\.|c/o|aka|a\.k\.a\.|alias)\s"
    r"|;|(?:^|\s)(?:eheleute|ehepaar|familie|family|famille|household|erben|erbengemeinschaft|époux|sisters)(?:\s|$)"
    r"|(?:^|\s)(?:estate|heirs|executors|trustees)\s+of\s"
)
_MARRIED = re.compile(r"\s(?:[ée]pouse|ép\.|veuve|vve)\s")
_SLASH = re.compile(r"\w{2}\s*/\s*\w{2}")
_JOINED = re.compile(r"(?<=\w\w\.)(?!ssa\b|[rn]a\b)(?=\w{2})|(?<=[^\W\d_]{3}\.)(?=\w\.)")
_INITIALS = re.compile(r"(?:[^\W\d_]\.){2,}|(?:[^\W\d_]\.)+[^\W\d_](?=$)")
_FUSED = re.compile(r"((?:[^\W\d_]\.)+)([^\W\d_]{2}.*)")
_DOCTOR = re.compile(r"\bPh\.?\s+D\b\.?")
_TRAILING_TITLES = frozenset(["mr", "mrs", "ms", "miss", "dr", "prof", "sir", "frau", "herr", "mme", "mlle"])


@dataclass
class Pieces:
    """A name and what stood around it.

    Attributes
    ----------
    words : list of str
        The name; the forenames alone where `last` is given.
    last : list of str, optional
        What stood before the comma that says which is the surname.
    title, suffix, nickname, maiden : list of str
    """

    words: list[str] = field(default_factory=list)
    last: list[str] | None = None
    title: list[str] = field(default_factory=list)
    suffix: list[str] = field(default_factory=list)
    nickname: list[str] = field(default_factory=list)
    maiden: list[str] = field(default_factory=list)


def take_apart(text: str, lexicon: Lexicon) -> Pieces | Undecided:
    """Separate a name from what stands around it."""
    pieces = Pieces()
    text, reason = _DOCTOR.sub("PhD", " ".join(text.split())), None
    if _ENCLOSING.search(text):
        text, reason = _enclosed(text, pieces, lexicon)
    reason = reason or no_person(text)
    if reason:
        return reason
    maiden = _MAIDEN.search(text)
    if maiden:
        pieces.maiden.append(maiden.group(1).strip())
        text = text[: maiden.start()] + text[maiden.end() :]
    small = any(letter.islower() for letter in text)
    parts = [split_words(part) for part in text.split(",")]
    parts = [part for part in parts if part]
    if not parts:
        return Undecided.SINGLE
    names = [_strip(parts[0], pieces, lexicon, small, first=True)]
    for part in parts[1:]:
        forenames_follow = len(names) == 1 and _are_initials(part, names[0], lexicon)
        after_name = len(names) > 1 or len(names[0]) > 1
        if not forenames_follow and _is_suffix(part, lexicon, after_name):
            pieces.suffix += [_without_stops(word) for word in part]
        elif name := _strip(part, pieces, lexicon, small, first=False):
            names.append(name)
    if len(names) > 2:
        return Undecided.COMMAS
    if len(names) == 2:
        given, last = names[1], names[0]
        while len(given) > 1 and lexicon.is_particle(given[-1]):
            last = [given.pop(), *last]
        pieces.last = last
        pieces.words = given
    else:
        pieces.words = names[0]
    return pieces


def no_person(text: str) -> Undecided | None:
    """Why a text is not the name of one person, where it says so."""
    small = text.lower()
    tokens = small.replace(",", " ").split()
    anywhere, at_end, phrases = body_words()
    plain = [folded(token) for token in tokens]
    if not anywhere.isdisjoint(plain) or phrases.search(small):
        return Undecided.FIRM
    if tokens and plain[-1] in at_end:
        written = text.split()[-1]
        capitals = written.isupper() and len(plain[-1]) > 1 and any(letter.islower() for letter in text)
        if plain[-1] in ("ag", "kg") and "." not in written:
            return Undecided.FIRM
        if (capitals and plain[-1] not in _PERSONAL) or "." in written[:-1] or "/" in written:
            return Undecided.FIRM
    if _PERSONS.search(small.replace("von und zu", "von")) or (
        _SLASH.search(text) and not {"s/o", "d/o", "a/l", "a/p"} & set(tokens)
    ):
        return Undecided.PERSONS
    if _MARRIED.search(small):
        return Undecided.MARRIED
    if _DIGIT.search(text):
        return Undecided.DIGITS
    return None


_PERSONAL = frozenset(["ma", "sa", "as", "ab", "co", "eg", "kk"])
"""Forms of firms that may be a surname written in capitals."""


def split_words(text: str) -> list[str]:
    """Words of a name, those apart that only a full stop joins.

    Examples
    --------
    >>> split_words("C.S.Lewis"), split_words("Prof.Dr. Meyer")
    (['C.', 'S.', 'Lewis'], ['Prof.', 'Dr.', 'Meyer'])
    """
    words = [word for written in text.split() for word in _separated(written)]
    return [word for word in words if any(letter.isalnum() for letter in word)]


def _separated(word: str) -> list[str]:
    if "." not in word:
        return [word]
    fused = _FUSED.fullmatch(word)
    if fused and "." not in fused.group(2)[:-1]:
        return [f"{letter}." for letter in fused.group(1).split(".") if letter] + [fused.group(2)]
    return _JOINED.sub(" ", word).split()


def initials(words: list[str]) -> list[str]:
    """Words with initials that are written together taken apart.

    Examples
    --------
    >>> initials(["J.R.R.", "Tolkien"])
    ['J.', 'R.', 'R.', 'Tolkien']
    """
    result = []
    for word in words:
        if _INITIALS.fullmatch(word) and word != "v.d.":
            result += [f"{letter}." for letter in word.split(".") if letter]
        else:
            result.append(word)
    return result


def _enclosed(text: str, pieces: Pieces, lexicon: Lexicon) -> tuple[str, Undecided | None]:
    """Take out what is in quotation marks or brackets."""
    reason = None

    def taken(match: re.Match[str]) -> str:
        nonlocal reason
        inner = next((group for group in match.groups() if group is not None), "").strip()
        words = [folded(word) for word in inner.split()]
        maiden = _WHOLLY_MAIDEN.fullmatch(inner)
        if maiden:
            pieces.maiden.append(maiden.group(1))
        elif words == ["h"] or (words and set(words) <= lexicon.suffixes):
            pieces.suffix += [word.replace(".", "") for word in inner.split()]
        elif words and set(words) <= lexicon.titles:
            pieces.title += [word.replace(".", "") for word in inner.split()]
        elif not _NOTES.isdisjoint(words):
            reason = Undecided.NOTE
        elif inner:
            pieces.nickname.append(inner)
        return " "

    return _BRACKETS.sub(taken, _QUOTED.sub(taken, text)), reason


def _strip(words: list[str], pieces: Pieces, lexicon: Lexicon, small: bool, first: bool) -> list[str]:
    """Take titles off the front of words and suffixes off their end."""
    words = list(words)
    least = 1 if first else 0
    while len(words) > least:
        key = folded(words[0])
        article = key == "the" and len(words) > 1 and folded(words[1]) in lexicon.titles
        if not (article or key in lexicon.titles or (pieces.title and key in lexicon.after_titles)):
            break
        if key in lexicon.rather_names and len(words) <= least + 1 and "." not in words[0]:
            break
        if not article:
            pieces.title.append(_without_stops(words[0]))
        words.pop(0)
    suffix: list[str] = []
    while len(words) > 1:
        key = folded(words[-1])
        left = len(words) - (1 if first else 0)
        degree = (words[-1].isupper() and small and len(key) > 1) or "." in words[-1][:-1]
        if (
            key in lexicon.suffixes
            or (key in lexicon.soft_suffixes and left > 1)
            or (key in lexicon.comma_suffixes and degree and left > 1)
        ):
            suffix.insert(0, _without_stops(words.pop()))
        elif key in _TRAILING_TITLES and len(words) > 1:
            pieces.title.append(_without_stops(words.pop()))
        else:
            break
    pieces.suffix += suffix
    return initials(words)


def _is_suffix(words: list[str], lexicon: Lexicon, after_name: bool) -> bool:
    """Whether what follows a comma is suffixes; those that are names too count only after a whole name."""
    allowed = lexicon.suffixes
    if after_name:
        allowed |= lexicon.soft_suffixes | lexicon.comma_suffixes
    return all(folded(word) in allowed for word in words)


def _are_initials(words: list[str], last: list[str], lexicon: Lexicon) -> bool:
    """Whether what follows a surname is its initials: "van der Berg, J.D.", not "John Smith, M.D."."""
    if len(words) != 1 or not (_INITIALS.fullmatch(words[0]) or is_initial(words[0])):
        return False
    # Nobody puts two full stops into the short form of junior.
    return len(last) == 1 or lexicon.is_particle(last[0]) or folded(words[0]) in ("jr", "sr")


def _without_stops(word: str) -> str:
    return word.replace(".", "").strip(",;")
