"""Passes beyond exact keys: sorted neighbourhood, canopies, q-gram and MinHash indexes, conditions."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from tallystick._schema import Settings
from tallystick.blocking.filters import AnyFilter
from tallystick.blocking.parts import KeyParts, SortKeys, fields_of, label_of
from tallystick.blocking.user_condition import fields_of_condition, parsed


class SortedNeighbourhood(Settings):
    """Records whose sort keys are neighbours are candidates.

    The distinct values of a sort key are put in order. With a `window` w a pair is found where the ranks of
    its values differ by less than w (the window over distinct values, Christen 2012, Data Matching, section
    4.2; so the order of the rows plays no part, and 1 is an exact key). With a `similarity` neighbouring
    values stay together as long as each is so similar to the one before (adaptive windows, Yan, Lee, Kan
    and Giles 2007).

    Attributes
    ----------
    sort_keys : tuple of tuple of KeyPart
        A pair is found by any of them. Put the part with the fewest errors first.
    window : int, optional
        Ranks differ by less than this.
    similarity : float, optional
        Instead of a window: least Jaro-Winkler similarity of neighbouring values.
    filters : tuple of filters
        Which of the pairs are kept.
    name : str, optional
        Label of the pass.
    """

    hints: ClassVar[dict[str, str]] = {
        "sort_keys": 'a list of keys, each a list of fields, such as [["surname", "forename"], ["postcode"]]'
    }

    type: Literal["sorted_neighbourhood"] = "sorted_neighbourhood"
    sort_keys: SortKeys
    window: int | None = Field(default=None, ge=1)
    similarity: float | None = Field(default=None, gt=0, le=1)
    filters: tuple[AnyFilter, ...] = ()
    name: str | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> SortedNeighbourhood:
        if self.window is None and self.similarity is None:
            raise ValueError("sorted_neighbourhood needs a window or a similarity: give one of the two")
        if self.window is not None and self.similarity is not None:
            raise ValueError(
                f"sorted_neighbourhood takes a window or a similarity, not both: found window = "
                f"{self.window} and similarity = {self.similarity:g}; take one out"
            )
        for part in (part for key in self.sort_keys for part in key):
            if part.several:
                raise ValueError(
                    f"a sort key needs one value a record, and {part.label} has several: use it in a "
                    "blocking_key"
                )
        return self

    @property
    def label(self) -> str:
        """Name of the pass, for tables and messages."""
        keys = " or ".join(label_of(key) for key in self.sort_keys)
        how = f"window {self.window}" if self.window is not None else f"similarity {self.similarity:g}"
        return self.name or f"sorted by {keys}, {how}"

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the pass reads."""
        return fields_of(tuple(part for key in self.sort_keys for part in key))


class TextIndex(Settings):
    """A pass that finds texts which are spelt alike; the texts are the parts, joined by a space.

    Attributes
    ----------
    parts : tuple of KeyPart
        What the text is made of: the parts, joined by a space. A record that lacks one is not found.
    within : tuple of KeyPart
        Parts on which a pair has to agree besides.
    q : int
        Length of the q-grams; a shorter text is one itself.
    filters : tuple of filters
        Which of the pairs are kept.
    name : str, optional
        Label of the pass.
    """

    hints: ClassVar[dict[str, str]] = {"parts": 'a list of fields, such as ["surname"]'}

    parts: KeyParts = Field(min_length=1)
    within: KeyParts = ()
    q: int = Field(default=2, ge=1, le=16)
    filters: tuple[AnyFilter, ...] = ()
    name: str | None = None

    @model_validator(mode="after")
    def _one_text(self) -> TextIndex:
        for part in (*self.parts, *self.within):
            if part.several:
                raise ValueError(
                    f"{self.python_name()} needs one text a record, and {part.label} has several: use it in "
                    "a blocking_key"
                )
        return self

    @property
    def how(self) -> str:
        """Name of the index and its settings, for people."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        """Name of the pass, for tables and messages."""
        within = f" within {label_of(self.within)}" if self.within else ""
        return self.name or f"{self.how} of {label_of(self.parts)}{within}"

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the pass reads."""
        return fields_of((*self.parts, *self.within))


class Canopy(TextIndex):
    """Records in a common canopy are candidates (McCallum, Nigam and Ungar 2000).

    The distinct texts are taken in an order drawn by the seed. Each that is still there becomes the centre
    of a canopy of all texts whose sets of q-grams are at least `loose` similar to its own (Jaccard), and
    those at least `tight` similar are centres no more.

    Attributes
    ----------
    loose, tight : float
        Jaccard similarities, ``loose <= tight``.
    parts : tuple of KeyPart
        What the text is made of: the parts, joined by a space. A record that lacks one is not found.
    within : tuple of KeyPart
        Parts on which a pair has to agree besides.
    q : int
        Length of the q-grams; a shorter text is one itself.
    filters : tuple of filters
        Which of the pairs are kept.
    name : str, optional
        Label of the pass.
    """

    type: Literal["canopy"] = "canopy"
    loose: float = Field(default=0.4, gt=0, le=1)
    tight: float = Field(default=0.7, gt=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> Canopy:
        if self.loose > self.tight:
            given = self.model_fields_set
            advice = {
                (True, False): f"lower loose, or give tight a value of at least {self.loose:g}",
                (False, True): f"raise tight, or give loose a value of at most {self.tight:g}",
            }.get(("loose" in given, "tight" in given), "lower loose or raise tight")
            raise ValueError(
                f"loose = {self.loose:g} is above tight = {self.tight:g}: {advice}, since what is alike "
                "enough to be no centre any more has to be in the canopy"
            )
        return self

    @property
    def how(self) -> str:
        """Name of the index and its settings, for people."""
        return f"canopy {self.loose:g}-{self.tight:g}"


class QgramIndex(TextIndex):
    """Records that share most q-grams in order are candidates (Baxter, Christen and Churches 2003).

    Of a text with k q-grams every sublist of at least ``max(1, floor(k * threshold))`` of them is a key.

    Attributes
    ----------
    threshold : float
        Share of the q-grams that a key holds at least.
    parts : tuple of KeyPart
        What the text is made of: the parts, joined by a space. A record that lacks one is not found.
    within : tuple of KeyPart
        Parts on which a pair has to agree besides.
    q : int
        Length of the q-grams; a shorter text is one itself.
    filters : tuple of filters
        Which of the pairs are kept.
    name : str, optional
        Label of the pass.
    """

    type: Literal["qgram_index"] = "qgram_index"
    threshold: float = Field(default=0.8, gt=0, le=1)

    @property
    def how(self) -> str:
        """Name of the index and its settings, for people."""
        return f"q-gram index {self.threshold:g}"


class MinHash(TextIndex):
    """Records whose sets of q-grams have a common band of minima are candidates (Broder 1997).

    Texts with Jaccard similarity s are found with chance ``1 - (1 - s ** rows) ** bands``.

    Attributes
    ----------
    bands : int
        Number of keys a record.
    rows : int
        Number of minima that a key is made of.
    parts : tuple of KeyPart
        What the text is made of: the parts, joined by a space. A record that lacks one is not found.
    within : tuple of KeyPart
        Parts on which a pair has to agree besides.
    q : int
        Length of the q-grams; a shorter text is one itself.
    filters : tuple of filters
        Which of the pairs are kept.
    name : str, optional
        Label of the pass.
    """

    type: Literal["minhash"] = "minhash"
    bands: int = Field(default=20, ge=1, le=1000)
    rows: int = Field(default=3, ge=1, le=100)

    @property
    def how(self) -> str:
        """Name of the index and its settings, for people."""
        return f"minhash {self.bands} x {self.rows}"


class PairCondition(Settings):
    """Pairs for which the user's own condition holds are candidates.

    Attributes
    ----------
    where : str
        A condition in SQL, as polars reads it, on the fields ``l.name`` and ``r.name`` of the two records.
        Fields are text. What is null is not found.
    filters : tuple of filters
        Which of the pairs are kept.
    name : str, optional
        Label of the pass.
    """

    type: Literal["condition"] = "condition"
    where: str
    filters: tuple[AnyFilter, ...] = ()
    name: str | None = None

    @model_validator(mode="after")
    def _readable(self) -> PairCondition:
        parsed(self.where)
        return self

    @property
    def label(self) -> str:
        """Name of the pass, for tables and messages."""
        return self.name or self.where

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the condition reads."""
        return fields_of_condition(self.where)
