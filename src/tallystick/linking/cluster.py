"""Entities: the records that links join, directly or through others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError


def connected_components(
    left: NDArray[np.integer[Any]], right: NDArray[np.integer[Any]], n_records: int
) -> NDArray[np.int64]:
    """Entity of each record: records joined by a chain of links are one entity.

    Parameters
    ----------
    left, right : integer arrays, shape (n_links,)
        Global row numbers of the links, in any order.
    n_records : int
        Number of records, linked or not.

    Returns
    -------
    int64 array, shape (n_records,)
        Entities are numbered from 0 in the order of their first records; a record without links is
        an entity of its own.

    Raises
    ------
    InputError
        If the arrays differ in shape or name a row that does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> connected_components(np.array([4, 1]), np.array([2, 4]), 5)
    array([0, 1, 1, 2, 1])
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components as label_components

    if left.ndim != 1 or left.shape != right.shape:
        raise InputError(
            f"The left and right rows of the links have shapes {left.shape} and {right.shape}; "
            "give two one-dimensional arrays of one length."
        )
    for rows in (left, right):
        outside = np.flatnonzero((rows < 0) | (rows >= n_records))
        if outside.size:
            raise InputError(
                f"Link {outside[0]} names row {rows[outside[0]]}, but rows run from 0 to {n_records - 1}; "
                "give global row numbers."
            )
    links = coo_array((np.ones(left.size, np.int8), (left, right)), shape=(n_records, n_records))
    labels = label_components(links, directed=False)[1]
    _, first_record, entity = np.unique(labels, return_index=True, return_inverse=True)
    number = np.empty(first_record.size, np.int64)
    number[np.argsort(first_record)] = np.arange(first_record.size)
    answer: NDArray[np.int64] = number[entity]
    return answer
