"""Bad input: one clear sentence, the exit status 2, and nothing written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.small_files import SPEC, call, people, tree, write_csv, write_small

Spoil = Callable[[Path], object]


def replace(*pairs: str) -> Spoil:
    """Replace texts of the specification, each of which must be there."""

    def spoil(folder: Path) -> None:
        text = SPEC
        for old, new in zip(pairs[::2], pairs[1::2], strict=True):
            assert old in text
            text = text.replace(old, new, 1)
        (folder / "spec.toml").write_text(text, "utf-8")

    return spoil


def file(content: str | bytes, name: str = "a.csv") -> Spoil:
    data = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / name).write_bytes(data)


def rows(change: Callable[[list[list[str]]], list[list[str]]]) -> Spoil:
    """Change the rows of the first file."""
    return lambda folder: write_csv(folder / "a.csv", change(people()[0]))


def line(row: int, text: bytes) -> Spoil:
    """Replace a row of the first file, the header being row 0."""

    def spoil(folder: Path) -> None:
        lines = (folder / "a.csv").read_bytes().split(b"\n")
        lines[row] = text
        (folder / "a.csv").write_bytes(b"\n".join(lines))

    return spoil


def blank(column: int) -> Callable[[list[list[str]]], list[list[str]]]:
    return lambda given: [[*row[:column], "", *row[column + 1 :]] for row in given]


def many_comparisons(folder: Path) -> None:
    field = 'field = "given"\ncomparator = { type = "jaro_winkler", thresholds = [0.9, 0.8] }\n'
    more = "".join(f'[[comparisons]]\nname = "c{k}"\n{field}' for k in range(40))
    (folder / "spec.toml").write_text(SPEC + more, "utf-8")


def unknown_pair(folder: Path) -> None:
    (folder / "pairs.csv").write_text("id_left,id_right\na1,b1\na2,nobody\n")
    replace('type = "blocking_key"\nparts = ["zip"]', 'type = "pair_table"\npath = "pairs.csv"')(folder)


def reversed_pair(folder: Path) -> None:
    write_csv(folder / "b.csv", people()[0])
    (folder / "pairs.csv").write_text("id_left,id_right\na1,a1\n")
    replace('type = "blocking_key"\nparts = ["zip"]', 'type = "pair_table"\npath = "pairs.csv"')(folder)


KEY = 'type = "blocking_key"\nparts = ["zip"]'
CASES: dict[str, tuple[Spoil, str]] = {
    "missing file": (
        lambda folder: (folder / "a.csv").unlink(),
        r"a\.csv: there is no such file; check the path",
    ),
    "a folder": (
        lambda folder: ((folder / "a.csv").unlink(), (folder / "a.csv").mkdir()),
        r"a\.csv: this is a folder; give the path of a file",
    ),
    "empty file": (file(""), r"a\.csv: the file is empty; give a file with records"),
    "header only": (
        file("id,given,surname,born,zip,person\n"),
        r"a\.csv: there are no rows besides the header",
    ),
    "absent column": (
        replace('field = "given"', 'field = "givn"'),
        r"a\.csv: there is no column 'givn'; did you mean 'given'; .*; comparisons\[0\] reads it\.",
    ),
    "absent column of a pass": (
        replace('parts = ["zip"]', 'parts = ["zpi"]'),
        r"a\.csv: there is no column 'zpi'; did you mean 'zip'; .*; passes\[0\] reads it\.",
    ),
    "absent column of a filter": (
        replace('["zip"]', '["zip"]\nfilters = [{ type = "difference", field = "brn", most = 1 }]'),
        r"a\.csv: there is no column 'brn'; did you mean 'born'; .*; passes\[0\]\.filters\[0\] reads it\.",
    ),
    "absent column of households": (
        replace("[estimation]", '[households]\naddress = ["zipp"]\ncomparisons = ["surname"]\n[estimation]'),
        r"a\.csv: there is no column 'zipp'; did you mean 'zip'; .*; households\.address reads it\.",
    ),
    "no parts": (
        replace('parts = ["zip"]', ""),
        r"passes\[0\]\.parts: found nothing, expected a list of fields, such as",
    ),
    "a word for true": (
        replace("one_to_one = true", 'one_to_one = "yes"'),
        r'decision\.one_to_one: found "yes", expected true or false',
    ),
    "a number for true": (
        replace('id = "id"', 'id = "id"\nduplicate_free = 1'),
        r"sources\[0\]\.duplicate_free: found 1, expected true or false",
    ),
    "a word for true or values": (
        replace('field = "given"', 'field = "given"\nfrequencies = "yes"'),
        r'comparisons\[0\]\.frequencies: found "yes", expected true or false or "values"',
    ),
    "truth in a pass": (
        replace('parts = ["zip"]', 'parts = ["person"]'),
        r'passes\[0\]: found the field "person", which is the truth column "person" of sources "a" and "b";',
    ),
    "absent id": (replace('id = "id"', 'id = "key"'), r"a\.csv: there is no column 'key'"),
    "duplicate id": (
        rows(lambda given: [*given[:7], given[2], *given[7:]]),
        r"a\.csv: the id column 'id' repeats an earlier id in 1 row, first in row 8 that of row 3",
    ),
    "missing id": (
        rows(lambda given: [*given[:4], ["", *given[4][1:]], *given[5:]]),
        r"a\.csv: the id column 'id' is missing in 1 row, first in row 5; fill it in",
    ),
    "invalid UTF-8": (
        line(6, b"a5,Ren\xe9,jonsen,1950-01-01,1003,5"),
        r"a\.csv.* row 6.*UTF-8",
    ),
    "ragged row": (line(9, b"a8,emil,jonsen,1950-01-01,1003,8,more"), r"a\.csv.* row 9 "),
    "short row": (line(9, b"a8,emil"), r"a\.csv.* row 9 "),
    "field entirely missing": (
        rows(blank(3)),
        r"a\.csv: field 'born' \(column 'born'\) is missing in every row; leave it out",
    ),
    "one record a side": (rows(lambda given: given[:1]), r"Source 'a' has a single record"),
    "no pair": (
        lambda folder: rows(
            lambda given: [[row[0], row[1], f"q{k}", row[3], f"q{k}", row[5]] for k, row in enumerate(given)]
        )(folder),
        r"The passes find no pair at all \(zip; surname\): check",
    ),
    "thresholds in the wrong order": (
        replace("one_to_one = true", "one_to_one = true\nupper = 0.2\nlower = 0.6"),
        r"spec\.toml, line \d+, decision: .*wrong order.*lower is 0\.6 and upper is 0\.2",
    ),
    "more than 63 bits": (many_comparisons, r"63 bits"),
    "truth in a comparison": (
        replace('truth = ["person"]', "", 'field = "born"', 'field = "person"'),
        r"spec\.toml, line \d+, comparisons\[2\].*\"person\", which is the truth column",
    ),
    "id in a pass": (
        replace('id = "id"', "", 'parts = ["zip"]', 'parts = ["id"]'),
        r"passes\[0\].*\"id\", which is the record id",
    ),
    "no sources": (
        lambda folder: (folder / "spec.toml").write_text(SPEC[SPEC.index("[[comparisons]]") :], "utf-8"),
        r"spec\.toml: found no sources, expected \[\[sources\]\]",
    ),
    "no passes": (
        lambda folder: (folder / "spec.toml").write_text(
            SPEC[: SPEC.index("[[passes]]")] + SPEC[SPEC.index("[decision]") :], "utf-8"
        ),
        r"passes: found none, expected at least one",
    ),
    "sequential": (
        replace('name = "small"', 'name = "small"\nmode = "sequential"', "one_to_one = true", ""),
        r"linkage\.mode: found \"sequential\" where a record may have several links, expected one_to_one",
    ),
    "misspelt key": (
        replace("one_to_one", "one_to_won"),
        r"line \d+, decision\.one_to_won: found an unknown key.*did you mean \"one_to_one\"",
    ),
    "misspelt comparator": (
        replace('"exact"', '"exakt"'),
        r"comparisons\[2\]\.comparator\.type: found \"exakt\".*did you mean \"exact\"",
    ),
    "one-to-one of one file": (
        lambda folder: (folder / "spec.toml").write_text(
            SPEC.replace('[[sources]]\nname = "b"\npath = "b.csv"\nid = "id"\ntruth = ["person"]\n', ""),
            "utf-8",
        ),
        r"decision\.one_to_one: found true with kind \"dedupe\", expected false",
    ),
    "not TOML": (file("[linkage\nname = ", "spec.toml"), r"spec\.toml: not valid TOML: .*line 1"),
    "binary specification": (file(b"\x89PNG\xff\xfe\n", "spec.toml"), r"spec\.toml, line 1: .*not UTF-8"),
    "empty specification": (file("", "spec.toml"), r"spec\.toml.*comparisons"),
    "no specification": (lambda folder: (folder / "spec.toml").unlink(), r"spec\.toml: .*No such file"),
    "unset variable": (
        replace('path = "a.csv"', 'path = "${TALLYSTICK_NOT_SET}/a.csv"'),
        r"sources\[0\]\.path: found the environment variable TALLYSTICK_NOT_SET, which is not set",
    ),
    "unknown suffix": (
        replace('path = "a.csv"', 'path = "a.data"'),
        r"suffix '\.data' does not tell the format",
    ),
    "pairs of nobody": (
        unknown_pair,
        r"pairs\.csv: 1 of 2 values of id_right belong to no record, first in row 2: check",
    ),
    "no table of pairs": (
        replace(KEY, 'type = "pair_table"\npath = "pairs.csv"'),
        r"pairs\.csv: there is no such file",
    ),
    "function that is absent": (
        replace('type = "exact"', 'type = "function", path = "no_such_module:alike", thresholds = [0.5]'),
        r"the function no_such_module:alike of a comparator cannot be imported",
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("error")
def test_nothing_is_written(tmp_path: Path, case: str) -> None:
    spoil, message = CASES[case]
    write_small(tmp_path)
    spoil(tmp_path)
    before = tree(tmp_path)
    result = call("link", tmp_path / "spec.toml", "--out", tmp_path / "out")
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert re.search(message, result.stderr), result.stderr
    assert result.stderr.startswith("tallystick: ")
    assert result.stderr.count("\n") == 1, "one sentence"
    assert tree(tmp_path) == before


@pytest.mark.parametrize("case", ["missing file", "no pair", "duplicate id", "field entirely missing"])
def test_force_with_bad_input_leaves_the_old_run(tmp_path: Path, case: str) -> None:
    spec = write_small(tmp_path)
    assert call("link", spec, "--out", tmp_path / "out").exit_code == 0
    CASES[case][0](tmp_path)
    before = tree(tmp_path)
    assert call("link", spec, "--out", tmp_path / "out", "--force").exit_code == 2
    assert tree(tmp_path) == before


def test_places_that_are_taken(tmp_path: Path) -> None:
    spec = write_small(tmp_path)
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a file").write_text("mine")
    before = tree(tmp_path)
    for name, message in (
        ("a folder", "the directory exists: give another name, or use --force"),
        ("a file", "this is a file: give the name of a directory"),
        ("absent/out", "the folder .*absent does not exist: make it first"),
    ):
        for force in ([], ["--force"]) if name != "a folder" else ([],):
            result = call("link", spec, "--out", tmp_path / name, *force)
            assert result.exit_code == 2
            assert re.search(message, result.stderr)
    assert tree(tmp_path) == before


def test_force_replaces_a_run_and_nothing_else(tmp_path: Path) -> None:
    spec = write_small(tmp_path)
    out = tmp_path / "out"
    assert call("link", spec, "--out", out).exit_code == 0
    old = tree(out)
    (out / "notes.txt").write_text("mine")
    refused = call("link", spec, "--out", out)
    assert (refused.exit_code, tree(out)) == (2, old | {"notes.txt": b"mine"})
    replace("one_to_one = true", "one_to_one = false")(tmp_path)
    assert call("link", spec, "--out", out, "--force").exit_code == 0
    new = tree(out)
    assert new.pop("notes.txt") == b"mine"
    assert new.keys() == old.keys()
    assert new["links.parquet"] != old["links.parquet"]


def test_a_field_on_which_every_pass_blocks_is_a_warning(tmp_path: Path) -> None:
    spec = write_small(tmp_path)
    replace(
        'field = "born"', 'field = "zip"', '[[passes]]\ntype = "blocking_key"\nparts = ["surname"]\n', ""
    )(tmp_path)
    result = call("link", spec, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert re.search("warning: .*zip.*every pass blocks on its field", result.output)
    warnings = json.loads((tmp_path / "out" / "model.json").read_text("utf-8"))["warnings"]
    assert any("zip" in text and "every pass blocks" in text for text in warnings)
    assert "every pass blocks" in (tmp_path / "out" / "report.html").read_text("utf-8")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    assert call("link", write_small(folder), "--out", folder / "out").exit_code == 0
    return folder


def refused(*arguments: object, message: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert re.search(message, result.stderr), result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_export_and_evaluate(run: Path, tmp_path: Path) -> None:
    out, table = run / "out", tmp_path / "x.csv"
    (tmp_path / "there.csv").write_text("mine")
    refused(
        "export",
        out,
        "-o",
        table,
        "-c",
        "givn",
        message=r"column 'givn' \(did you mean 'given'\?\): choose among",
    )
    refused("export", out, "-o", table, "-c", "person", message="declared as truth")
    refused(
        "export", out, "-o", tmp_path / "there.csv", message="the file exists: give another name with --out"
    )
    refused("export", out, "-o", tmp_path, message="this is a folder: give the name of a file")
    refused(
        "export", out, "-o", tmp_path / "x.docx", message=r"written as \.parquet or \.csv, not as '\.docx'"
    )
    refused(
        "export",
        out,
        "-o",
        tmp_path / "no" / "x.csv",
        message="the folder .*no does not exist: make it first",
    )
    refused("export", tmp_path, "-o", table, message=r"there is no run\.json: it is no directory of a run")
    refused(
        "export", tmp_path / "no", "-o", table, message=r"there is no run\.json: it is no directory of a run"
    )
    refused(
        "evaluate",
        out,
        "--truth",
        "persn",
        message=r"no column 'persn'; did you mean 'person'|no column 'persn'",
    )
    refused("evaluate", tmp_path, "--truth", "person", message="no directory of a run")
    assert [path.name for path in tmp_path.iterdir()] == ["there.csv"]


def test_a_run_that_is_damaged(run: Path, tmp_path: Path) -> None:
    import shutil

    table = tmp_path / "x.csv"
    for name, content, message in (
        ("run.json", "{", r"run\.json: the file cannot be read as JSON"),
        ("run.json", '{"format": "tallystick-run/0"}', r"run\.json: the format is not 'tallystick-run/1'"),
        ("run.json", "[]", r"run\.json: the format is not 'tallystick-run/1'"),
        ("links.parquet", "PAR1", r"links\.parquet: the table cannot be read"),
        ("links.parquet", None, r"links\.parquet: the table cannot be read"),
    ):
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        shutil.copytree(run / "out", tmp_path / "out")
        if content is None:
            (tmp_path / "out" / name).unlink()
        else:
            (tmp_path / "out" / name).write_text(content)
        refused("export", tmp_path / "out", "-o", table, message=message)
        refused("evaluate", tmp_path / "out", "--truth", "person", message=message)


def test_a_file_that_changed_since_the_run(tmp_path: Path) -> None:
    spec = write_small(tmp_path)
    assert call("link", spec, "--out", tmp_path / "out").exit_code == 0
    with (tmp_path / "b.csv").open("a") as file_:
        file_.write("b99,emil,jonsen,1950-01-01,1003,99\n")
    changed = r"b\.csv: the file has changed since the run: run the linkage again"
    refused("export", tmp_path / "out", "-o", tmp_path / "x.csv", message=changed)
    refused("evaluate", tmp_path / "out", "--truth", "person", message=changed)
    (tmp_path / "b.csv").unlink()
    refused("export", tmp_path / "out", "-o", tmp_path / "x.csv", message=r"b\.csv: there is no such file")


def test_truth_that_is_missing_everywhere(tmp_path: Path) -> None:
    spec = write_small(tmp_path)
    for name, given in zip("ab", people(), strict=True):
        write_csv(tmp_path / f"{name}.csv", blank(5)(given))
    assert call("link", spec, "--out", tmp_path / "out").exit_code == 0
    refused("evaluate", tmp_path / "out", "--truth", "person", message="'person' is missing in every record")


def test_score(run: Path, tmp_path: Path) -> None:
    model, out = run / "out" / "model.json", tmp_path / "out"
    a, b = run / "a.csv", run / "b.csv"
    text = model.read_text("utf-8")
    for name, content in (
        ("other.json", text.replace("tallystick-model/1", "tallystick-model/0", 1)),
        ("cut.json", text[: len(text) // 2]),
        ("list.json", "[]"),
        ("holes.json", json.dumps({k: v for k, v in json.loads(text).items() if k != "comparisons"})),
    ):
        (tmp_path / name).write_text(content)
    before = tree(tmp_path)

    def bad(path: object, *arguments: object, message: str) -> None:
        refused("score", path, *arguments, message=message)

    bad(model, a, "--out", out, message=r"the model links 2 sources \(a, b\), but 1 file came: give as many")
    bad(model, a, b, a, "--out", out, message=r"the model links 2 sources \(a, b\), but 3 files came")
    bad(model, "--out", out, message="score needs the new files")
    bad(model, a, b, message="score needs --out")
    bad(tmp_path / "no.json", a, b, "--out", out, message=r"no\.json: there is no such file")
    bad(tmp_path / "other.json", a, b, "--out", out, message="expected 'tallystick-model/1'")
    bad(tmp_path / "cut.json", a, b, "--out", out, message=r"cut\.json: the file cannot be read as JSON")
    bad(tmp_path / "list.json", a, b, "--out", out, message=r"list\.json: found JSON that is no model")
    bad(tmp_path / "holes.json", a, b, "--out", out, message=r"holes\.json: the model is damaged")
    bad(model, tmp_path / "no.csv", b, "--out", out, message=r"no\.csv: there is no such file")
    bad(model, a, b, "--id", "key", "--out", out, message="no column 'key'")
    bad(run / "spec.toml", "--pattern", "111", message="Comparison 'given' has no m")
    bad(model, "--pattern", "11", message="3 comparisons")
    bad(model, "--pattern", "119", message="9")
    bad(model, "--pattern", "1x1", message="x")
    assert tree(tmp_path) == before


def test_init(tmp_path: Path) -> None:
    write_small(tmp_path)
    (tmp_path / "empty.csv").write_text("")
    before = tree(tmp_path)
    a = tmp_path / "a.csv"
    refused("init", tmp_path / "no.csv", "-o", tmp_path / "x.toml", message=r"no\.csv: there is no such file")
    refused("init", tmp_path / "empty.csv", "-o", tmp_path / "x.toml", message="the file is empty")
    refused("init", a, "-o", tmp_path / "spec.toml", message="the file exists: give another name with --out")
    refused(
        "init", a, "-o", tmp_path / "no" / "x.toml", message="the folder .*no does not exist: make it first"
    )
    refused("init", a, "-o", tmp_path, "--force", message="this is a folder: give the name of a file")
    assert tree(tmp_path) == before


def test_wrong_calls_show_the_usage() -> None:
    for arguments in (
        ["link"],
        ["nonsense"],
        ["link", "a.toml", "--out", "x", "--threads", "0"],
    ):
        result = call(*arguments)
        assert result.exit_code == 2
        assert "Usage" in result.stderr
    refused("link", "a.toml", message="link needs --out, the directory for the results")


def test_unreadable_values_are_a_warning(tmp_path: Path) -> None:
    spec = write_small(tmp_path)
    spec.write_text(SPEC + '\n[fields.born]\ntype = "date"\n', "utf-8")
    rows(lambda given: [[*given[0][:3], "1950-13-01", *given[0][4:]], *given[1:]])(tmp_path)
    result = call("link", spec, "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert re.search(
        r"warning: .*a\.csv: 1 value of field 'born' in 40 rows cannot be read as date", result.stderr
    )
    facts = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert facts["inputs"][0]["unreadable"] == {"born": 1}
    quiet = call("link", spec, "--out", tmp_path / "quiet", "--quiet")
    assert (quiet.exit_code, quiet.output) == (0, "")


@pytest.mark.parametrize("command", ["link", "match", "blocks"])
def test_one_file_as_two_sources(tmp_path: Path, command: str) -> None:
    match = '[match]\n[[match.keys]]\nparts = ["given", "zip"]\n'
    spec = write_small(tmp_path, SPEC + match if command == "match" else SPEC)
    (tmp_path / "b.csv").write_bytes((tmp_path / "a.csv").read_bytes())
    before = tree(tmp_path)
    out = () if command == "blocks" else ("--out", tmp_path / "out")
    refused(command, spec, *out, message=r"b\.csv: this is source 'a', byte for byte: .*give another file")
    spec.write_text(spec.read_text("utf-8").replace("b.csv", "./a.csv"), "utf-8")
    refused(command, spec, *out, message=r"a\.csv: this is source 'a', byte for byte")
    assert sorted(tree(tmp_path)) == sorted(before)
