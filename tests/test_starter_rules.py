"""The rules of the first specification, each on a small table made for it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import polars as pl
import pytest

from tallystick.blocking.keys import transform_values
from tallystick.blocking.passes import AllPairs, BlockingKey
from tallystick.linkage.linkage import Linkage
from tallystick.preparation.detect import describe_values, sample
from tallystick.preparation.roles import is_called_answer
from tallystick.preparation.source import Source
from tallystick.spec import Spec, parse_spec
from tallystick.starter import keys, starter_toml, text
from tallystick.starter.choose import choose
from tallystick.starter.dates import compare_dates
from tallystick.starter.guess import guess
from tallystick.starter.keys import blocking_passes

ROWS = 600
FORENAMES = [
    "anna", "ben", "carla", "david", "emma", "frank", "grace", "henry", "irene",
    "jack", "karen", "leo", "maria", "noah", "olga", "paul", "rosa", "sam",
]  # fmt: skip
SYLLABLES = ["ba", "den", "fer", "gus", "hol", "kin", "lar", "mon", "pel", "ros", "tan", "wick"]


@pytest.fixture
def rng() -> random.Random:
    return random.Random(7)


def surnames(rng: random.Random, rows: int = ROWS) -> list[str]:
    return ["".join(rng.choices(SYLLABLES, k=3)) for _ in range(rows)]


def forenames(rng: random.Random, rows: int = ROWS) -> list[str]:
    return rng.choices(FORENAMES, k=rows)


def days(rng: random.Random, rows: int = ROWS) -> list[str]:
    return [f"{rng.randint(1930, 2009)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}" for _ in range(rows)]


def made(folder: Path, *tables: pl.DataFrame) -> tuple[str, Spec]:
    """The starter of tables as files: its text, and the specification that it is."""
    sources = []
    for name, table in zip("ab", tables, strict=False):
        table.write_parquet(folder / f"{name}.parquet")
        sources.append(Source(name=name, path=folder / f"{name}.parquet"))
    written = starter_toml(sources)
    return written, parse_spec(written)


def compared(spec: Spec) -> set[str]:
    return {field for one in spec.comparisons for field in one.left}


def reason(written: str, field: str) -> str:
    """What the text says of a field that is not compared."""
    (found,) = [line for line in written.splitlines() if line.startswith(f"#   {field}: ")]
    return found.removeprefix(f"#   {field}: ")


CODES = [f"q{number // 3}" for number in range(ROWS)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cluster", True),
        ("Cluster_ID", True),
        ("personId", True),
        ("household_id", True),
        ("truth", True),
        ("true_match", True),
        ("label", True),
        ("group", True),
        ("age_group", False),
        ("blood group", False),
        ("person_code_of_street", False),
        ("surname", False),
    ],
)
def test_answers_are_told_by_their_names(name: str, expected: bool) -> None:
    assert is_called_answer(describe_values(pl.Series(name, CODES))) is expected


def test_a_person_who_is_a_name_is_no_answer(rng: random.Random) -> None:
    assert not is_called_answer(describe_values(pl.Series("person", surnames(rng))))


def test_answers_go_to_truth_and_are_never_compared(tmp_path: Path, rng: random.Random) -> None:
    table = pl.DataFrame(
        {
            "record": [f"r{number}" for number in range(ROWS)],
            "cluster": CODES,
            "household_id": CODES[::-1],
            "dwelling_id": [f"d{number // 2}" for number in range(ROWS)],
            "surname": surnames(rng),
            "school_id": rng.choices(["s1", "s2", "s3"], k=ROWS),
        }
    )
    written, spec = made(tmp_path, table)
    assert spec.sources[0].id == "record"
    assert set(spec.sources[0].truth) == {"cluster", "household_id", "dwelling_id"}
    assert compared(spec) == {"surname", "school_id"}
    assert "# the answer, or all but give it." in written


def test_ids_of_two_files_are_answers_but_telephones_are_not(tmp_path: Path, rng: random.Random) -> None:
    numbers = rng.sample(range(10**7, 10**8), ROWS)
    table = pl.DataFrame(
        {
            "record_id": [f"r{number}" for number in range(ROWS)],
            "ref": [f"x-{number}" for number in numbers],
            "phone": [f"0{number}" for number in numbers],
            "surname": surnames(rng),
        }
    )
    _, spec = made(tmp_path, table, table)
    assert [source.id for source in spec.sources] == ["record_id", "record_id"]
    assert [source.truth for source in spec.sources] == [("ref",), ("ref",)]
    assert compared(spec) == {"phone", "surname"}


def test_clean_parts_stand_for_the_whole(tmp_path: Path, rng: random.Random) -> None:
    table = pl.DataFrame({"first_name": forenames(rng), "surname": surnames(rng), "born": days(rng)})
    table = table.with_columns(pl.format("{} {}", "first_name", "surname").alias("full_name"))
    written, spec = made(tmp_path, table)
    assert compared(spec) == {"first_name", "surname", "born"}
    assert reason(written, "full_name") == "holds first_name and surname, which are compared by themselves"


def test_badly_cut_parts_give_way_to_the_whole(tmp_path: Path, rng: random.Random) -> None:
    names = [[a, b] for a, b in zip(forenames(rng), surnames(rng), strict=True)]
    for row in range(0, ROWS, 20):
        names[row] = ["sir", *names[row]]
    table = pl.DataFrame(
        {
            "full_name": [" ".join(row) for row in names],
            "first_and_surname": [f"{row[0]} {row[-1]}" for row in names],
            "first_name": [row[0] for row in names],
            "surname": [row[-1] for row in names],
            "born": days(rng),
        }
    )
    written, spec = made(tmp_path, table)
    assert compared(spec) == {"full_name", "born"}
    assert spec.comparisons[0].comparator.type == "bigram_dice"
    assert "badly cut" in reason(written, "first_name")
    assert reason(written, "surname").startswith("is in full_name in 100% of the rows")


def test_parts_that_lack_words_give_way_to_the_whole(tmp_path: Path, rng: random.Random) -> None:
    first, middle, last = forenames(rng), forenames(rng), surnames(rng)
    full = [f"{a} {b} {c}" for a, b, c in zip(first, middle, last, strict=True)]
    written, spec = made(tmp_path, pl.DataFrame({"name": full, "first_name": first, "surname": last}))
    assert compared(spec) == {"name"}
    assert "the parts lack words" in reason(written, "surname")


def test_columns_that_say_the_same_are_compared_once(tmp_path: Path, rng: random.Random) -> None:
    table = pl.DataFrame({"surname": surnames(rng), "sex": rng.choices("mf", k=ROWS), "born": days(rng)})
    table = table.with_columns(
        pl.Series("alias", [None if row % 20 == 0 else name for row, name in enumerate(table["surname"])]),
        pl.col("sex").replace_strict({"m": "male", "f": "female"}).alias("gender"),
    )
    written, spec = made(tmp_path, table)
    assert len(compared(spec)) == 3
    assert compared(spec) >= {"surname", "born"}  # of two that are alike, the one that misses less
    assert reason(written, "alias") == "in 100% of the rows is the same as surname"


def test_age_and_parts_of_a_date_follow_from_it(tmp_path: Path, rng: random.Random) -> None:
    born = days(rng)
    table = pl.DataFrame(
        {
            "surname": surnames(rng),
            "born": born,
            "age": [2020 - int(day[:4]) - rng.randint(0, 1) for day in born],
            "born_year": [int(day[:4]) for day in born],
        }
    )
    written, spec = made(tmp_path, table)
    assert compared(spec) == {"surname", "born"}
    assert reason(written, "age") == "follows from born in 100% of the rows"
    assert "born_year" in written
    parts = table.select(
        "surname",
        "born",
        *(
            pl.col("born").str.slice(at, n).cast(int).alias(f"b_{name}")
            for name, at, n in [("year", 0, 4), ("month", 5, 2), ("day", 8, 2)]
        ),
    )
    assert compared(made(tmp_path, parts)[1]) == {"surname", "born"}


def test_an_address_made_of_the_name_is_left_out(tmp_path: Path, rng: random.Random) -> None:
    first, last = forenames(rng), surnames(rng)
    mail = [f"{a}.{b}{rng.randint(1, 99)}@example.org" for a, b in zip(first, last, strict=True)]
    written, spec = made(tmp_path, pl.DataFrame({"first_name": first, "surname": last, "mail": mail}))
    assert compared(spec) == {"first_name", "surname"}
    assert reason(written, "mail") == "holds first_name in 100% of the rows"


def test_independent_columns_stay(tmp_path: Path, rng: random.Random) -> None:
    table = pl.DataFrame(
        {
            "first_name": forenames(rng),
            "surname": surnames(rng),
            "middle_name": forenames(rng),
            "born": days(rng),
        }
    )
    written, spec = made(tmp_path, table)
    assert compared(spec) == set(table.columns)
    assert "# Not compared" not in written


def test_half_missing_is_compared_and_its_share_is_said(tmp_path: Path, rng: random.Random) -> None:
    jobs = [job if row % 2 else None for row, job in enumerate(surnames(rng))]
    rare = [job if row % 10 == 0 else None for row, job in enumerate(surnames(rng))]
    written, spec = made(tmp_path, pl.DataFrame({"surname": surnames(rng), "job": jobs, "rare": rare}))
    assert compared(spec) == {"surname", "job"}
    assert "# Missing: 50% in a" in written.splitlines()
    assert reason(written, "rare") == "90% of its values are missing"


def test_what_tells_nothing_is_left_out(tmp_path: Path, rng: random.Random) -> None:
    table = pl.DataFrame(
        {
            "surname": surnames(rng),
            "country": ["uk"] * ROWS,
            "town": ["here" if row % 50 else f"t{row}" for row in range(ROWS)],
            "measure": [rng.random() for _ in range(ROWS)],
            "note": [" ".join(rng.choices(SYLLABLES, k=9)) for _ in range(ROWS)],
        }
    )
    written, spec = made(tmp_path, table)
    assert compared(spec) == {"surname"}
    assert reason(written, "country") == "all its values are the same"
    assert reason(written, "town") == "98% of its values are the same"
    for field in ("measure", "note"):
        assert reason(written, field) == "nearly every record has a value of its own"


@pytest.mark.parametrize(
    ("values", "comparator", "form"),
    [
        (["1980-01-31", "1975-03-02"] * 20, "date_parts", None),
        (["1980-01-31", "1975-03-62"] * 20, "damerau_levenshtein", None),
        (["19800131", "19750302"] * 20, "damerau_levenshtein", None),
        (["31/01/1980", "02/03/1975"] * 20, "date_parts", "%d/%m/%Y"),
        (["01/31/1980", "03/02/1975"] * 20, "date_parts", "%m/%d/%Y"),
        (["01/02/1980", "03/02/1975"] * 20, "damerau_levenshtein", None),
        (["31/01/1980", "unknown", "02/03/1975"] * 20, "damerau_levenshtein", None),
    ],
)
def test_dates(values: Sequence[str], comparator: str, form: str | None) -> None:
    found = compare_dates([pl.Series(values)])
    assert (found.comparator.type, found.format) == (comparator, form)


def test_comparators_fit_what_columns_hold(tmp_path: Path, rng: random.Random) -> None:
    table = pl.DataFrame(
        {
            "surname": surnames(rng),
            "address": [" ".join(rng.choices(SYLLABLES, k=4)) for _ in range(ROWS)],
            "postcode": [f"ab{rng.randint(10, 60)}{rng.randint(1, 9)}xy" for _ in range(ROWS)],
            "house": [str(rng.randint(1, 150)) for _ in range(ROWS)],
            "initial": rng.choices("abcdefghijklmnop", k=ROWS),
            "sex": rng.choices("mf", k=ROWS),
        }
    )
    spec = made(tmp_path, table)[1]
    assert {one.left[0]: one.comparator.model_dump(exclude_defaults=True) for one in spec.comparisons} == {
        "surname": {"thresholds": (0.92, 0.85, 0.75)},
        "address": {"thresholds": (0.9, 0.75, 0.6, 0.45)},
        "postcode": {"max_distances": (1, 2)},
        "house": {"max_distances": (1,)},
        "initial": {},
        "sex": {},
    }


def people(rng: random.Random, rows: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "first_name": [name + rng.choice(SYLLABLES) for name in forenames(rng, rows)],
            "surname": surnames(rng, rows),
            "born": days(rng, rows),
            "postcode": [f"ab{rng.randint(10, 99)}{rng.randint(1, 9)}xy" for _ in range(rows)],
            "sex": rng.choices("mf", k=rows),
        }
    )


def counted(frames: Sequence[pl.DataFrame], key: BlockingKey) -> int:
    """Pairs that agree on a key, one by one."""
    sides = [
        list(zip(*(transform_values(frame[part.field], part) for part in key.parts), strict=True))
        for frame in frames
    ]
    pairs = combinations(sides[0], 2) if len(sides) == 1 else ((a, b) for a in sides[0] for b in sides[1])
    return sum(a == b and None not in a for a, b in pairs)


@pytest.mark.parametrize("files", [1, 2])
def test_six_keys_of_two_fields_and_the_pairs_that_they_make(
    tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch, files: int
) -> None:
    tables = [people(rng, 300) for _ in range(files)]
    monkeypatch.setattr(text, "ALL_PAIRS", 1000)
    written, spec = made(tmp_path, *tables)
    sources = spec.sources
    found = guess(sources)
    passes = blocking_passes(choose(found)[0], found)
    assert tuple(one.key for one in passes) == spec.passes
    frames = [sample(source) for source in sources]
    for one in passes:
        assert one.n_pairs == counted(frames, one.key)
        assert f"# about {one.n_pairs:,} pairs" in written.splitlines()
        assert len(one.key.fields) == 2
    assert {frozenset(one.key.fields) for one in passes} == {
        frozenset(two) for two in combinations(["first_name", "surname", "born", "postcode"], 2)
    }


def test_keys_that_make_too_many_pairs_get_another_part_or_go(
    tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = people(rng, 1200)
    monkeypatch.setattr(text, "ALL_PAIRS", 1000)
    monkeypatch.setattr(keys, "MOST_PAIRS", 0)
    _, spec = made(tmp_path, table)
    passes = [one for one in spec.passes if isinstance(one, BlockingKey)]
    assert any(len(one.fields) == 3 for one in passes)
    assert all(counted([sample(spec.sources[0])], one) == 0 for one in passes)
    monkeypatch.setattr(keys, "MOST_PAIRS", -1)
    written, spec = made(tmp_path, table)
    assert spec.passes == (AllPairs(),)
    assert "no keys were found" in written


def test_pairs_of_a_sample_are_those_of_all_records(
    tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tallystick.preparation import detect

    table = people(rng, 4000)
    table.write_parquet(tmp_path / "a.parquet")
    monkeypatch.setattr(detect, "SAMPLE_ROWS", 1000)
    found = guess([Source(name="a", path=tmp_path / "a.parquet")])
    assert found.n_records == (4000,)
    assert found.n_pairs == 4000 * 3999 // 2
    passes = blocking_passes(choose(found)[0], found)
    widest = max(passes, key=lambda one: one.n_pairs)
    names = [transform_values(table[part.field], part) for part in widest.key.parts]
    sizes = pl.DataFrame({str(k): column for k, column in enumerate(names)}).group_by(pl.all()).len()["len"]
    assert widest.n_pairs == pytest.approx(int((sizes * (sizes - 1)).sum()) / 2, rel=0.25)


def test_files_with_repeated_records_are_not_one_to_one(tmp_path: Path, rng: random.Random) -> None:
    table = people(rng, 300)
    written, spec = made(tmp_path, table, table)
    assert (spec.decision.one_to_one, spec.decision.upper) == (True, 0.5)
    assert "# A record has at most one link." in written
    written, spec = made(tmp_path, pl.concat([table, table[:30]]), table)
    assert (spec.decision.one_to_one, spec.decision.upper) == (False, 0.95)
    assert "one false link joins two entities" in written
    spec = made(tmp_path, table)[1]
    assert (spec.decision.one_to_one, spec.decision.upper) == (False, 0.95)


def household_members(rng: random.Random, homes: pl.DataFrame) -> pl.DataFrame:
    """Four persons a home, who have its columns in common."""
    shared = homes.select(pl.all().repeat_by(4).explode())
    rows = shared.height
    return shared.with_columns(
        pl.Series("first_name", [name + rng.choice(SYLLABLES) for name in forenames(rng, rows)]),
        pl.Series("sex", rng.choices("mf", k=rows)),
        pl.Series("born", days(rng, rows)),
    )


def test_what_follows_from_another_field_is_no_further_fact(tmp_path: Path, rng: random.Random) -> None:
    homes = pl.DataFrame(
        {
            "surname": surnames(rng, 150),
            "street": [f"{street} road" for street in surnames(rng, 150)],
            "house": rng.choices(range(60), k=150),
        }
    )
    table = household_members(rng, homes)
    written, spec = made(tmp_path, table, table)
    assert "house" not in compared(spec)
    assert compared(spec) >= {"first_name", "born", "sex"}
    assert compared(spec) & {"surname", "street"}
    assert "of the pairs of a file that agree on" in reason(written, "house")
    # In one file pairs that agree may be of one person, which tells nothing of others.
    assert compared(made(tmp_path, table)[1]) == set(table.columns)


def test_what_follows_from_two_fields_is_no_further_fact(tmp_path: Path, rng: random.Random) -> None:
    several = surnames(rng, 40)
    homes = pl.DataFrame(
        {
            "surname": rng.choices(several, k=200),
            "street": [f"{street} road" for street in rng.choices(several, k=200)],
            "tongue": rng.choices("abcd", k=200),
        }
    )
    table = household_members(rng, homes)
    written, spec = made(tmp_path, table, table)
    assert compared(spec) == {"surname", "street", "first_name", "born", "sex"}
    assert "that agree on surname and street agree on it, too" in reason(written, "tongue")


@pytest.mark.parametrize("blocked", [False, True])
def test_what_is_written_runs_and_finds_the_matches(
    tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch, blocked: bool
) -> None:
    if blocked:
        monkeypatch.setattr(text, "ALL_PAIRS", 1000)
    table = people(rng, ROWS).with_columns(pl.Series("record_id", [f"p{row:04}" for row in range(ROWS)]))
    other = table.with_columns(
        pl.Series(
            "surname",
            [f"{name[:-1]}x" if row % 5 == 0 else name for row, name in enumerate(table["surname"])],
        )
    )
    made(tmp_path, table, other)
    path = tmp_path / "start.toml"
    path.write_text(
        starter_toml([Source(name=name, path=tmp_path / f"{name}.parquet") for name in "ab"]), "utf-8"
    )
    linkage = Linkage.from_toml(path)
    pairs = linkage.fit().link(*linkage.spec.sources).pairs
    links = pairs.filter(pl.col("decision") == "link")
    right = int((links["id_left"] == links["id_right"]).sum())
    assert right > 0.97 * ROWS
    assert right > 0.99 * len(links)
