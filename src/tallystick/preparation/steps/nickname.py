"""Nicknames written out as the full name."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import BeforeValidator, StrictBool

from tallystick._nicknames import Culture, own_names_in
from tallystick._schema import one_or_more
from tallystick.preparation.nicknames import Names, dictionary_of, is_culture, known_pairs, read_nicknames
from tallystick.preparation.phonetic.letters import folded
from tallystick.preparation.steps.checked import met
from tallystick.preparation.steps.step import Context, Mask, TextStep, differs, mask


class FullNameOfNickname(TextStep):
    """Write the full name for a version of it, where it is a version of just one name.

    A version of several names ("alex") stays, and is reported, and so does one that is a common given name in
    its own right ("kurt"), unless the user's file has it; a value that is a full name itself stays, too. The
    whole value is looked up, or its first word; case and accents do not count. The full name is written
    in capitals where the value is, in small letters where the value is, and else with a capital at the
    beginning of each word.

    Attributes
    ----------
    cultures : tuple of str, optional
        Cultures whose dictionaries are used together; ``english`` where no file is given either.
    path : str, optional
        A file with the columns ``name`` and ``version``, instead of them or besides.
    first_word : bool
        Look up the first word of a value alone, and leave the rest: for forenames and surnames in one field.
    """

    paths: ClassVar[tuple[str, ...]] = ("path",)

    type: Literal["nickname"] = "nickname"
    cultures: Annotated[tuple[Culture, ...] | None, BeforeValidator(one_or_more)] = None
    path: str | None = None
    first_word: StrictBool = False

    @property
    def dictionaries(self) -> tuple[str, ...]:
        """Cultures and path."""
        cultures = ("english",) if self.cultures is None and self.path is None else self.cultures or ()
        return cultures if self.path is None else (*cultures, self.path)

    def check(self) -> None:
        """Raise `InputError` where a file cannot be used."""
        dictionary_of(self.dictionaries)

    def change(
        self, texts: pl.Series, context: Context
    ) -> tuple[pl.Series, dict[str, Mask], dict[str, Mask]]:
        """Write versions out (see `TextStep.change`)."""
        # Old and folded spellings of a full name are one name: the one that is written is the dictionary's.
        forms = _full_names(dictionary_of(self.dictionaries), self._own_names())
        word = texts.str.extract(r"^\s*(\S+)") if self.first_word else texts
        frame = pl.DataFrame({"text": word, "value": word.str.strip_chars().str.to_lowercase()})
        found = frame.join(forms, on="value", how="left", maintain_order="left")
        text, full = pl.col("text"), pl.col("full")
        written = (
            pl.when(text == text.str.to_lowercase())
            .then(full.str.to_lowercase())
            .when(text == text.str.to_uppercase())
            .then(full.str.to_uppercase())
            .otherwise(full.str.to_titlecase())
        )
        new = found.select(pl.when(full.is_not_null()).then(written).otherwise(text)).to_series()
        if self.first_word:
            rest = texts.str.extract(r"^\s*\S+((?s:.*))$")
            new = (new + rest).zip_with(pl.Series(differs(word, new)), texts)
        reported = {
            "a version of several names": mask(found["several"]),
            "a version that is a given name of its own": mask(found["own"]),
        }
        return new, met({"a version of one name, written in full": differs(texts, new)}), met(reported)

    def _own_names(self) -> list[str]:
        """Versions of the package that are left, in small letters without accents."""
        own = {folded(one) for name in self.dictionaries if is_culture(name) for one in own_names_in(name)}
        if self.path is not None:
            own -= {folded(one) for versions in read_nicknames(self.path).values() for one in versions}
        return sorted(one.casefold() for one in own)


def _full_names(names: Names, left: list[str]) -> pl.DataFrame:
    """Versions that are no full names: the full name of one that has but one and is not to be left."""
    written = {name.casefold(): name for name in names}
    known = known_pairs(names)
    # A spelling without accents, which the dictionary has with them, is no name of its own.
    own = known.filter(pl.col("form").is_in(list(written)) & ~pl.col("value").is_in(known["form"].implode()))
    one = pl.col("form").n_unique() == 1
    values = own.group_by("value").agg(
        full=pl.when(one).then(pl.col("form").first().replace_strict(written, return_dtype=pl.String)),
        several=~one,
    )
    plain = values["value"].map_elements(lambda value: folded(value).casefold(), pl.String)
    given = pl.Series("own", plain.is_in(left)) & ~values["several"]
    return values.with_columns(own=given, full=pl.when(given).then(None).otherwise("full"))
