"""Comparator of forenames, by how one may stand for another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, field_validator

from tallystick._schema import one_or_more
from tallystick.comparisons.comparator import Comparator
from tallystick.comparisons.measure import Measure
from tallystick.preparation.nicknames import Names, dictionary_of
from tallystick.preparation.phonetic.codes import SEPARATOR, PhoneticCode, check_code, phonetic_codes
from tallystick.preparation.phonetic.letters import folded

Relation = Literal["variant", "nickname", "prefix", "initial", "sound"]
RELATIONS: tuple[Relation, ...] = ("variant", "nickname", "prefix", "initial", "sound")

ASCENDING: tuple[Relation, ...] = ("sound", "initial", "prefix", "nickname", "variant")
"""Levels between disagreement and equality, the one that says least first (see `forename`)."""


class Forename(Comparator):
    """How two forenames relate; see `forename`.

    Attributes
    ----------
    levels : tuple of str
        Which levels there are between disagreement and equality, in any order.
    nicknames : tuple of str
        Dictionaries of names and their versions: cultures, or paths of files.
    shortest : int
        Letters that a beginning has to have.
    threshold : float
        Jaro-Winkler similarity from which a spelling is a variant of another.
    code : str
        Phonetic code by which names sound alike.
    """

    type: Literal["forename"] = "forename"
    levels: tuple[Relation, ...] = RELATIONS
    nicknames: Annotated[tuple[str, ...], BeforeValidator(one_or_more)] = ("english",)
    shortest: Annotated[int, Field(ge=2)] = 3
    threshold: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.9
    code: PhoneticCode = "daitch_mokotoff"

    @field_validator("levels")
    @classmethod
    def _each_once(cls, value: tuple[Relation, ...]) -> tuple[Relation, ...]:
        if len(set(value)) < len(value):
            raise ValueError("found a level twice, expected each once")
        return value

    @property
    def relations(self) -> tuple[str, ...]:
        """The levels between disagreement and equality, from the one that says least up."""
        return tuple(one for one in ASCENDING if one in self.levels)

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement up."""
        return ("different", *self.relations, "equal")

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> Measure:
        """Look up and code the values of both sides (see `Comparator.prepare`)."""
        # These import the compiler, which a specification alone must not wait for.
        from tallystick.comparisons.measures_names import ForenameMeasure
        from tallystick.comparisons.measures_strings import fewest_common, lowest_jaro
        from tallystick.comparisons.shared_items import listed, shared_items
        from tallystick.comparisons.text import encode_text, joint_keys

        sizes = len(left[0]), len(right[0])
        values = left[0] if same else pl.concat([left[0].alias(""), right[0].alias("")])
        letters = pl.Series([None if one is None else _letters(one) for one in values], dtype=pl.String)
        nothing = pl.DataFrame(schema={"value": pl.Int64, "item": pl.String})
        forms = codes = shared_items(nothing, *sizes, same)
        if "nickname" in self.levels:
            forms = shared_items(_full_forms(letters, dictionary_of(self.nicknames)), *sizes, same)
        if "sound" in self.levels:
            check_code(self.code)
            coded = phonetic_codes(values, self.code).str.split(SEPARATOR)
            codes = shared_items(listed(coded), *sizes, same)
        keys = joint_keys(left, right, same)
        firsts = _first_letters(letters)

        tables = encode_text(letters.head(sizes[0]), letters.tail(sizes[1]), same)
        thresholds = np.array([self.threshold], np.float64)
        lowest = lowest_jaro(self.threshold, 0.1, 4, 0.7)
        left_facts = _facts(keys[0], firsts[: sizes[0]], (forms.left, codes.left), (forms.items, codes.items))
        right_facts = left_facts
        if not same:
            starts = forms.right, codes.right
            right_facts = _facts(keys[1], firsts[sizes[0] :], starts, (forms.items, codes.items))
        return ForenameMeasure(
            left_facts,
            right_facts,
            forms.items,
            codes.items,
            tables,
            self.shortest,
            self._level_of(),
            thresholds,
            lowest,
            fewest_common(tables.longest, lowest),
        )

    def _level_of(self) -> NDArray[np.int64]:
        """Level of each relation as kernels number them; 0 of those that are not told apart."""
        names, own = ("different", *ASCENDING, "equal"), self.labels()
        return np.array([own.index(name) if name in own else 0 for name in names], np.int64)


def _facts(
    keys: NDArray[np.int32],
    firsts: NDArray[np.int32],
    starts: tuple[NDArray[np.int64], NDArray[np.int64]],
    items: tuple[NDArray[np.int32], NDArray[np.int32]],
) -> NDArray[np.int64]:
    """What kernels know of the values of a side besides their letters: a line of the cache for each."""
    from tallystick.comparisons import kernels_names as column
    from tallystick.comparisons.text import empty_lines

    table = empty_lines(len(keys))
    table[:, column.KEY], table[:, column.FIRST] = keys, firsts
    for begin, marks, own, ids in zip(
        (column.FORMS, column.CODES), (column.FORM_MARKS, column.CODE_MARKS), starts, items, strict=True
    ):
        table[:, begin], table[:, begin + 1] = own[:-1], own[1:]
        owner = np.repeat(np.arange(len(keys)), np.diff(own))
        bits = np.int64(1) << (ids[own[0] : own[-1]].astype(np.int64) % 64)
        np.bitwise_or.at(table[:, marks], owner, bits)
    return table


def _letters(text: str) -> str:
    """The letters of a name in small letters, accents left out."""
    return "".join(filter(str.isalpha, folded(text))).lower()


def _full_forms(letters: pl.Series, names: Names) -> pl.DataFrame:
    """Rows of value and full form, of values that a dictionary has."""
    pairs = {(_letters(version), _letters(name)) for name, versions in names.items() for version in versions}
    pairs |= {(form, form) for _, form in pairs}
    known = pl.DataFrame(sorted(pairs), schema={"letters": pl.String, "item": pl.String}, orient="row")
    frame = pl.DataFrame({"value": pl.int_range(len(letters), eager=True), "letters": letters})
    return frame.join(known, on="letters").select("value", "item")


def _first_letters(letters: pl.Series) -> NDArray[np.int32]:
    """First letter of each value as a code point, negative where it is an initial, 0 where there is none."""
    from tallystick.comparisons.text import code_points

    points, offsets = code_points(letters.str.slice(0, 1))
    firsts = np.zeros(len(letters), np.int32)
    firsts[np.diff(offsets) > 0] = points
    # A letter without a capital, such as a Chinese character, is a whole name.
    alone = (
        ((letters.str.len_chars() == 1) & (letters != letters.str.to_uppercase())).fill_null(False).to_numpy()
    )
    return np.where(alone, -firsts, firsts).astype(np.int32)


def forename(
    *,
    levels: Sequence[Relation] = RELATIONS,
    nicknames: str | Sequence[str] = ("english",),
    shortest: int = 3,
    threshold: float = 0.9,
    code: PhoneticCode = "daitch_mokotoff",
) -> Forename:
    """Levels of two forenames by how one may stand for the other.

    A pair is of the first of these kinds that holds, and that there is a level for: equal; a spelling variant
    of the same letters but for accents (josé and jose); versions of one name (bob and robert, or bob and
    rob); an initial and a name that begins with it; the beginning of a name and the name (rob and robin); a
    spelling variant, by Jaro-Winkler similarity of the letters without accents; sounding alike, where a
    phonetic code is shared (yuri and juri); different. An initial agrees with nothing but its letter.

    The levels are ordered by their weight log m / u between generated persons with errors, the order that
    other files have shown as well: different, sounds alike, initial agrees, beginning agrees, nickname,
    spelling variant, equal. An initial agrees by chance with one name in ten, and most spelling variants are
    slips in rarer letters, so that these say more than nicknames do.

    Parameters
    ----------
    levels : sequence of {"variant", "nickname", "prefix", "initial", "sound"}
        Which levels there are between disagreement and equality, in any order.
    nicknames : str or sequence of str
        Dictionaries of names and their versions, together: cultures (``english``, ``german``, ``french``,
        ``spanish``, ``italian``, ``dutch``, ``russian``, ``polish``, ``scandinavian``), or paths of files
        with the columns ``name`` and ``version``. Case and accents do not count.
    shortest : int
        Letters that a beginning has to have.
    threshold : float
        Jaro-Winkler similarity from which a spelling is a variant of another, above 0 and below 1.
    code : str
        Phonetic code by which names sound alike (see `phonetic`).

    Returns
    -------
    Forename

    Raises
    ------
    InputError
        If a setting is out of range.

    Examples
    --------
    >>> forename(levels=("nickname", "initial")).labels()
    ('different', 'initial', 'nickname', 'equal')
    """
    return Forename(
        levels=tuple(levels),
        nicknames=(nicknames,) if isinstance(nicknames, str) else tuple(nicknames),
        shortest=shortest,
        threshold=threshold,
        code=code,
    )
