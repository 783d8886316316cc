"""Records of persons: what they are, with what goes wrong in writing it down."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.datasets.edits import Method, edited, replaced, with_errors
from tallystick.datasets.households import FIRST_DAY, LAST_DAY, Truth
from tallystick.datasets.misdates import misdated
from tallystick.datasets.misnumbers import another_digit, transposed_digits
from tallystick.datasets.names import Names
from tallystick.datasets.places import Places, streets
from tallystick.datasets.rates import ErrorRates
from tallystick.datasets.vocabulary import Ints, Vocabulary

_NONE = -1


class Recorder:
    """Draws what goes wrong in some records: poor records have more errors, missing values apart."""

    def __init__(self, rates: ErrorRates, size: int, rng: np.random.Generator) -> None:
        self.rates, self.size, self.rng = rates, size, rng
        self._poor = rng.random(size) < rates.poor_records

    def _share(self, total: float) -> NDArray[np.float64]:
        """A number per record that is below a rate of up to `total` as often as that rate says."""
        poor = self.rates.poor_records
        if poor == 0.0 or total == 0.0:
            return self.rng.random(self.size)
        high = min(self.rates.poor_factor, 1.0 / total, 1.0 / poor)
        low = (1.0 - poor * high) / (1.0 - poor) if poor < 1.0 else 1.0
        with np.errstate(divide="ignore"):
            return np.asarray(self.rng.random(self.size) / np.where(self._poor, high, low))

    def kinds(self, *rates: float) -> NDArray[np.int8]:
        """Which of several errors that exclude each other befalls each record; -1 is none."""
        drawn = np.searchsorted(np.cumsum(rates), self._share(sum(rates)), side="right")
        return np.where(drawn < len(rates), drawn, _NONE).astype(np.int8)

    def missing(self, rate: float) -> NDArray[np.bool_]:
        """Which values are not there."""
        return self.rng.random(self.size) < rate

    def texts(self, words: Vocabulary, codes: Ints, methods: Ints, missing: float) -> pl.Series:
        """A column of texts with errors by these methods and missing values."""
        gone = self.missing(missing)
        return with_errors(words, codes, methods, gone, self.rates.second_error, self.rng)


def records(
    truth: Truth,
    emails: pl.Series | None,
    *,
    places: Places,
    names: Names,
    rates: ErrorRates,
    seed: int,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """One record for each entry, without any identifier.

    Parameters
    ----------
    truth : Truth
        Who is recorded.
    emails : polars.Series or None
        Their e-mail addresses, if they are recorded.
    places, names : Places, Names
        What the codes mean.
    rates : ErrorRates
        How often each error occurs.
    seed : int
        What streets depend on.
    rng : numpy.random.Generator
        Where the errors are drawn from.

    Returns
    -------
    polars.DataFrame
        All columns of text.
    """
    recorder = Recorder(rates, len(truth.person), rng)
    forename, surname = _names(truth, names, recorder)
    sex = recorder.kinds(rates.sex_wrong) >= 0
    columns = {
        "forename": forename,
        "surname": surname,
        "sex": recorder.texts(
            _sexes(), (truth.male ^ sex).astype(np.int64), np.full(len(sex), _NONE), rates.missing_sex
        ),
        "date_of_birth": _dates(truth, recorder),
        **_addresses(truth, places, recorder, seed),
        "phone": _phones(truth, recorder),
    }
    if emails is not None:
        columns["email"] = _emails(emails, recorder)
    return pl.DataFrame(columns)


def _names(truth: Truth, names: Names, recorder: Recorder) -> tuple[pl.Series, pl.Series]:
    rates = recorder.rates
    swapped = recorder.kinds(rates.swapped_names) >= 0
    kinds = recorder.kinds(
        rates.forename_typing, rates.forename_ocr, rates.forename_phonetic, rates.nickname, rates.initial
    )
    kinds[swapped] = _NONE
    nickname, initial = np.flatnonzero(kinds == 3), np.flatnonzero(kinds == 4)
    forename = truth.forename.copy()
    forename[nickname] = names.nickname(truth.forename[nickname], recorder.rng)
    forename[initial] = names.initials[truth.forename[initial]]
    # What has no nickname, and a name that is its own initial, is mistyped instead.
    methods = _methods(kinds, Method.TYPING, Method.OCR_NAME, Method.PHONETIC, _NONE, _NONE)
    methods[(kinds >= 3) & (forename == truth.forename)] = Method.TYPING
    forename = np.where(swapped, truth.surname, forename)
    first = recorder.texts(names.words, forename, methods, rates.missing_forename)

    kinds = recorder.kinds(rates.surname_typing, rates.surname_ocr, rates.surname_phonetic)
    kinds[swapped] = _NONE
    methods = _methods(kinds, Method.TYPING, Method.OCR_NAME, Method.PHONETIC)
    surname = np.where(swapped, truth.forename, truth.surname)
    return first, recorder.texts(names.words, surname, methods, rates.missing_surname)


def _methods(kinds: Ints, *methods: int) -> NDArray[np.int8]:
    """The method of editing of each kind; none for none."""
    return np.array([*methods, _NONE], np.int8)[kinds]


def _dates(truth: Truth, recorder: Recorder) -> pl.Series:
    rates = recorder.rates
    kinds = recorder.kinds(rates.year_off, rates.day_month_swapped, rates.date_transposed, rates.date_typing)
    wrong = np.flatnonzero(kinds >= 0)
    born = truth.born.copy()
    born[wrong] = misdated(born[wrong], kinds[wrong], recorder.rng)
    gone = recorder.missing(rates.missing_date)
    return replaced(_calendar(), born, wrong[:0], pl.Series([], dtype=pl.String), gone)


def _addresses(truth: Truth, places: Places, recorder: Recorder, seed: int) -> dict[str, pl.Series]:
    rates = recorder.rates
    kinds = recorder.kinds(rates.house_number_typing, rates.house_number_transposed)
    house = _numbers(truth.house, kinds, recorder)
    house_number = pl.Series(house).cast(pl.String)

    kinds = recorder.kinds(rates.street_typing, rates.street_ocr, rates.street_abbreviated)
    street = places.street(truth.postcode, seed)
    street = np.where(kinds == 2, streets().abbreviated(street), street)
    methods = _methods(kinds, Method.TYPING, Method.OCR_NAME, _NONE)
    street_text = recorder.texts(streets().words, street, methods, rates.missing_street)

    kinds = recorder.kinds(rates.town_typing, rates.town_ocr)
    methods = _methods(kinds, Method.TYPING, Method.OCR_NAME)
    town = recorder.texts(places.towns, places.town(truth.postcode), methods, rates.missing_town)

    kinds = recorder.kinds(rates.postcode_typing, rates.postcode_ocr, rates.postcode_transposed)
    methods = _methods(kinds, Method.TYPING, Method.OCR_CODE, Method.TRANSPOSED)
    present, codes = np.unique(truth.postcode, return_inverse=True)
    postcode = recorder.texts(places.postcodes(present), codes, methods, rates.missing_postcode)
    return {
        "house_number": _without(house_number, recorder.missing(rates.missing_house_number)),
        "street": street_text,
        "town": town,
        "postcode": postcode,
    }


def _phones(truth: Truth, recorder: Recorder) -> pl.Series:
    rates = recorder.rates
    kinds = recorder.kinds(rates.phone_typing, rates.phone_transposed)
    numbers = pl.Series(_numbers(truth.phone, kinds, recorder)).cast(pl.String)
    return _without("0" + numbers, recorder.missing(rates.missing_phone))


def _emails(emails: pl.Series, recorder: Recorder) -> pl.Series:
    rates = recorder.rates
    gone = recorder.missing(rates.missing_email)
    wrong = np.flatnonzero((recorder.kinds(rates.email_typing) >= 0) & ~gone)
    if len(wrong) == 0:
        return _without(emails, gone)
    right = Vocabulary.of(emails.gather(wrong).to_list())
    order = np.arange(len(wrong))
    new = edited(right, order, np.full(len(wrong), Method.TYPING), rates.second_error, recorder.rng)
    return replaced(emails, np.arange(len(emails)), wrong, new, gone)


def _numbers(numbers: NDArray[np.int64], kinds: Ints, recorder: Recorder) -> NDArray[np.int64]:
    """Numbers with errors: 0 another digit, 1 two digits transposed."""
    changed = numbers.copy()
    typed, transposed = np.flatnonzero(kinds == 0), np.flatnonzero(kinds == 1)
    changed[typed] = another_digit(numbers[typed], recorder.rng)
    changed[transposed] = transposed_digits(numbers[transposed], recorder.rng)
    return changed


def _without(texts: pl.Series, missing: NDArray[np.bool_]) -> pl.Series:
    return texts.to_frame("x").select(pl.when(~pl.Series(missing)).then("x").alias("x")).to_series()


@cache
def _calendar() -> pl.Series:
    """All days as ISO dates."""
    return pl.Series(np.arange(FIRST_DAY, LAST_DAY + 1)).cast(pl.Date).dt.strftime("%Y-%m-%d")


@cache
def _sexes() -> Vocabulary:
    return Vocabulary.of(["F", "M"])
