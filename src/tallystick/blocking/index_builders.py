"""What Python users call to make a pass beyond exact keys."""

from __future__ import annotations

from tallystick.blocking.filters import AnyFilter
from tallystick.blocking.indexes import Canopy, MinHash, PairCondition, QgramIndex, SortedNeighbourhood
from tallystick.blocking.parts import KeyPart


def sorted_neighbourhood(
    *sort_keys: str | KeyPart | tuple[str | KeyPart, ...],
    window: int | None = None,
    similarity: float | None = None,
    filters: tuple[AnyFilter, ...] = (),
    name: str | None = None,
) -> SortedNeighbourhood:
    """Candidates are the pairs whose sort keys are neighbours (see `SortedNeighbourhood`).

    Parameters
    ----------
    *sort_keys : str, KeyPart or tuple of these
        A pair is found by any of them.
    window : int, optional
        Ranks of distinct values differ by less than this.
    similarity : float, optional
        Instead: least similarity of neighbouring values.
    filters : tuple of filters
        Which of the pairs are kept.
    name : str, optional
        Label of the pass.

    Returns
    -------
    SortedNeighbourhood

    Examples
    --------
    >>> sorted_neighbourhood(("surname", "forename"), "postcode", window=4).label
    'sorted by surname + forename or postcode, window 4'
    """
    return SortedNeighbourhood(
        sort_keys=sort_keys,  # type: ignore[arg-type]
        window=window,
        similarity=similarity,
        filters=filters,
        name=name,
    )


def canopy(
    *parts: str | KeyPart,
    loose: float = 0.4,
    tight: float = 0.7,
    q: int = 2,
    within: tuple[str | KeyPart, ...] = (),
    filters: tuple[AnyFilter, ...] = (),
    name: str | None = None,
) -> Canopy:
    """Candidates are the pairs in a common canopy (see `Canopy`).

    Parameters
    ----------
    *parts : str or KeyPart
        What the text is made of.
    loose, tight : float
        Jaccard similarities to the centre: of the canopy, and of what is a centre no more.
    q : int
        Length of the q-grams.
    within : tuple of str or KeyPart
        Parts on which a pair has to agree besides.
    filters : tuple of filters
        Which of the pairs are kept.
    name : str, optional
        Label of the pass.

    Returns
    -------
    Canopy

    Examples
    --------
    >>> canopy("surname", loose=0.3).label
    'canopy 0.3-0.7 of surname'
    """
    return Canopy(parts=parts, loose=loose, tight=tight, q=q, within=within, filters=filters, name=name)  # type: ignore[arg-type]


def qgram_index(
    *parts: str | KeyPart,
    threshold: float = 0.8,
    q: int = 2,
    within: tuple[str | KeyPart, ...] = (),
    filters: tuple[AnyFilter, ...] = (),
    name: str | None = None,
) -> QgramIndex:
    """Candidates are the pairs that share most of their q-grams in order (see `QgramIndex`).

    Parameters
    ----------
    *parts : str or KeyPart
        What the text is made of.
    threshold : float
        Share of the q-grams that a key holds at least.
    q : int
        Length of the q-grams.
    within : tuple of str or KeyPart
        Parts on which a pair has to agree besides.
    filters : tuple of filters
        Which of the pairs are kept.
    name : str, optional
        Label of the pass.

    Returns
    -------
    QgramIndex

    Examples
    --------
    >>> qgram_index("surname", within=("sex",)).label
    'q-gram index 0.8 of surname within sex'
    """
    return QgramIndex(parts=parts, threshold=threshold, q=q, within=within, filters=filters, name=name)  # type: ignore[arg-type]


def minhash(
    *parts: str | KeyPart,
    bands: int = 20,
    rows: int = 3,
    q: int = 2,
    within: tuple[str | KeyPart, ...] = (),
    filters: tuple[AnyFilter, ...] = (),
    name: str | None = None,
) -> MinHash:
    """Candidates are the pairs whose q-grams have a common band of minima (see `MinHash`).

    Parameters
    ----------
    *parts : str or KeyPart
        What the text is made of.
    bands, rows : int
        Number of keys a record, and of minima a key.
    q : int
        Length of the q-grams.
    within : tuple of str or KeyPart
        Parts on which a pair has to agree besides.
    filters : tuple of filters
        Which of the pairs are kept.
    name : str, optional
        Label of the pass.

    Returns
    -------
    MinHash

    Examples
    --------
    >>> minhash("forename", "surname").label
    'minhash 20 x 3 of forename + surname'
    """
    return MinHash(parts=parts, bands=bands, rows=rows, q=q, within=within, filters=filters, name=name)  # type: ignore[arg-type]


def condition(where: str, filters: tuple[AnyFilter, ...] = (), name: str | None = None) -> PairCondition:
    """Candidates are the pairs for which a condition in SQL holds (see `PairCondition`).

    Parameters
    ----------
    where : str
        The condition, on ``l.field`` and ``r.field``.
    filters : tuple of filters
        Which of the pairs are kept.
    name : str, optional
        Label of the pass.

    Returns
    -------
    PairCondition

    Examples
    --------
    >>> condition("l.forename = r.surname AND l.surname = r.forename").fields
    ('forename', 'surname')
    """
    return PairCondition(where=where, filters=filters, name=name)
