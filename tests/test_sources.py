"""Reading sources of every kind of file and of tables in memory, good and bad."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.errors import InputError, RunError, SpecError, TallystickWarning
from tallystick.preparation import csv_rows
from tallystick.preparation.normalise import FieldSettings, Normalise
from tallystick.preparation.read import ID_COLUMN, read_columns, read_source
from tallystick.preparation.source import Source
from tallystick.preparation.write import write_table

OFF = Normalise(trim=False, casefold=False, nfc=False, empty_is_missing=False, integers=False, dates=False)


def csv_source(folder: Path, content: str | bytes, **options: Any) -> Source:
    path = folder / "persons.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Source(name="a", path=path, **options)


def values(source: Source, *fields: str) -> list[list[str | None]]:
    table = read_source(source, fields)
    return [table.fields[f].to_list() for f in fields]


def refused(source: Source, *fields: str) -> str:
    """The message, which names the source and is one sentence."""
    with pytest.raises(InputError) as error:
        read_source(source, fields)
    message = str(error.value)
    assert source.shown in message
    assert "\n" not in message
    assert message.endswith(".")
    return message.replace(source.shown, "FILE")


# CSV: what is detected


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_delimiter_line_end_and_mark_are_detected(
    tmp_path: Path, delimiter: str, end: str, mark: str
) -> None:
    rows = [["id", "name", "zip"], ["01", "Ann", "007"], ["02", '"a, b; c|d"', ""]]
    text = mark + end.join(delimiter.join(row) for row in rows)
    for closed in ("", end, end * 3):
        source = csv_source(tmp_path, text + closed, id="id")
        table = read_source(source, ["name", "zip"])
        assert table.ids.to_list() == ["01", "02"]
        assert table.fields["name"].to_list() == ["ann", "a, b; c|d"]
        assert table.fields["zip"].to_list() == ["007", None]


def test_delimiter_given(tmp_path: Path) -> None:
    assert values(csv_source(tmp_path, "a:b,c\n1:2,3\n", delimiter=":"), "b,c") == [["2,3"]]


def test_one_column(tmp_path: Path) -> None:
    table = read_source(csv_source(tmp_path, "name\nAnn\n\nBob\n\n\n"), ["name"])
    # A blank line within is a missing value; at the end it is nothing.
    assert table.fields["name"].to_list() == ["ann", None, "bob"]
    assert table.ids.to_list() == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("content", "header"),
    [
        ("id,name\n1,Ann\n2,Bob\n", True),
        ("name,town\nAnn,Ulm\n", True),
        ("2010,2011\nAnn,Bob\n", True),
        ("1,Ann\n2,Bob\n", False),
        ("Ann,1980-01-02\nBob,1975-12-31\n", False),
        ("Ann,\nBob,\n", True),
        ("1,2\n", True),
    ],
)
def test_header_is_detected(tmp_path: Path, content: str, header: bool) -> None:
    first = content.split("\n", 1)[0].split(",")
    found = (
        read_columns(csv_source(tmp_path, content), [first[0] if header else "column_1"])
        if content.count("\n") > 1
        else None
    )
    if found is None:
        assert "no rows" in refused(csv_source(tmp_path, content), first[0])
        return
    assert found.height == content.count("\n") - header
    other = read_columns(
        csv_source(tmp_path, content, header=not header), [first[0] if not header else "column_1"]
    )
    assert other.height == content.count("\n") - (not header)


def test_detected_lack_of_header_is_said(tmp_path: Path) -> None:
    assert "header = true" in refused(csv_source(tmp_path, "1,Ann\n2,Bob\n"), "name")


def test_names_are_trimmed(tmp_path: Path) -> None:
    assert values(csv_source(tmp_path, 'id, name ,"zip"\n1, Ann , 007\n'), "name", "zip") == [
        ["ann"],
        ["007"],
    ]


def test_encoding(tmp_path: Path) -> None:
    text = "name,town\nMÜLLER,Köln\n"
    for encoding in ("cp1252", "latin-1", "utf-16", "utf-8-sig", "UTF-8"):
        source = csv_source(tmp_path, text.encode(encoding), encoding=encoding)
        assert values(source, "name", "town") == [["müller"], ["köln"]]
    assert "no encoding 'klingon'" in refused(csv_source(tmp_path, text, encoding="klingon"), "name")
    assert "not in ascii" not in refused(csv_source(tmp_path, text.encode("cp1252"), encoding="cp932"), "nam")


def test_quotes_as_ordinary_characters(tmp_path: Path) -> None:
    content = 'name,size\nO"Brien,5"\n"x,"y\n'
    assert 'quote = ""' in refused(csv_source(tmp_path, content), "name")
    assert values(csv_source(tmp_path, content, quote=""), "name", "size") == [
        ['o"brien', '"x'],
        ['5"', '"y'],
    ]


# CSV: every table comes back, and every malformed file is refused

cells = st.text(st.sampled_from('ab1 é,;\t|"\n\r'), max_size=4)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(cells, min_size=n, max_size=n), min_size=1, max_size=8)
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from([",", ";"]),
    st.integers(1, 40),
)
def test_what_csv_writes_is_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[list[str]],
    end: str,
    quoting: Any,
    delimiter: str,
    block: int,
) -> None:
    monkeypatch.setattr(csv_rows, "BLOCK", block)
    if quoting == csv.QUOTE_MINIMAL:  # Python leaves a carriage return at the end of a value unquoted
        rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    names = [f"n{i}" for i in range(len(rows[0]))]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([names, *rows])
    source = csv_source(tmp_path, text.getvalue(), delimiter=delimiter, header=True)
    table = read_source(source, names, normalise=OFF)
    assert [table.fields[name].to_list() for name in names] == [
        list(column) for column in zip(*rows, strict=True)
    ]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from('a1,"\n\r'), max_size=25), st.integers(1, 12))
def test_any_text_is_read_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, block: int
) -> None:
    monkeypatch.setattr(csv_rows, "BLOCK", block)
    source = csv_source(tmp_path, "x,y\n" + text, delimiter=",", header=True)
    strict = csv.reader(io.StringIO("x,y\n" + text, newline=""), strict=True)
    try:
        table = read_source(source, ["x", "y"], normalise=OFF)
    except InputError as error:
        message = str(error)
    else:
        message = ""
    assert "counted" not in message  # our count of rows and the parser's never differ
    assert "cannot be parsed" not in message  # nor is anything left for the parser to refuse
    if message:
        return
    expected = [row for row in strict if row][1:]
    if "\r" not in text.replace("\r\n", ""):  # a carriage return alone ends a row for Python, not here
        assert list(zip(table.fields["x"], table.fields["y"], strict=True)) == [
            tuple(row) for row in expected
        ]


@pytest.mark.parametrize("block", [4, 1 << 24])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b,c\n1,2,3\n4,5\n", ["row 2 (line 3)", "has 2 values", "3 are expected", "a comma"]),
        ("a,b\n1,2\n3,4,5\n6\n", ["row 2 (line 3)", "has 3 values"]),
        ('a,b\n1,"x\ny"\n3\n', ["row 2 (line 4)", "has 1 value "]),
        ("a,b\n1,2\n\n3,4\n", ["row 2", "blank line", "2"]),
        ("a,b\n1,2\n\r\n\r\n3,4\n", ["row 2", "blank line"]),
        ('a,b\n1,2\n3,O"Brien\n', ["row 2 (line 3)", "double quote"]),
        ('a,b\n1,2\n3,"x"y\n', ["row 2 (line 3)", "double quote"]),
        ('a,b\n1,2\n3,"x\n4,5\n', ["row 2 (line 3)", "never closed"]),
        (b"a,b\n1,2\n3,M\xfcller\n4,5\n", ["row 2 (line 3)", "not valid UTF-8", "encoding"]),
        (b'a,b\n1,"x\ny"\n3,\xe9\n', ["row 2 (line 4)", "not valid UTF-8"]),
        (b"a,\xe9\n1,2\n", ["the header (line 1)", "not valid UTF-8"]),
    ],
)
def test_malformed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | bytes, words: list[str], block: int
) -> None:
    monkeypatch.setattr(csv_rows, "BLOCK", block)
    # A delimiter is given, as files of two rows leave it open; only one column is asked for.
    message = refused(csv_source(tmp_path, content, delimiter=",", header=True), "a")
    for word in words:
        assert word in message


def test_malformed_far_down(tmp_path: Path) -> None:
    rows = "".join(f"{i},x\n" for i in range(200_000))
    assert "row 200001 (line 200002) has 3" in refused(csv_source(tmp_path, "a,b\n" + rows + "1,2,3\n"), "a")
    assert "row 200001 (line 200001) has 1" in refused(
        csv_source(tmp_path, rows + "1\n", header=False), "column_1"
    )


def test_first_line_blank(tmp_path: Path) -> None:
    assert "first line is blank" in refused(csv_source(tmp_path, "\na,b\n1,2\n"), "a")


# Bad input of any kind


def test_missing_empty_folder(tmp_path: Path) -> None:
    assert "no such file" in refused(Source(name="a", path=tmp_path / "absent.csv"), "x")
    (tmp_path / "folder.csv").mkdir()
    assert "folder" in refused(Source(name="a", path=tmp_path / "folder.csv"), "x")
    for suffix in ("csv", "parquet", "jsonl", "xlsx", "sav"):
        path = tmp_path / f"empty.{suffix}"
        path.touch()
        assert "empty" in refused(Source(name="a", path=path), "x")


def test_header_only(tmp_path: Path) -> None:
    for content in ("x,y\n", "x,y", "x,y\n\n\n"):
        assert "no rows" in refused(csv_source(tmp_path, content), "x")


def test_unknown_suffix(tmp_path: Path) -> None:
    path = tmp_path / "persons.dat"
    path.write_text("x,y\n1,2\n")
    assert "'.dat'" in refused(Source(name="a", path=path), "x")
    assert values(Source(name="a", path=path, format="csv"), "y") == [["2"]]


def test_absent_column(tmp_path: Path) -> None:
    content = "id,Surname,answer\n1,x,y\n"
    message = refused(csv_source(tmp_path, content), "surnam")
    assert "did you mean 'Surname'" in message
    assert "it has 'id', 'Surname', 'answer'" in message
    # Nobody is pointed to the truth.
    assert "did you mean" not in refused(csv_source(tmp_path, content, truth=("answer",)), "answers")
    wide = csv_source(tmp_path, ",".join(f"c{i}" for i in range(40)) + "\n" + ",".join("x" * 40) + "\n")
    assert "40 others, from 'c0' to 'c39'" in refused(wide, "zzz")
    assert "no column 'nr'" in refused(csv_source(tmp_path, content, id="nr"), "Surname")


def test_a_name_twice(tmp_path: Path) -> None:
    assert "2 columns are called 'x'" in refused(csv_source(tmp_path, "x,x,y\na,b,c\n"), "x")
    assert values(csv_source(tmp_path, "x,x,y\na,b,c\n"), "y") == [["c"]]


def test_ids(tmp_path: Path) -> None:
    twice = refused(csv_source(tmp_path, "id,x\n7,a\n8,b\n7,c\n 8,d\n", id="id"), "x")
    assert "2 rows, first in row 3 that of row 1" in twice
    missing = refused(csv_source(tmp_path, "id,x\n7,a\n ,b\n,c\n", id="id"), "x")
    assert "missing in 2 rows, first in row 2" in missing
    table = read_source(
        csv_source(tmp_path, "id,x\n A ,a\na,b\n01.0,c\n01,d\n".replace("01.0", "1.0"), id="id"), ["x"]
    )
    assert table.ids.to_list() == ["A", "a", "1", "01"]


def test_a_field_missing_in_every_row(tmp_path: Path) -> None:
    source = csv_source(tmp_path, "x,y,born\na,,02/01/1980\nb, ,\n", columns={"town": "y"})
    assert "field 'town' (column 'y') is missing in every row" in refused(source, "x", "town")
    with pytest.raises(InputError, match=r"no value of field 'born'.*can be read as date"):
        read_source(source, ["born"], {"born": FieldSettings(type="date")})
    # Without being read, or only to be shown, it does no harm.
    assert values(source, "x") == [["a", "b"]]
    assert read_columns(source, ["y"])["y"].to_list() == [None, " "]


def test_unreadable_values_are_counted_and_said(tmp_path: Path) -> None:
    source = csv_source(tmp_path, "born,n\n1980-01-02,1\n02/01/1980,x\n,2\n")
    fields = {"born": FieldSettings(type="date"), "n": FieldSettings(type="integer")}
    with pytest.warns(TallystickWarning) as warned:
        table = read_source(source, ["born", "n"], fields)
    assert table.unreadable == {"born": 1, "n": 1}
    assert table.fields["born"].to_list() == ["1980-01-02", None, None]
    assert ["1 value of field 'born' in 3 rows" in str(w.message) for w in warned] == [True, False]
    assert "02/01" not in str(warned[0].message)


@pytest.mark.filterwarnings("error")
def test_nothing_unreadable_nothing_said(tmp_path: Path) -> None:
    source = csv_source(tmp_path, "born\n1980-01-02\n\n")
    assert read_source(source, ["born"], {"born": FieldSettings(type="date")}).unreadable == {}


def test_truth_is_unreadable(tmp_path: Path) -> None:
    source = csv_source(
        tmp_path, "id,x,person\n1,a,p\n2,b,q\n", id="id", truth=("person",), columns={"y": "person"}
    )
    for field in ("person", "y"):
        assert "'person' is declared as truth" in refused(source, "x", field)
    with pytest.raises(InputError, match="truth"):
        read_columns(source, ["person"])
    with_truth = read_columns(source, ["person"], allow_truth=True)
    assert with_truth.to_dict(as_series=False) == {ID_COLUMN: ["1", "2"], "person": ["p", "q"]}
    as_id = csv_source(tmp_path, "id,x\n1,a\n", id="id", truth=("id",))
    assert "truth" in refused(as_id, "x")
    assert read_columns(as_id, ["id"], allow_truth=True)["id"].to_list() == ["1"]


def test_only_needed_columns_are_read() -> None:
    table = pl.DataFrame({"x": ["a"], "blob": [b"not text"], "person": ["p"]})
    assert read_source(Source(name="a", table=table, truth=("person",)), ["x"]).fields.keys() == {"x"}
    message = refused(Source(name="a", table=table), "blob")
    assert "Binary" in message


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"path": "a.csv", "table": pl.DataFrame()},
        {"path": "a.csv", "uri": "sqlite:///a.db"},
        {"table": "persons"},
        {"table": [1, 2]},
        {"table": pl.DataFrame(), "format": "csv"},
        {"table": pl.DataFrame(), "delimiter": ","},
        {"path": "a.csv", "query": "select 1"},
        {"path": "a.csv", "format": "sql"},
        {"path": "a.parquet", "delimiter": ","},
        {"path": "a.csv", "sheet": "x"},
        {"path": "a.csv", "delimiter": '"'},
        {"path": "a.csv", "delimiter": ",,"},
        {"path": "a.csv", "colour": "red"},
        {"uri": "mysql://h/d", "table": "t", "id": "i"},
        {"uri": "sqlite:///a.db", "table": "t"},
        {"uri": "sqlite:///a.db", "id": "i"},
        {"uri": "sqlite:///a.db", "id": "i", "table": "t", "query": "select 1"},
        {"uri": "sqlite:///a.db", "id": "i", "table": "t", "format": "csv"},
        {"uri": "sqlite:///a.db", "id": "i", "table": "t", "sheet": "s"},
    ],
)
def test_settings_that_contradict(settings: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        Source(name="a", **settings)


# Other files

TYPED = pl.DataFrame(
    {
        "id": ["01", "02", "03"],
        "whole": [1, None, 3],
        "real": [12.0, 1.5, None],
        "born": [dt.date(1980, 1, 2), None, dt.date(1999, 12, 31)],
        "name": [" Müller", "", "O'Brien"],
    }
)
READ = {
    "whole": ["1", None, "3"],
    "real": ["12", "1.5", None],
    "born": ["1980-01-02", None, "1999-12-31"],
    "name": ["müller", None, "o'brien"],
}


def check_typed(source: Source) -> None:
    table = read_source(source, list(READ))
    assert table.ids.to_list() == ["01", "02", "03"]
    assert {name: series.to_list() for name, series in table.fields.items()} == READ
    if source.path is not None:
        assert table.sha256 == hashlib.sha256(source.path.read_bytes()).hexdigest()
    frame = read_columns(source, ["born", "id"])
    assert frame.columns == [ID_COLUMN, "born", "id"]
    assert frame[ID_COLUMN].to_list() == ["01", "02", "03"]
    assert "did you mean 'born'" in refused(source, "bron")


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    TYPED.write_csv(path)
    check_typed(Source(name="a", path=path, id="id"))
    frame = read_columns(Source(name="a", path=path, id="id"), ["whole", "name"])
    assert frame["whole"].to_list() == ["1", None, "3"]
    assert frame["name"].to_list() == [" Müller", None, "O'Brien"]


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a[1]*.parquet"
    TYPED.write_parquet(path)
    source = Source(name="a", path=path, id="id")
    check_typed(source)
    assert read_columns(source, ["whole", "born"]).dtypes == [pl.String, pl.Int64, pl.Date]
    path.write_bytes(path.read_bytes()[:-9])
    assert "not a Parquet file" in refused(source, "name")


def test_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    TYPED.write_ndjson(path)
    check_typed(Source(name="a", path=path, id="id"))
    path.write_text(
        '\ufeff{"x": "01", "n": 1, "s": ["B", "A"]}\n\n{"x": 2, "n": 2.5}\n{"n": 3, "late": true}\n'
    )
    source = Source(name="a", path=path)
    assert values(source, "x", "n", "s", "late") == [
        ["01", "2", None], ["1", "2.5", "3"], ["b|a", None, None], [None, None, "true"],
    ]  # fmt: skip


@pytest.mark.parametrize("line", ['{"x": 1', "[1]", "x", "7", '{"x": 1} {"x": 2}'])
def test_bad_jsonl(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"x": "1"}\n\n' + line + "\n" + '{"x": "3"}\n')
    assert "line 3 is not a JSON object" in refused(Source(name="a", path=path), "x")


def test_jsonl_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(b'{"x": "1"}\n{"x": "\xe9"}\n')
    assert "line 2 is not valid UTF-8" in refused(Source(name="a", path=path), "x")


def test_excel(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    TYPED.write_excel(path, worksheet="Persons")
    source = Source(name="a", path=path, id="id")
    check_typed(source)
    assert "no sheet 'Other'; the file has 'Persons'" in refused(
        Source(name="a", path=path, sheet="Other"), "name"
    )
    no_header = Source(name="a", path=path, header=False)
    assert values(no_header, "column_1") == [["id", "01", "02", "03"]]
    path.write_text("no workbook")
    assert "not an Excel file" in refused(source, "name")


def test_excel_of_mixed_cells(tmp_path: Path) -> None:
    xlsxwriter = pytest.importorskip("xlsxwriter")
    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("Notes").write(0, 0, "nothing")
    sheet = book.add_worksheet("Data")
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    rows: list[list[Any]] = [
        ["id", " code ", "born"],
        ["a", "007", dt.date(1980, 1, 2)],
        ["b", 7, "unknown"],
        ["c", 7.5, None],
    ]
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if isinstance(value, dt.date):
                sheet.write_datetime(r, c, dt.datetime(value.year, value.month, value.day), day)
            elif value is not None:
                sheet.write(r, c, value)
    book.close()
    source = Source(name="a", path=path, sheet="Data", id="id")
    # Columns are asked for in another order than they stand.
    assert values(source, "born", "code") == [["1980-01-02", "unknown", None], ["007", "7", "7.5"]]
    assert "no rows" in refused(Source(name="a", path=path), "nothing")


@pytest.mark.parametrize(
    ("suffix", "writer"),
    [(".xpt", "write_xport"), (".sav", "write_sav"), (".zsav", "write_sav"), (".dta", "write_dta")],
)
def test_statistics(tmp_path: Path, suffix: str, writer: str) -> None:
    pyreadstat = pytest.importorskip("pyreadstat")
    path = tmp_path / f"a{suffix}"
    options: dict[str, Any] = {"file_format_version": 8} if suffix == ".xpt" else {}
    getattr(pyreadstat, writer)(TYPED, path, **options)
    check_typed(Source(name="a", path=path, id="id"))
    path.write_bytes(b"something else altogether")
    assert "damaged" in refused(Source(name="a", path=path), "name")


def test_portable_spss(tmp_path: Path) -> None:
    pyreadstat = pytest.importorskip("pyreadstat")
    path = tmp_path / "a.por"
    pyreadstat.write_por(pl.DataFrame({"ID": ["01", "02"], "N": [1.0, 2.5]}), path)
    assert values(Source(name="a", path=path, id="ID"), "N") == [["1", "2.5"]]


@pytest.mark.parametrize(
    ("module", "file", "extra"), [("fastexcel", "a.xlsx", "excel"), ("pyreadstat", "a.sav", "statistics")]
)
def test_missing_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, file: str, extra: str
) -> None:
    (tmp_path / file).write_bytes(b"x")
    monkeypatch.setitem(sys.modules, module, None)
    assert f'pip install "tallystick[{extra}]"' in refused(Source(name="a", path=tmp_path / file), "x")


# Tables in memory


def test_tables_in_memory() -> None:
    pa = pytest.importorskip("pyarrow")
    frames = [TYPED, TYPED.to_arrow(), TYPED.to_pandas(), TYPED.lazy().collect()]
    hashes = set()
    for frame in frames:
        source = Source(name="a", table=frame, id="id")
        check_typed(source)
        hashes.add(read_source(source, list(READ)).sha256)
    strings = TYPED.select("id", "name")
    dictionary = strings.to_arrow().set_column(1, "name", strings["name"].to_arrow().dictionary_encode())
    assert isinstance(dictionary, pa.Table)
    source = Source(name="a", table=dictionary, id="id")
    assert values(source, "name") == [READ["name"]]
    # The same values are the same input, however they are kept.
    assert (
        read_source(source, ["name"]).sha256
        == read_source(Source(name="b", table=strings, id="id"), ["name"]).sha256
    )


def test_fingerprint_of_a_table() -> None:
    def sha(**columns: list[str | None]) -> str:
        return read_source(Source(name="a", table=pl.DataFrame(columns)), ["x", "y"]).sha256

    base = sha(x=["a", "b"], y=["c", "d"])
    assert sha(x=["a", "b"], y=["c", "d"], z=["other", None]) == base
    assert sha(y=["c", "d"], x=["a", "b"]) == base
    assert (
        len(
            {
                base,
                sha(x=["ab", ""], y=["c", "d"]),
                sha(x=["a", "b"], y=["c", None]),
                sha(x=["a", "b"], y=["c", ""]),
            }
        )
        == 4
    )


def test_pandas_with_mixed_values() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "mixed": ["01", 2, None, float("nan")],
            "nullable": pd.array([1, None, 3, 4], dtype="Int64"),
            "time": pd.to_datetime(["1980-01-02", None, "1990-01-01", "1990-01-01"]),
            "kind": pd.Categorical(["A", "B", None, "A"]),
            "object": [dt.date(1980, 1, 2), None, None, None],
            5: ["x", "y", "z", "w"],
        },
        index=[9, 9, 9, 9],
    )
    source = Source(name="a", table=frame)
    assert values(source, "mixed", "nullable", "time", "kind", "object", "5") == [
        ["01", "2", None, None],
        ["1", None, "3", "4"],
        ["1980-01-02", None, "1990-01-01", "1990-01-01"],
        ["a", "b", None, "a"],
        ["1980-01-02", None, None, None],
        ["x", "y", "z", "w"],
    ]
    assert "no rows" in refused(Source(name="a", table=frame.iloc[:0]), "kind")


# Writing


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_written_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    path.write_text("what was there before")
    write_table(TYPED, path)
    check_typed(Source(name="a", path=path, id="id"))
    assert list(tmp_path.iterdir()) == [path]
    first = path.read_bytes()
    write_table(pl.concat([TYPED[:1], TYPED[1:]], rechunk=False), path)
    assert path.read_bytes() == first


def test_lists_in_csv(tmp_path: Path) -> None:
    write_table(pl.DataFrame({"x": [["A", "b"], []]}), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().splitlines() == ["x", "A|b", ""]


def test_write_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'\.xlsx'"):
        write_table(TYPED, tmp_path / "a.xlsx")
    with pytest.raises(InputError, match="does not exist"):
        write_table(TYPED, tmp_path / "absent" / "a.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), pl.exceptions.ComputeError("os error 28")]
)
def test_a_failed_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, error: Exception
) -> None:
    path = tmp_path / f"out{suffix}"
    path.write_text("before")

    def fail(self: pl.DataFrame, file: Any, **options: Any) -> None:
        file.write(b"half of it")
        raise error

    monkeypatch.setattr(pl.DataFrame, "write_csv", fail)
    monkeypatch.setattr(pl.DataFrame, "write_parquet", fail)
    with pytest.raises(RunError, match=r"No space left|os error 28"):
        write_table(TYPED, path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
