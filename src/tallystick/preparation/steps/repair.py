"""Text that was decoded by the wrong encoding, as it was before."""

from __future__ import annotations

import re
from functools import partial
from html import unescape
from html.entities import html5
from typing import Literal

import numpy as np
import polars as pl
from pydantic import StrictBool

from tallystick.preparation.distinct import map_texts
from tallystick.preparation.encodings import LOST, decoded_again
from tallystick.preparation.extras import require
from tallystick.preparation.steps.checked import met
from tallystick.preparation.steps.step import Change, Context, TextStep, differs, mask

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_BYTE_LOST = re.compile(r"(?<![a-zß-ÿ])Ã \w")
"""A byte that became a space: "Ã lvarez" may have been Álvarez or à lvarez. Behind a small letter it is à."""
_MOST_PASSES = 8


class Repair(TextStep):
    """Undo decoding by the wrong encoding (``MÃ¼ller`` for Müller), only where there are signs of it.

    Attributes
    ----------
    entities : bool
        Replace complete entities of HTML too: ``&amp;``, ``&#233;``.
    """

    type: Literal["repair"] = "repair"
    entities: StrictBool = True

    def check(self) -> None:
        """Raise `InputError` where the library is not installed (see `PreparationStep.check`)."""
        require("ftfy", 'the step "repair"')

    def change(self, texts: pl.Series, context: Context) -> Change:
        """Repair texts (see `TextStep.change`). Only those that may need it reach the library."""
        beyond = mask(texts.str.len_bytes() != texts.str.len_chars())
        entity = mask(texts.str.contains(_ENTITY.pattern)) & self.entities
        rows = np.flatnonzero(beyond | entity)
        new = texts
        if len(rows):
            self.check()
            repaired = map_texts(
                partial(repair_text, entities=self.entities), texts.gather(rows).to_list(), context.processes
            )
            new = texts.clone().scatter(rows, repaired)
        changed = differs(texts, new)
        rules = {"entities of HTML": changed & entity, "decoded by the right encoding": changed & ~entity}
        reasons = {
            "characters that were lost in decoding": mask(new.str.contains(LOST, literal=True)),
            "a control code, for a letter of an encoding that is not known": mask(
                new.str.contains(r"[\x80-\x9f]")
            ),
            # Lines of boxes within words come of the encodings of early personal computers.
            "signs of a wrong encoding, which could not be undone": mask(
                new.str.contains(r"\p{L}[\x{2500}-\x{259f}]|[\x{2500}-\x{259f}]\p{L}|(?:^|\P{L})Ã \p{L}")
            ),
            "a question mark within a word, perhaps for a letter that was lost": mask(
                new.str.contains(r"\p{L}\?\p{L}")
            ),
        }
        return new, met(rules), met(reasons)


def repair_text(text: str, *, entities: bool = True) -> str:
    """One text as it was before it was decoded wrongly, or itself.

    Parameters
    ----------
    text : str
    entities : bool
        As of `Repair`.

    Examples
    --------
    >>> repair_text("MÃ¼ller &amp; SÃ¶hne"), repair_text("Müller"), repair_text("AT&T;")
    ('Müller & Söhne', 'Müller', 'AT&T;')
    """
    # Text may have been decoded wrongly more than once.
    for _ in range(_MOST_PASSES):
        plain = _ENTITY.sub(_character, text) if entities and "&" in text else text
        decoded = plain if _BYTE_LOST.search(plain) else decoded_again(plain)
        if decoded == text:
            break
        text = decoded
    return text


def _character(entity: re.Match[str]) -> str:
    written = entity[0]
    if written[1] != "#" and written[1:] not in html5:
        return written
    character = unescape(written)
    return written if LOST in character or not character else character
