"""The word lists that the parser looks words up in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from tallystick.preparation.accents import without_accents
from tallystick.preparation.words.files import shipped

_STOPS = re.compile(r"[.,;]")


@lru_cache(1 << 16)
def folded(word: str) -> str:
    """A word as it is looked up: small letters, no full stops, one kind of apostrophe.

    Examples
    --------
    >>> folded("Ph.D."), folded("D’")
    ('phd', "d'")
    """
    return _STOPS.sub("", word).lower().replace("’", "'")


@lru_cache(1 << 16)
def plain(word: str) -> str:
    """A word without accents, for names that are written with and without them."""
    return without_accents(folded(word).replace("đ", "d"))


@dataclass(frozen=True)
class Lexicon:
    """Words of one culture and those of all.

    Attributes
    ----------
    titles, after_titles : set of str
        Titles, and what is one only after another (``jur`` of "Dr. jur.").
    rather_names : set of str
        Titles that are more often a forename, and so none where only one word would be left ("Emir Hadžić").
    suffixes, soft_suffixes, comma_suffixes : set of str
        Suffixes at the end of a name; those that are surnames too, and so only where two names are left;
        those that count only after a comma or in capitals among small letters.
    particles, small_particles : set of str
        Particles in whatever case; those that are names too, and so only in small letters.
    patronymics, links : set of str
        Particles that name the father (``bin``), and what stands between two surnames (``y``).
    surnames, forenames : set of str
        Well-known names of a culture in which either may come first, without accents.
    either : set of str
        Those of them that are forenames elsewhere ("Kim").
    devotion : set of str
        What follows a forename and a particle within one forename ("María del Carmen"), without accents.
    """

    titles: frozenset[str]
    after_titles: frozenset[str]
    rather_names: frozenset[str]
    suffixes: frozenset[str]
    soft_suffixes: frozenset[str]
    comma_suffixes: frozenset[str]
    particles: frozenset[str]
    small_particles: frozenset[str]
    patronymics: frozenset[str]
    links: frozenset[str]
    surnames: frozenset[str]
    forenames: frozenset[str]
    either: frozenset[str]
    devotion: frozenset[str]

    def ends_in_particle(self, word: str) -> bool:
        """Whether a particle stands behind a hyphen: "Jansen-de" of "Jansen-de Vries"."""
        before, hyphen, after = word.rpartition("-")
        return bool(hyphen and before) and after.islower() and self.is_particle(after)

    def is_particle(self, word: str) -> bool:
        """Whether a word is a particle as it is written."""
        key = folded(word)
        return key in self.particles or (key in self.small_particles and word[:1].islower())


@cache
def lexicon_of(culture: str) -> Lexicon:
    """The words that count in a culture; of all cultures where it is empty."""
    titles = [
        (word, use) for word, cultures, use in _rows("titles") if not cultures or culture in cultures.split()
    ]
    suffixes = _rows("suffixes")
    particles = [row for row in _rows("particles") if row[3] != "link"]
    links = [word for word, cultures, _, kind in _rows("particles") if kind == "link" and culture in cultures]
    known = [row for row in _rows("known_names") if row[1] in ("", culture)]
    # What may be a name elsewhere is a particle in its own culture however it is written.
    sure = {
        word for word, cultures, written, _ in particles if written != "small" or culture in cultures.split()
    }
    return Lexicon(
        titles=frozenset(folded(word) for word, use in titles if use != "after another"),
        after_titles=frozenset(folded(word) for word, use in titles if use == "after another"),
        rather_names=frozenset(folded(word) for word, use in titles if use == "rather a name"),
        suffixes=frozenset(folded(word) for word, use in suffixes if use == "end"),
        soft_suffixes=frozenset(folded(word) for word, use in suffixes if use == "soft"),
        comma_suffixes=frozenset(folded(word) for word, use in suffixes if use == "comma"),
        particles=frozenset(sure),
        small_particles=frozenset(row[0] for row in particles) - sure,
        patronymics=frozenset(row[0] for row in particles if row[3] == "patronymic"),
        links=frozenset(links),
        surnames=frozenset(plain(row[0]) for row in known if row[2] == "surname"),
        forenames=frozenset(plain(row[0]) for row in known if row[2] == "forename"),
        either=frozenset(plain(row[0]) for row in known if row[2] == "either"),
        devotion=frozenset(plain(row[0]) for row in known if row[2] == "devotion"),
    )


@cache
def surnames_first() -> frozenset[str]:
    """Well-known surnames of cultures in which the surname comes first, without accents."""
    cultures = ("chinese", "korean", "japanese", "vietnamese", "hungarian")
    return frozenset().union(*(lexicon_of(one).surnames for one in cultures))


@cache
def body_words() -> tuple[frozenset[str], frozenset[str], re.Pattern[str]]:
    """Words that only a firm's name holds, those that say it at its end, and phrases."""
    rows = _rows("firms")
    phrases = "|".join(re.escape(word) for word, kind, _ in rows if kind == "phrase")
    return (
        frozenset(word for word, kind, place in rows if kind != "phrase" and place == "any"),
        frozenset(word for word, kind, place in rows if kind == "form" and place == "end"),
        re.compile(rf"(?:^|\s)(?:{phrases})(?:\s|$)"),
    )


@cache
def _rows(name: str) -> list[tuple[str, ...]]:
    return [tuple(value or "" for value in row) for row in shipped(name).iter_rows()]
