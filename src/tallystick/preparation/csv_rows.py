"""Look at every row of a CSV file before it is parsed.

A parser made for speed fills short rows up and may skip or misread what is malformed. Here each row
is counted out in the bytes of the file, block by block, so that a ragged row, a stray quote or invalid
UTF-8 is an error that names the row, and so that the number of rows is known for certain.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from tallystick.errors import InputError

BLOCK = 1 << 24
_SAMPLE = 1 << 20
_SAMPLE_ROWS = 100
_CANDIDATES = b",;\t|"
_CR = 13
_MARK = b"\xef\xbb\xbf"
_DELIMITER_NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
_LIKE_DATA = re.compile(r"\s*[-+]?\d[\d.,:/ -]*\s*")


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written.

    Attributes
    ----------
    delimiter, quote, end : str
        One character each; `quote` may be empty. `end` is what ends a row.
    header : bool
        Whether the first row holds the names.
    names : tuple of str
        Names of the columns, spaces around them removed; ``column_1`` and so on without a header.
    """

    delimiter: str
    quote: str
    end: str
    header: bool
    names: tuple[str, ...]


def detect_dialect(
    file: BinaryIO, shown: str, *, delimiter: str | None = None, quote: str = '"', header: bool | None = None
) -> Dialect:
    """Tell how a CSV file is written from its first megabyte.

    The delimiter is the one of comma, semicolon, tab and bar that gives each of the first 100 rows the
    same number of values, more than one; the most values win. The first row is a header unless one of
    its values is a number or a date and all values below it in that column are too: in doubt it is a
    header.

    Parameters
    ----------
    file : binary file
        In UTF-8, at its start.
    shown : str
        How messages name the file.
    delimiter, quote, header : optional
        What is given is not detected.

    Returns
    -------
    Dialect

    Raises
    ------
    InputError
        If the first row is blank.
    """
    sample = file.read(_SAMPLE)
    complete = len(sample) < _SAMPLE
    sample = sample.removeprefix(_MARK)
    end = "\r" if b"\n" not in sample and b"\r" in sample else "\n"
    text = sample.decode("utf-8", "replace")
    if delimiter is None:
        counted = {chr(c): _widths(_first_rows(text, chr(c), quote, complete)) for c in _CANDIDATES}
        even = {c: w[0] for c, w in counted.items() if len(set(w)) == 1 and w[0] > 1}
        first = even or {c: w[0] for c, w in counted.items() if w}
        delimiter = max(first, key=lambda c: first[c], default=",")
    rows = _first_rows(text, delimiter, quote, complete)
    if not rows or not rows[0]:
        raise InputError(
            f"{shown}: the first line is blank; the file must begin with its header or first row."
        )
    if header is None:
        header = not _first_is_data(rows)
    names = [name.strip() for name in rows[0]] if header else [f"column_{i + 1}" for i in range(len(rows[0]))]
    return Dialect(delimiter, quote, end, header, tuple(names))


def _first_rows(text: str, delimiter: str, quote: str, complete: bool) -> list[list[str]]:
    lines = io.StringIO(text, newline="")
    if quote:
        reader = csv.reader(lines, delimiter=delimiter, quotechar=quote)
    else:
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
            if len(rows) > _SAMPLE_ROWS:
                return rows
    except csv.Error:  # a value too long to be one: check_rows says where the quote was left open
        return rows
    # The sample may end in the middle of a row.
    return rows if complete or len(rows) == 1 else rows[:-1]


def _widths(rows: list[list[str]]) -> list[int]:
    return [len(row) for row in rows if row]


def _first_is_data(rows: list[list[str]]) -> bool:
    first, below = rows[0], [row for row in rows[1:] if row]
    for i, value in enumerate(first):
        if not _LIKE_DATA.fullmatch(value):
            continue
        values = [row[i] for row in below if i < len(row) and row[i].strip()]
        if values and all(_LIKE_DATA.fullmatch(v) for v in values):
            return True
    return False


def check_rows(file: BinaryIO, dialect: Dialect, shown: str, limit: int | None = None) -> int:
    """Count the rows of a CSV file, and refuse it where one of them is malformed.

    Blank lines at the end of the file are no rows. A blank line before that is a missing value where the
    file has one column, and a ragged row where it has more.

    Parameters
    ----------
    file : binary file
        In UTF-8, at its start.
    dialect : Dialect
    shown : str
        How messages name the file.
    limit : int, optional
        Stop when so many rows have been seen.

    Returns
    -------
    int
        Number of rows, the header not counted.

    Raises
    ------
    InputError
        For a row with too many or too few values, a quote out of place or never closed, and bytes that
        are not UTF-8.
    """
    place = _Place()
    rest = file.read(3).removeprefix(_MARK)
    size = BLOCK
    while True:
        more = file.read(size)
        block = _Block(rest + more, dialect, shown, place, last=not more)
        block.check()
        place = block.place_after()
        rest = block.rest
        if not more or (limit is not None and place.rows >= limit + dialect.header):
            return place.rows - dialect.header
        # A row longer than the block would otherwise be looked at again and again.
        size = max(BLOCK, len(rest))


@dataclass(frozen=True)
class _Place:
    """How far the check has come.

    Rows count up to the last one that is not blank; blank ones may follow it.
    """

    rows: int = 0
    lines: int = 0
    blank_rows: int = 0


class _Block:
    """Complete rows of the file, and where their values end."""

    def __init__(self, data: bytes, dialect: Dialect, shown: str, place: _Place, *, last: bool) -> None:
        self.dialect, self.shown, self.place, self.last = dialect, shown, place, last
        self.data = data
        codes = np.frombuffer(data, np.uint8)
        self.line_ends = np.flatnonzero(codes == ord(dialect.end))
        delimiters = codes == ord(dialect.delimiter)
        row_ends = self.line_ends
        self.quotes = np.zeros(0, np.intp)
        if dialect.quote and dialect.quote.encode() in data:
            is_quote = codes == ord(dialect.quote)
            self.quotes = np.flatnonzero(is_quote)
            within = np.logical_xor.accumulate(is_quote)
            delimiters &= ~within
            row_ends = row_ends[~within[row_ends]]
        if last and data and (len(row_ends) == 0 or row_ends[-1] != len(data) - 1):
            row_ends = np.append(row_ends, len(data))  # the last row has no line end
        self.codes, self.row_ends = codes, row_ends
        self.delimiters = np.flatnonzero(delimiters)
        self.cut = min(int(row_ends[-1]) + 1, len(data)) if len(row_ends) else 0
        starts = np.append(0, row_ends[:-1] + 1)[: len(row_ends)]
        lengths = row_ends - starts
        self.blank = lengths == 0
        single = np.flatnonzero(lengths == 1)
        self.blank[single[codes[starts[single]] == _CR]] = True

    @property
    def rest(self) -> bytes:
        return self.data[self.cut :]

    def place_after(self) -> _Place:
        place, content = self.place, np.flatnonzero(~self.blank)
        lines = place.lines + int(np.searchsorted(self.line_ends, self.cut))
        if len(content) == 0:
            return _Place(place.rows, lines, place.blank_rows + len(self.blank))
        seen = int(content[-1]) + 1
        return _Place(place.rows + place.blank_rows + seen, lines, len(self.blank) - seen)

    def check(self) -> None:
        try:
            self.data[: self.cut].decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{self.shown}: {self._where(error.start)} is not valid UTF-8; give the encoding of the "
                'file, for example encoding = "cp1252".'
            ) from None
        stray = self._stray_quote()
        if stray is not None:
            raise InputError(
                f"{self.shown}: {self._where(stray)} has a double quote out of place; put the whole value "
                'in quotes and double the quote within, or set quote = "" if quotes are ordinary '
                "characters here."
            )
        if self.last and len(self.quotes) % 2:
            raise InputError(
                f"{self.shown}: a quoted value that begins in {self._where(int(self.quotes[-1]))} is never "
                'closed; close it, or set quote = "" if quotes are ordinary characters here.'
            )
        self._check_widths()

    def _check_widths(self) -> None:
        expected = len(self.dialect.names)
        found = np.diff(np.searchsorted(self.delimiters, self.row_ends), prepend=0) + 1
        content = np.flatnonzero(~self.blank)
        if len(content) == 0:
            return
        if expected > 1 and self.place.blank_rows:
            row = self.place.rows - self.dialect.header + 1
            raise InputError(
                f"{self.shown}: row {row} is a blank line where {expected} values are expected; take it out."
            )
        ragged = found != expected
        if expected == 1:
            ragged &= ~self.blank
        ragged[content[-1] + 1 :] = False
        if not ragged.any():
            return
        row = int(ragged.argmax())
        start = int(self.row_ends[row - 1]) + 1 if row else 0
        count = int(found[row])
        what = "is a blank line" if self.blank[row] else f"has {count} value{'s' * (count != 1)}"
        delimiter = _DELIMITER_NAMES.get(self.dialect.delimiter, repr(self.dialect.delimiter))
        raise InputError(
            f"{self.shown}: {self._where(start)} {what} where {expected} {'are' if expected > 1 else 'is'} "
            f"expected; correct the row, or give the delimiter if it is not {delimiter}."
        )

    def _stray_quote(self) -> int | None:
        """Position of the first quoted value that does not fill its place between two delimiters."""
        quotes = self.quotes
        if len(quotes) == 0:
            return None
        quote = ord(self.dialect.quote)
        around = np.array([ord(self.dialect.delimiter), ord(self.dialect.end), quote], np.uint8)
        opening, closing = quotes[::2], quotes[1::2]
        before = self.codes[np.maximum(opening - 1, 0)]
        good = np.isin(before, around) | (opening == 0)
        final = len(self.codes) - 1
        after = self.codes[np.minimum(closing + 1, final)]
        line_end = (after == _CR) & (self.codes[np.minimum(closing + 2, final)] == ord(self.dialect.end))
        good[: len(closing)] &= np.isin(after, around) | line_end | (closing == final)
        bad = opening[~good]
        # What follows the last complete row is looked at again with the next block.
        bad = bad[bad < self.cut]
        return int(bad[0]) if len(bad) else None

    def _where(self, position: int) -> str:
        row = self.place.rows + self.place.blank_rows + int(np.searchsorted(self.row_ends, position))
        line = self.place.lines + int(np.searchsorted(self.line_ends, position)) + 1
        if self.dialect.header and row == 0:
            return f"the header (line {line})"
        return f"row {row + (not self.dialect.header)} (line {line})"
