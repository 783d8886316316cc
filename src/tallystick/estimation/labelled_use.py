"""What an estimate takes from labelled pairs, and where it says that each parameter comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tallystick.estimation.em import Given
from tallystick.estimation.factors import Selection
from tallystick.estimation.labelled import Labels
from tallystick.estimation.labelled_alone import Levels, m_of_labels, u_of_labels
from tallystick.estimation.settings import Estimation
from tallystick.estimation.table import Table

Fixed = tuple[Any, ...]


@dataclass(frozen=True)
class Origins:
    """Where m and u of each factor come from.

    Attributes
    ----------
    m, u : tuple of str
        One text per factor.
    """

    m: tuple[str, ...]
    u: tuple[str, ...]


def with_labels(
    labels: Labels,
    table: Table,
    selection: Selection,
    given: Given,
    origins: Origins,
    settings: Estimation,
) -> tuple[Given, Origins]:
    """What is fixed by labelled pairs, and the origins that then hold.

    Parameters
    ----------
    labels : Labels
        The labelled pairs.
    table : Table
        The patterns, with ``known``.
    selection : Selection
        Which patterns are selected.
    given : Given
        What the specification gives; it stays.
    origins : Origins
        Without labels.
    settings : Estimation
        How the labels are used.

    Returns
    -------
    given : Given
        With m, and where asked for u, of the labels where they alone count.
    origins : Origins
    """
    assert table.known is not None
    if settings.labels_use == "with_em":
        texts = tuple(f"EM with {labels.text}" if text == "EM" else text for text in origins.m)
        return given, replace(origins, m=texts)
    m, m_origins = _fixed(
        given.m, m_of_labels(labels, table.known, table, selection, settings), origins.m, labels.text
    )
    given, origins = replace(given, m=m), replace(origins, m=m_origins)
    if settings.labels_u:
        u, u_origins = _fixed(
            given.u, u_of_labels(labels, table.known, table, settings), origins.u, labels.text
        )
        given, origins = replace(given, u=u), replace(origins, u=u_origins)
    return given, origins


def _fixed(given: Fixed, found: Levels, origins: tuple[str, ...], text: str) -> tuple[Fixed, tuple[str, ...]]:
    """Given values where there are any, else those of the labels, else none: EM."""
    values = tuple(one if one is not None else own for one, own in zip(given, found, strict=True))
    texts = tuple(
        text if one is None and own is not None else origin
        for one, own, origin in zip(given, found, origins, strict=True)
    )
    return values, texts
