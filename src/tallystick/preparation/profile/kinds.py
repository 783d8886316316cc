"""What kind of fact a field holds: whether it stays, or changes in a life."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from tallystick.errors import InputError
from tallystick.preparation.roles import words

Kind = Literal["name", "birth", "changes", "unknown"]

KINDS: Mapping[str, str] = {
    "name": "proper name",
    "birth": "fixed at birth",
    "changes": "changes over time",
    "unknown": "unknown",
}
"""Kinds as they are shown."""

_BIRTH = frozenset(("birth", "birthdate", "birthday", "birthplace", "born", "dob", "mob", "yob", "birthyear"))
_LATER = frozenset(("death", "died", "event", "marriage", "baptism"))
_CHANGES = frozenset(
    ("address", "age", "apartment", "cell", "city", "class", "contact", "district", "education", "email",
     "employer", "employment", "fax", "flat", "grade", "home", "household", "housenumber", "income", "job",
     "locality", "marital", "mail", "mobile", "occupation", "parish", "phone", "postal", "postcode",
     "profession", "relation", "relationship", "residence", "salary", "school", "status", "street", "suburb",
     "tel", "telephone", "tenure", "town", "unit", "village", "zip", "zipcode")
)  # fmt: skip
_NAMES = frozenset(
    ("alias", "family", "forename", "given", "initial", "initials", "maiden", "middle", "nickname", "surname")
)  # fmt: skip
_AT_BIRTH = frozenset(("ethnic", "ethnicity", "gender", "race", "sex", "twin"))
_NO_PERSONS = frozenset(("company", "department", "file", "firm", "hospital", "organisation", "organization"))


def kind_of(name: str) -> Kind:
    """The kind of a field, as its name says; values cannot tell it.

    Parameters
    ----------
    name : str

    Returns
    -------
    str

    Examples
    --------
    >>> [kind_of(name) for name in ("birth_date", "birthPlace", "street_name", "pername1", "sex", "enumpc")]
    ['birth', 'birth', 'changes', 'name', 'birth', 'unknown']
    """
    called = set(words(name))
    if called & _LATER or called & _NO_PERSONS:
        return "unknown"
    if called & _BIRTH:
        return "birth"
    if called & _CHANGES:
        return "changes"
    if called & _NAMES or any(word.endswith("name") or word.endswith("names") for word in called):
        return "name"
    return "birth" if called & _AT_BIRTH else "unknown"


def check_kinds(kinds: Mapping[str, str], fields: set[str]) -> None:
    """Refuse a kind that there is not, or of a field that no source has.

    Raises
    ------
    InputError
    """
    for name, kind in kinds.items():
        if kind not in get_args(Kind):
            raise InputError(
                f'the kind of field "{name}" is given as "{kind}"; give one of {", ".join(get_args(Kind))}.'
            )
        if name not in fields:
            raise InputError(f'a kind is given for field "{name}", which no source has; correct its name.')
