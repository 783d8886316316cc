"""How often each error and change occurs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from math import isfinite

from tallystick.errors import InputError

# What happens to one value excludes the rest, so these sum to at most 1.
_EXCLUSIVE = (
    ("forename_typing", "forename_ocr", "forename_phonetic", "nickname", "initial"),
    ("surname_typing", "surname_ocr", "surname_phonetic"),
    ("year_off", "day_month_swapped", "date_transposed", "date_typing"),
    ("house_number_typing", "house_number_transposed"),
    ("street_typing", "street_ocr", "street_abbreviated"),
    ("town_typing", "town_ocr"),
    ("postcode_typing", "postcode_ocr", "postcode_transposed"),
    ("phone_typing", "phone_transposed"),
)


@dataclass(frozen=True)
class ErrorRates:
    """Rates of errors, missing values and changes; each is the share of values (or persons) it befalls.

    The defaults reproduce CIS to PRD, the fictitious census files of the ESSnet on data integration
    (Office for National Statistics, 2011): among true pairs with both values present, forenames agree
    in 67 %, surnames in 71 %, postcodes in 89 %, dates of birth in 91 %. See the guide for the table.

    An error always changes the value: where the kind drawn does not apply (a name without a
    nickname), a typing error takes its place, so that the rates of a field add up.

    Parameters
    ----------
    forename_typing, surname_typing, street_typing, town_typing, postcode_typing, email_typing : float
        A neighbouring key, a letter left out or put in, two letters transposed.
    forename_ocr, surname_ocr, street_ocr, town_ocr, postcode_ocr : float
        Characters taken for others of the same shape (A and R, I and L, RN and M); half of the time
        wherever the character occurs in the value.
    forename_phonetic, surname_phonetic : float
        Written as it sounds (PH and F, Y and IE, one letter for two).
    nickname : float
        A forename's short form, or the full form of a short one.
    initial : float
        The initial instead of the forename.
    swapped_names : float
        Forename and surname in each other's place.
    year_off : float
        A year of birth wrong by one (five in six) or two.
    day_month_swapped : float
        Day and month of birth in each other's place.
    date_transposed : float
        The last two digits of the year, or those of the day, transposed.
    date_typing : float
        Another day or another month.
    house_number_typing, phone_typing : float
        Another digit.
    house_number_transposed, postcode_transposed, phone_transposed : float
        Two characters in the wrong order.
    street_abbreviated : float
        RD for ROAD and the like.
    sex_wrong : float
        The other sex.
    missing_forename, missing_surname, missing_sex, missing_date : float
        Values not recorded.
    missing_house_number, missing_street, missing_town, missing_postcode, missing_phone, missing_email : float
        Values not recorded.
    second_error : float
        Share of mistyped and misread values with a second error.
    poor_records : float
        Share of records that are badly recorded as a whole.
    poor_factor : float
        How many times as frequent errors are in these; all others have fewer, so that the rates above
        hold over all records. Values are missing independently of it.
    moved_household : float
        Share of households that move as a whole between the two files.
    moved_person : float
        Share of adults who leave their household between the two files.
    married : float
        Share of women of 18 to 45 who take another surname between the two files.
    new_phone : float
        Share of persons who change their phone number between the two files.

    Raises
    ------
    InputError
        If a rate is not between 0 and 1, or the rates of one field sum to more than 1.

    Examples
    --------
    >>> from tallystick.datasets import ErrorRates
    >>> ErrorRates(nickname=0.05).nickname
    0.05
    >>> ErrorRates().scaled(0).moved_household
    0.0
    """

    forename_typing: float = 0.03
    forename_ocr: float = 0.085
    forename_phonetic: float = 0.013
    nickname: float = 0.025
    initial: float = 0.025
    surname_typing: float = 0.03
    surname_ocr: float = 0.115
    surname_phonetic: float = 0.01
    swapped_names: float = 0.002
    year_off: float = 0.0145
    day_month_swapped: float = 0.004
    date_transposed: float = 0.003
    date_typing: float = 0.0255
    house_number_typing: float = 0.008
    house_number_transposed: float = 0.002
    street_typing: float = 0.02
    street_ocr: float = 0.02
    street_abbreviated: float = 0.04
    town_typing: float = 0.01
    town_ocr: float = 0.01
    postcode_typing: float = 0.008
    postcode_ocr: float = 0.024
    postcode_transposed: float = 0.004
    phone_typing: float = 0.015
    phone_transposed: float = 0.005
    email_typing: float = 0.04
    sex_wrong: float = 0.0
    missing_forename: float = 0.02
    missing_surname: float = 0.02
    missing_sex: float = 0.02
    missing_date: float = 0.024
    missing_house_number: float = 0.03
    missing_street: float = 0.03
    missing_town: float = 0.02
    missing_postcode: float = 0.03
    missing_phone: float = 0.06
    missing_email: float = 0.06
    second_error: float = 0.25
    poor_records: float = 0.2
    poor_factor: float = 3.0
    moved_household: float = 0.03
    moved_person: float = 0.015
    married: float = 0.01
    new_phone: float = 0.03

    def __post_init__(self) -> None:
        for name, value in self._rates():
            if not 0.0 <= value <= 1.0:
                raise InputError(f"ErrorRates: {name} is {value}; give a share between 0 and 1.")
        for names in _EXCLUSIVE:
            total = sum(getattr(self, name) for name in names)
            if total > 1.0 + 1e-12:
                raise InputError(
                    f"ErrorRates: {', '.join(names)} sum to {total:g}, but exclude each other; "
                    "lower them to a sum of at most 1."
                )
        if not (isfinite(self.poor_factor) and self.poor_factor >= 1.0):
            raise InputError(f"ErrorRates: poor_factor is {self.poor_factor}; give a number of at least 1.")

    def _rates(self) -> Iterator[tuple[str, float]]:
        for field in fields(self):
            if field.name != "poor_factor":
                yield field.name, getattr(self, field.name)

    def scaled(self, factor: float) -> ErrorRates:
        """These rates times `factor`: 0 for faultless files, 2 for twice as many errors and changes.

        Parameters
        ----------
        factor : float
            Not negative; what share of records is poor, and how poor, stays.

        Returns
        -------
        ErrorRates
            The same with other rates.

        Raises
        ------
        InputError
            If a rate would leave 0 to 1.
        """
        kept = ("poor_records", "second_error")
        return replace(self, **{name: rate * factor for name, rate in self._rates() if name not in kept})
