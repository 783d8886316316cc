"""Files of records with known m- and u-probabilities and a known match rate.

Whole files are drawn, not independent pairs: pairs share records, values are skewed, and records of
one entity get their errors apart from each other, as real files have it. A value is a stem and a variant;
two values agree fully, agree in the stem alone (one edit), or differ (two edits or more). A copy keeps the
value, redraws the variant, or redraws both, each time from the field's own distribution: so errors leave the
distribution of a file as it is, and m and u of every level are exact sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray


@dataclass(frozen=True)
class Field:
    """A field with `n_values` stems, Zipf with exponent `skew`, and `n_variants` of each."""

    name: str
    n_values: int
    skew: float = 0.0
    n_variants: int = 1
    redrawn: float = 0.1  # a copy redraws stem and variant
    altered: float = 0.0  # a copy redraws the variant alone
    missing: float = 0.0

    @property
    def stems(self) -> NDArray[np.float64]:
        shares = np.arange(1, self.n_values + 1) ** -self.skew
        return shares / shares.sum()

    @property
    def n_levels(self) -> int:
        return 2 if self.n_variants == 1 else 3

    def _levels(self, same_stem: float, same: float) -> NDArray[np.float64]:
        if self.n_variants == 1:
            return np.array([1 - same, same])
        return np.array([1 - same_stem, same_stem - same, same])

    @property
    def u(self) -> NDArray[np.float64]:
        """Probability of each level for two entities."""
        stem = float((self.stems**2).sum())
        return self._levels(stem, stem / self.n_variants)

    @property
    def m(self) -> NDArray[np.float64]:
        """Probability of each level for an original and its copy."""
        stem = float((self.stems**2).sum())
        same_stem = 1 - self.redrawn + self.redrawn * stem
        kept = 1 - self.redrawn - self.altered
        same = kept + self.altered / self.n_variants + self.redrawn * stem / self.n_variants
        return self._levels(same_stem, same)


@dataclass(frozen=True)
class Values:
    """Values of one field of some records, shape (n,) each; a stem of -1 is missing."""

    stem: NDArray[np.int64]
    variant: NDArray[np.int64]

    def text(self, n_variants: int) -> pl.Series:
        texts: list[str | None] = []
        for stem, variant in zip(self.stem.tolist(), self.variant.tolist(), strict=True):
            letters = [chr(97 + stem // 26**k % 26) for k in range(3)]
            # Each letter comes twice, so that two stems of equal length are two edits apart.
            word = "".join(letter * 2 for letter in letters)
            texts.append(None if stem < 0 else word + (str(variant) if n_variants > 1 else ""))
        return pl.Series(texts, dtype=pl.String)


def _draw(field: Field, n: int, random: np.random.Generator) -> Values:
    return Values(random.choice(field.n_values, n, p=field.stems), random.integers(0, field.n_variants, n))


def _copy(field: Field, values: Values, random: np.random.Generator) -> Values:
    n = len(values.stem)
    fresh = _draw(field, n, random)
    chance = random.random(n)
    redrawn, altered = chance < field.redrawn, chance < field.redrawn + field.altered
    return Values(
        np.where(redrawn, fresh.stem, values.stem), np.where(altered, fresh.variant, values.variant)
    )


@dataclass(frozen=True)
class Simulated:
    """Tables with the column ``id`` and the fields, and who each record is, per table."""

    tables: tuple[pl.DataFrame, ...]
    entities: tuple[NDArray[np.int64], ...]

    @property
    def n_matches(self) -> int:
        """Pairs of records of one entity, between the tables or within the only one."""
        if len(self.tables) == 1:
            sizes = np.bincount(self.entities[0])
            return int((sizes * (sizes - 1) // 2).sum())
        size = max(int(one.max()) for one in self.entities) + 1
        left, right = (np.bincount(one, minlength=size) for one in self.entities)
        return int((left * right).sum())


def _table(
    fields: Sequence[Field],
    originals: Sequence[Values],
    entity: NDArray[np.int64],
    copied: NDArray[np.bool_],
    label: str,
    random: np.random.Generator,
) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Records of the entities in random order; those `copied` carry errors."""
    order = random.permutation(len(entity))
    entity, copied = entity[order], copied[order]
    columns = {"id": pl.Series([f"{label}{k}" for k in range(len(order))])}
    for field, values in zip(fields, originals, strict=True):
        own = Values(values.stem[entity], values.variant[entity])
        copy = _copy(field, own, random)
        stem = np.where(copied, copy.stem, own.stem)
        stem[random.random(len(stem)) < field.missing] = -1
        columns[field.name] = Values(stem, np.where(copied, copy.variant, own.variant)).text(field.n_variants)
    return pl.DataFrame(columns), entity


def two_files(
    fields: Sequence[Field],
    n_left: int,
    n_right: int,
    n_matches: int,
    seed: int,
    spared: NDArray[np.bool_] | None = None,
) -> Simulated:
    """Two files without duplicates with `n_matches` entities in common; the second holds the copies.

    The copies of the entities that are `spared` have no error at all, so that errors come together.
    """
    random = np.random.default_rng(seed)
    n = n_left + n_right - n_matches
    originals = [_draw(field, n, random) for field in fields]
    left = np.arange(n_left)
    right = np.arange(n_left - n_matches, n)
    unharmed = np.zeros(n, bool) if spared is None else spared[:n]
    parts = [
        _table(fields, originals, entity, copied & ~unharmed[entity], label, random)
        for entity, copied, label in (
            (left, np.zeros(len(left), bool), "a"),
            (right, np.ones(len(right), bool), "b"),
        )
    ]
    return Simulated(tuple(part[0] for part in parts), tuple(part[1] for part in parts))


def one_file(fields: Sequence[Field], n_entities: int, n_twice: int, seed: int) -> Simulated:
    """One file in which the first `n_twice` entities have a second record, a copy with errors."""
    random = np.random.default_rng(seed)
    originals = [_draw(field, n_entities, random) for field in fields]
    entity = np.concatenate([np.arange(n_entities), np.arange(n_twice)])
    copied = np.arange(len(entity)) >= n_entities
    table, entity = _table(fields, originals, entity, copied, "r", random)
    return Simulated((table,), (entity,))
