"""Every kind of step, chosen by its ``type``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from tallystick.preparation.steps.check_digit import CheckDigit
from tallystick.preparation.steps.codes import CodeList
from tallystick.preparation.steps.correct_spelling import CorrectSpelling
from tallystick.preparation.steps.date_parts import JoinDate, SplitDate
from tallystick.preparation.steps.dates import Date
from tallystick.preparation.steps.email import Email
from tallystick.preparation.steps.fold import Fold
from tallystick.preparation.steps.missing import MissingLabels
from tallystick.preparation.steps.nickname import FullNameOfNickname
from tallystick.preparation.steps.phonetic import PhoneticField
from tallystick.preparation.steps.postcode import Postcode
from tallystick.preparation.steps.remove_words import RemoveWords
from tallystick.preparation.steps.repair import Repair
from tallystick.preparation.steps.spelling import StandardSpelling
from tallystick.preparation.steps.split_address import SplitAddress
from tallystick.preparation.steps.split_name import SplitName
from tallystick.preparation.steps.standard_words import StandardWords
from tallystick.preparation.steps.swapped_names import SwappedNames
from tallystick.preparation.steps.telephone import Telephone
from tallystick.preparation.steps.text import CleanText


def _of_name(step: Any) -> Any:
    """A step that is given by its name alone."""
    return {"type": step} if isinstance(step, str) else step


AnyStep = Annotated[
    Annotated[
        MissingLabels
        | CleanText
        | Fold
        | Repair
        | CodeList
        | Date
        | JoinDate
        | SplitDate
        | SplitAddress
        | StandardWords
        | CheckDigit
        | Telephone
        | Email
        | Postcode
        | FullNameOfNickname
        | PhoneticField
        | SplitName
        | RemoveWords
        | StandardSpelling
        | CorrectSpelling
        | SwappedNames,
        Field(discriminator="type"),
    ],
    BeforeValidator(_of_name),
]
"""The settings of any step; one without settings may be its ``type`` alone."""
