"""Links by match keys: by themselves, or as the first pass of a linkage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.plan import Kind
from tallystick.linkage.prepare import Known
from tallystick.linking.deterministic import match
from tallystick.linking.key_chance import false_share
from tallystick.linking.match_codes import key_codes
from tallystick.linking.match_settings import Match
from tallystick.linking.matched import Matched
from tallystick.preparation.nicknames import Names, dictionary_of
from tallystick.records.records import Records


@dataclass(frozen=True)
class KeyLinks:
    """Links by match keys that come first, with how sure they are.

    Attributes
    ----------
    matched : Matched
        The links.
    posterior : float64 array, shape (n_links,)
        Chance that each is a match: 1 less the share of the links of its key that are expected to be false.
    """

    matched: Matched
    posterior: NDArray[np.float64]


def link_records(
    records: Records, settings: Match, kind: Kind, free: NDArray[np.bool_] | None = None
) -> Matched:
    """Link records that are read and encoded, as the settings say.

    Parameters
    ----------
    records : Records
        The records, with the fields of the keys.
    settings : Match
        The keys, their paths resolved.
    kind : {"link", "dedupe", "link_and_dedupe"}
        Which records are linked.
    free : bool array, shape (n_records,), optional
        Records that may be linked; by default all.

    Returns
    -------
    Matched
        See `tallystick.linking.deterministic.match`.
    """
    return _link_with(records, settings, kind, _names(settings), free)


def link_first(whole: Known) -> KeyLinks | None:
    """The links of the match keys of a linkage, which the other passes do not see; None without keys.

    Parameters
    ----------
    whole : Known
        All records of two sources.

    Returns
    -------
    KeyLinks or None
    """
    settings = whole.spec.match
    if settings is None:
        return None
    records = whole.records
    names = _names(settings)
    matched = _link_with(records, settings, whole.kind, names)
    share = np.zeros(len(settings.keys))
    free = np.ones(records.n_records, bool)
    for number, key in enumerate(settings.keys):
        own = matched.key == number
        if not own.any():
            continue
        left, right = (int(free[one.start : one.stop].sum()) for one in map(records.rows, (0, 1)))
        codes = key_codes(records, key, names)
        share[number] = false_share(codes, records, left, right, int(own.sum()))
        free[matched.left[own]] = free[matched.right[own]] = False
    return KeyLinks(matched, 1.0 - share[matched.key])


def _link_with(
    records: Records, settings: Match, kind: Kind, names: Names | None, free: NDArray[np.bool_] | None = None
) -> Matched:
    links = settings.links_of(kind)
    return match(records, settings.keys, kind, links=links, free=free, nicknames=names)


def _names(settings: Match) -> Names | None:
    return None if settings.nicknames is None else dictionary_of(settings.nicknames, "match.nicknames, ")
