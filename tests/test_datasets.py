"""Generated persons: the files asked for, coherent, as wrong as stated, and telling nothing by their ids."""

from __future__ import annotations

import string
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from rapidfuzz.distance import OSA

from tallystick._nicknames import generated_nicknames
from tallystick.datasets import ErrorRates, PersonFiles, Population, person_blocks, persons, persons_to
from tallystick.datasets.edits import Method, edited
from tallystick.datasets.households import FIRST_DAY
from tallystick.datasets.misdates import SWAPPED, TRANSPOSED, TYPING, YEAR_OFF, misdated
from tallystick.datasets.misnumbers import another_digit, transposed_digits
from tallystick.datasets.names import names
from tallystick.datasets.places import Places
from tallystick.datasets.vocabulary import Vocabulary
from tallystick.errors import InputError

NO_ERRORS = ErrorRates().scaled(0)
SIZE = 40_000
FIELDS = [
    "forename",
    "surname",
    "sex",
    "date_of_birth",
    "house_number",
    "street",
    "town",
    "postcode",
    "phone",
]
ADDRESS = ["house_number", "street", "town", "postcode"]


@pytest.fixture(scope="module")
def files() -> PersonFiles:
    return persons(SIZE, overlap=1.0, seed=1)


@pytest.fixture(scope="module")
def faultless() -> pl.DataFrame:
    return persons(SIZE, duplicates=[1.0], rates=NO_ERRORS, seed=2).table


def true_pairs(files: PersonFiles) -> pl.DataFrame:
    return files.left.join(files.right, on="person_id", suffix="_right", validate="1:1")


def agreement(pairs: pl.DataFrame, field: str) -> float:
    """Share of agreement among the pairs with both values."""
    present = pairs.drop_nulls([field, f"{field}_right"])
    return float((present[field] == present[f"{field}_right"]).mean())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "target"),
    # As measured on CIS and PRD, where both values are present.
    [("forename", 0.67), ("surname", 0.71), ("postcode", 0.89), ("date_of_birth", 0.908), ("sex", 1.0)],
)
def test_default_rates_reproduce_cis_to_prd(files: PersonFiles, field: str, target: float) -> None:
    # Four standard errors of 36,000 pairs at 0.7 are 0.0097.
    assert agreement(true_pairs(files), field) == pytest.approx(target, abs=0.01)


def test_targets_are_those_of_the_data(data_dir: Path) -> None:
    cis, prd = (
        pl.read_csv(data_dir / file, infer_schema=False).with_columns(pl.all().replace("", None))
        for file in ("cis.csv", "prd.csv")
    )
    pairs = cis.drop_nulls("person_id").join(prd, on="person_id", suffix="_right")
    assert pairs.height == 22_860
    for field, target in {"pername1": 0.67, "pername2": 0.71, "enumpc": 0.89}.items():
        assert agreement(pairs, field) == pytest.approx(target, abs=0.005)
    dates = pairs.drop_nulls(
        [f"dob_{part}{side}" for part in ("day", "mon", "year") for side in ("", "_right")]
    )
    same = pl.all_horizontal(
        pl.col(f"dob_{part}") == pl.col(f"dob_{part}_right") for part in ("day", "mon", "year")
    )
    assert dates.select(same.mean()).item() == pytest.approx(0.908, abs=0.005)


def test_values_are_missing_as_often_as_stated(files: PersonFiles) -> None:
    rates = ErrorRates()
    for frame in (files.left, files.right):
        for field in FIELDS:
            stated = getattr(rates, f"missing_{'date' if field == 'date_of_birth' else field}")
            assert 0.02 <= stated <= 0.06
            assert frame[field].null_count() / SIZE == pytest.approx(stated, abs=0.005)


def test_errors_of_one_record_come_together(files: PersonFiles) -> None:
    pairs = true_pairs(files).drop_nulls()
    wrong = [(pairs[field] != pairs[f"{field}_right"]).to_numpy() for field in ("forename", "surname")]
    # Measured between CIS and PRD: 0.20.
    assert 0.1 < np.corrcoef(*wrong)[0, 1] < 0.3


@pytest.mark.parametrize(
    ("name", "field", "wrong"),
    [
        ("forename_typing", "forename", 0.2),
        ("forename_ocr", "forename", 0.2),
        ("forename_phonetic", "forename", 0.2),
        ("nickname", "forename", 0.2),
        ("initial", "forename", 0.2),
        ("surname_typing", "surname", 0.2),
        ("surname_ocr", "surname", 0.2),
        ("surname_phonetic", "surname", 0.2),
        ("swapped_names", "surname", 0.2),
        ("swapped_names", "forename", 0.2),
        ("year_off", "date_of_birth", 0.2),
        ("day_month_swapped", "date_of_birth", 0.2),
        ("date_transposed", "date_of_birth", 0.2),
        ("date_typing", "date_of_birth", 0.2),
        ("house_number_typing", "house_number", 0.2),
        ("house_number_transposed", "house_number", 0.2),
        ("street_typing", "street", 0.2),
        ("street_ocr", "street", 0.2),
        ("street_abbreviated", "street", 0.2),
        ("town_typing", "town", 0.2),
        ("town_ocr", "town", 0.2),
        ("postcode_typing", "postcode", 0.2),
        ("postcode_ocr", "postcode", 0.2),
        ("postcode_transposed", "postcode", 0.2),
        ("phone_typing", "phone", 0.2),
        ("phone_transposed", "phone", 0.2),
        ("email_typing", "email", 0.2),
        ("sex_wrong", "sex", 0.2),
        ("missing_email", "email", 0.2),
        ("missing_town", "town", 0.2),
    ],
)
def test_each_rate_is_realised_in_its_field_alone(name: str, field: str, wrong: float) -> None:
    size = 4000
    right = persons(size, duplicates=[1.0], rates=NO_ERRORS, email=True, seed=3).table
    rates = ErrorRates(**{**vars(NO_ERRORS), name: wrong})
    made = persons(size, duplicates=[1.0], rates=rates, email=True, seed=3).table
    assert (made["record_id"] == right["record_id"]).all()
    other = {other: made[other].ne_missing(right[other]).mean() for other in (*FIELDS, "email")}
    # Four standard errors.
    assert other.pop(field) == pytest.approx(wrong, abs=0.026)
    if name == "swapped_names":
        both = made.filter(made["forename"] != right["forename"])
        assert (
            both["surname"].to_list()
            == right.filter(made["forename"] != right["forename"])["forename"].to_list()
        )
        other.pop("forename" if field == "surname" else "surname")
    assert set(other.values()) == {0.0}


def test_names_that_are_swapped_have_no_other_error() -> None:
    rates = ErrorRates(
        **{
            **vars(NO_ERRORS),
            "swapped_names": 0.5,
            "forename_typing": 0.9,
            "surname_ocr": 0.9,
            "poor_records": 0,
        }
    )
    right = persons(5000, duplicates=[1.0], rates=NO_ERRORS, seed=3).table
    made = persons(5000, duplicates=[1.0], rates=rates, seed=3).table
    swapped = (made["forename"] == right["surname"]) & (made["surname"] == right["forename"])
    assert swapped.mean() == pytest.approx(0.5, abs=0.03)


def test_poor_records_leave_the_rates_as_they_are() -> None:
    for poor, factor in ((0.0, 3.0), (0.5, 9.0), (1.0, 4.0), (0.1, 1.0)):
        rates = ErrorRates(
            **{**vars(NO_ERRORS), "town_typing": 0.3, "poor_records": poor, "poor_factor": factor}
        )
        right = persons(5000, duplicates=[1.0], rates=NO_ERRORS, seed=3).table
        made = persons(5000, duplicates=[1.0], rates=rates, seed=3).table
        assert (made["town"] != right["town"]).mean() == pytest.approx(0.3, abs=0.026)


def test_the_number_of_threads_changes_nothing() -> None:
    # Three blocks.
    options = {"n": 110_000, "n_right": 100_000, "overlap": 50_000, "email": True, "seed": 7}
    one, two = (persons(**options, threads=threads) for threads in (1, 2))  # type: ignore[call-overload]
    assert_frame_equal(one.left, two.left)
    assert_frame_equal(one.right, two.right)
    blocks = list(person_blocks(**options))  # type: ignore[arg-type]
    assert len(blocks) == 3
    assert not any(block.left["person_id"].is_sorted() for block in blocks)  # type: ignore[union-attr]
    for side in ("left", "right"):
        joined = pl.concat([getattr(block, side) for block in blocks])
        assert_frame_equal(joined.sort("record_id"), getattr(one, side))


def test_another_process_makes_the_same() -> None:
    code = (
        "from tallystick.datasets import persons; "
        "print(persons(300, duplicates=(0.5, 0.5), seed=5).table.write_csv(), end='')"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told == persons(300, duplicates=(0.5, 0.5), seed=5).table.write_csv()
    assert told != persons(300, duplicates=(0.5, 0.5), seed=6).table.write_csv()


def test_files_on_disk_are_those_in_memory(tmp_path: Path) -> None:
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    persons_to(paths, 90_000, 5_000, overlap=0, seed=4)
    files = persons(90_000, 5_000, overlap=0, seed=4)
    assert_frame_equal(pl.read_parquet(paths[0]), files.left)
    assert_frame_equal(pl.read_parquet(paths[1]), files.right)
    assert sorted(tmp_path.iterdir()) == paths


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(pl.LazyFrame, "sink_parquet", full)
    with pytest.raises(Exception, match="no space left"):
        persons_to(tmp_path / "a.parquet", 500, duplicates=[1.0])
    assert list(tmp_path.iterdir()) == []


@hypothesis_settings(max_examples=25)
@given(data=st.data(), n=st.integers(1, 300), n_right=st.integers(1, 300), seed=st.integers(0, 2**32))
def test_sizes_and_overlap_are_exact(data: st.DataObject, n: int, n_right: int, seed: int) -> None:
    overlap = data.draw(st.integers(0, min(n, n_right)))
    files = persons(n, n_right, overlap=overlap, seed=seed)
    assert (files.left.height, files.right.height) == (n, n_right)
    for frame in (files.left, files.right):
        assert frame["record_id"].is_unique().all()
        assert frame["person_id"].is_unique().all()
        assert set(frame.schema.values()) == {pl.String()}
    assert files.left.join(files.right, on="person_id").height == overlap


def test_overlap_over_several_blocks_is_exact() -> None:
    files = persons(100_000, 90_000, overlap=0.3, seed=1)
    assert files.left.join(files.right, on="person_id").height == 27_000


@hypothesis_settings(max_examples=25)
@given(n=st.integers(1, 400), weights=st.lists(st.integers(0, 5), min_size=1, max_size=6).filter(any))
def test_duplicates_fill_the_file_exactly(n: int, weights: list[int]) -> None:
    table = persons(n, duplicates=np.array(weights) / sum(weights), seed=1).table  # type: ignore[arg-type]
    assert table.height == n
    assert table["record_id"].n_unique() == n
    assert table["person_id"].value_counts()["count"].max() <= len(weights)  # type: ignore[operator]


def test_duplicates_are_distributed_as_asked() -> None:
    table = persons(34_000, duplicates=(0.5, 0.3, 0.2), seed=1).table
    counts = table["person_id"].value_counts()["count"].value_counts(name="persons").sort("count").rows()
    assert counts == [(1, 10_000), (2, 6_000), (3, 4_000)]


def test_households_share_an_address(faultless: pl.DataFrame) -> None:
    homes = faultless.group_by("household_id").agg(pl.col(*ADDRESS, "surname").n_unique(), n=pl.len())
    assert homes.select(pl.col(ADDRESS).max()).row(0) == (1, 1, 1, 1)
    shared = homes.filter(pl.col("n") > 1)["surname"].value_counts(normalize=True)
    one_name = shared.filter(pl.col("surname") == 1)["proportion"].item()
    # With exceptions: partners who keep their names, lodgers, grandparents.
    assert 0.7 < one_name < 0.9
    # A household has its address for itself.
    assert homes.height == faultless.select(*ADDRESS).unique().height


def test_postcodes_are_clusters_of_neighbours(faultless: pl.DataFrame) -> None:
    sizes = faultless["postcode"].value_counts()["count"]
    assert 22 < sizes.median() < 32  # type: ignore[operator]
    assert ((sizes >= 13) & (sizes <= 45)).mean() > 0.93  # type: ignore[operator]
    assert faultless["postcode"].str.contains(r"^[A-Z]{2}\d\d \d[A-Z]{2}$").all()
    sides = faultless.group_by("postcode").agg((pl.col("house_number").cast(pl.Int32) % 2).unique())
    assert set(sides["house_number"].list.len()) == {1}
    assert set(sides["house_number"].list.first()) == {0, 1}
    streets = faultless.group_by("postcode").agg(pl.col("street", "town").n_unique())
    assert streets.select("street", "town").max().row(0) == (1, 1)


def test_postcodes_of_a_large_country_differ() -> None:
    places = Places.of(500_000, np.random.default_rng(1))
    assert places.postcodes(np.arange(500_000)).texts.n_unique() == 500_000


def test_names_have_the_frequencies_of_the_census(faultless: pl.DataFrame) -> None:
    # The files of the package cover 90.483 % and 90.04 % of the people; SMITH 1.006, JAMES 3.318, MARY 2.629.
    surnames = faultless.unique("household_id")["surname"]
    assert (surnames == "SMITH").mean() == pytest.approx(1.006 / 90.483, abs=0.004)
    by_sex = faultless.group_by("sex").agg(
        james=(pl.col("forename") == "JAMES").mean(), mary=(pl.col("forename") == "MARY").mean()
    )
    shares = {row[0]: row[1:] for row in by_sex.rows()}
    assert shares["M"][0] == pytest.approx(3.318 / 90.04, abs=0.006)
    assert shares["F"][1] == pytest.approx(2.629 / 90.024, abs=0.006)
    # Names that the file rounds to 0.000 have 13 of its 90.5 %.
    rare = names().surnames(np.random.default_rng(1), 100_000)
    common = names().surnames.codes[:18_839]
    assert 1 - np.isin(rare, common).mean() == pytest.approx(1 - 77.48 / 90.483, abs=0.01)


def children(frame: pl.DataFrame) -> pl.DataFrame:
    """Pairs of a person and the one before in the same household with the same surname."""
    return (
        frame.sort("person_id")
        .with_columns(
            pl.col("household_id", "surname", "forename", "date_of_birth").shift().name.suffix("_before")
        )
        .filter(
            pl.col("household_id") == pl.col("household_id_before"),
            pl.col("surname") == pl.col("surname_before"),
        )
    )


def test_twins_are_born_on_one_day_and_have_two_names() -> None:
    none, many = (
        children(persons(SIZE, duplicates=[1.0], rates=NO_ERRORS, population=Population(twins=rate)).table)
        for rate in (0.0, 0.3)
    )
    twins = many.filter(pl.col("date_of_birth") == pl.col("date_of_birth_before"))
    assert (twins["forename"] != twins["forename_before"]).all()
    # Second and later children, and hardly anyone else of that age and name.
    born, before = (pl.col(c).str.to_date() for c in ("date_of_birth", "date_of_birth_before"))
    siblings = many.filter(born >= before, (born - before).dt.total_days() < 16 * 365, born.dt.year() >= 2008)
    twice = siblings.filter(pl.col("date_of_birth") == pl.col("date_of_birth_before"))
    assert twice.height / siblings.height == pytest.approx(0.3, abs=0.05)
    assert none.filter(pl.col("date_of_birth") == pl.col("date_of_birth_before")).height <= 2


def test_twins_share_a_day_that_was_moved_to_the_first() -> None:
    population = Population(twins=1.0, first_of_month=0.5)
    table = persons(5000, duplicates=[1.0], rates=NO_ERRORS, population=population).table
    young = table.filter(pl.col("date_of_birth") > "2008-01-01")
    days = young.group_by("household_id").agg(pl.len(), pl.col("date_of_birth").n_unique())
    assert days.filter(pl.col("len") > 1).height > 100
    assert days["date_of_birth"].max() == 1


def namesakes(frame: pl.DataFrame) -> tuple[int, int]:
    """Households with two persons of one name, all being born on different days; households with children."""
    named = frame.group_by("household_id", "forename", "surname", "sex").agg(
        pl.len(), pl.col("date_of_birth").n_unique()
    )
    two = named.filter(pl.col("len") > 1)
    assert (two["len"] == 2).all()
    assert (two["date_of_birth"] == 2).all()
    young = frame.filter(pl.col("date_of_birth") > "2007-05-01")["household_id"].n_unique()
    return two.height, young


def test_namesakes_are_as_frequent_as_stated() -> None:
    none, many = (
        persons(SIZE, duplicates=[1.0], rates=NO_ERRORS, population=Population(namesakes=rate)).table
        for rate in (0.0, 0.2)
    )
    assert namesakes(none)[0] == 0
    found, with_children = namesakes(many)
    assert found / with_children == pytest.approx(0.2, abs=0.03)


def test_ages_are_plausible(faultless: pl.DataFrame) -> None:
    years = faultless["date_of_birth"].str.slice(0, 4).cast(pl.Int32)
    bands = np.histogram(2025 - years.to_numpy(), [0, 20, 40, 60, 80, 110])[0] / SIZE
    assert (bands > [0.15, 0.2, 0.2, 0.1, 0.01]).all()
    assert (bands < [0.3, 0.35, 0.35, 0.25, 0.08]).all()
    first = faultless["date_of_birth"].str.ends_with("-01").mean()
    assert first == pytest.approx(12 / 365.25 + 0.015, abs=0.006)


def test_changes_between_the_files_are_as_frequent_as_stated() -> None:
    changes = {"moved_household": 0.1, "moved_person": 0.05, "married": 0.2, "new_phone": 0.1}
    files = persons(SIZE, overlap=1.0, rates=ErrorRates(**{**vars(NO_ERRORS), **changes}), seed=1)
    pairs = true_pairs(files)
    left_home = pairs.filter(pl.col("household_id") != pl.col("household_id_right"))
    age = 2025 - pl.col("date_of_birth").str.slice(0, 4).cast(pl.Int32)
    company = pairs.filter(pl.len().over("household_id") > 1, age >= 19)
    assert left_home.height / company.height == pytest.approx(0.05, abs=0.008)
    assert left_home["household_id_right"].is_unique().all()
    stayed = pairs.filter(pl.col("household_id") == pl.col("household_id_right"))
    moved = stayed.group_by("household_id").agg(
        (pl.col("postcode") != pl.col("postcode_right")).mean(),
        pl.col("postcode_right").n_unique().alias("n"),
    )
    assert moved["n"].max() == 1
    assert moved["postcode"].mean() == pytest.approx(0.1, abs=0.01)
    women = pairs.filter(age.is_between(19, 45), pl.col("sex") == "F")
    assert (women["surname"] != women["surname_right"]).mean() == pytest.approx(0.2, abs=0.02)
    assert (
        pairs.filter(pl.col("sex") == "M").select((pl.col("surname") != pl.col("surname_right")).sum())
    ).item() == 0
    assert (pairs["phone"] != pairs["phone_right"]).mean() == pytest.approx(0.1 + 0.13 * 0.4, abs=0.03)


def test_ids_and_order_tell_nothing() -> None:
    # Two blocks, since ids are drawn over all of them.
    files = persons(100_000, overlap=1.0, seed=1)
    pairs = true_pairs(files)
    ranks = {
        column: pairs[column].str.slice(1).cast(pl.Int64).rank().to_numpy()
        for column in ("record_id", "record_id_right", "person_id")
    }
    # Four standard errors of no correlation.
    limit = 4 / 100_000**0.5
    for a, b in combinations(ranks, 2):
        assert abs(np.corrcoef(ranks[a], ranks[b])[0, 1]) < limit
    phones = pairs.select(pl.col("phone", "person_id").str.slice(1).cast(pl.Int64).rank()).drop_nulls()
    assert abs(np.corrcoef(phones["phone"], phones["person_id"])[0, 1]) < limit
    for frame in (files.left, files.right):
        assert frame["record_id"].is_sorted()


def test_emails_are_made_of_the_name_as_often_as_stated() -> None:
    for share in (0.0, 0.7):
        table = persons(
            SIZE, duplicates=[1.0], rates=NO_ERRORS, email=True, population=Population(email_of_name=share)
        ).table
        forename, surname = (pl.col(c).str.to_lowercase() for c in ("forename", "surname"))
        local = pl.col("email").str.split("@").list.first().str.strip_chars_end(string.digits)
        named = (
            (local == forename)
            | (local == forename + "." + surname)
            | (local == forename.str.head(1) + surname)
        )
        assert table.select(named.mean()).item() == pytest.approx(share, abs=0.012)
    assert "email" not in persons(10, seed=1).left.columns


@pytest.mark.parametrize("method", list(Method))
@hypothesis_settings(max_examples=60)
@given(
    texts=st.lists(
        st.text(string.ascii_uppercase + string.digits + " ", min_size=1, max_size=12), min_size=1
    ),
    seed=st.integers(0, 2**32),
)
def test_an_edit_always_changes_a_text_and_only_a_little(method: Method, texts: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = np.arange(len(texts))
    methods = np.full(len(texts), method)
    for again in (0.0, 1.0):
        made = edited(Vocabulary.of(texts), codes, methods, again, rng).to_list()
        for text, wrong in zip(texts, made, strict=True):
            assert wrong
            distance = OSA.distance(text, wrong)
            assert distance > 0
            if again == 0.0 and method in (Method.TYPING, Method.TRANSPOSED):
                assert distance == 1
            elif method != Method.OCR_NAME:
                assert distance <= 2 * (1 + again)
            else:
                # One letter may be misread all over, and nothing else.
                assert sum(a != b for a, b in zip(text, wrong, strict=False)) <= len(text)


def test_what_is_misread_looks_or_sounds_alike() -> None:
    rng = np.random.default_rng(1)

    def made(text: str, method: Method) -> set[str]:
        return set(edited(Vocabulary.of([text]), np.zeros(2000, int), np.full(2000, method), 0.0, rng))

    assert made("AAT", Method.OCR_NAME) == {"RAT", "ART", "RRT"}
    assert made("EMM", Method.OCR_NAME) >= {"ERNM", "EHM", "ENN", "FMM"}
    assert made("PHIL", Method.PHONETIC) == {"FIL", "PHILL"}
    assert made("LS1 1GQ", Method.OCR_CODE) >= {"LS1 1QQ", "LS7 1GQ", "LS1 1GG"}
    assert made("AB", Method.TRANSPOSED) == {"BA"}
    assert "AA" not in made("AA", Method.TRANSPOSED)


def test_typing_hits_neighbouring_keys() -> None:
    rng = np.random.default_rng(1)
    made = edited(Vocabulary.of(["G"]), np.zeros(4000, int), np.zeros(4000, int), 0.0, rng)
    assert set(made.filter(made.str.len_chars() == 1)) == set("FHTYVB")
    assert made.str.len_chars().is_in([1, 2]).all()


def test_nicknames_go_both_ways_and_are_a_hundred() -> None:
    nicknames = generated_nicknames()
    assert len({short for forms in nicknames.values() for short in forms}) > 100
    known = names()
    code = {word: n for n, word in enumerate(known.words.texts)}
    rng = np.random.default_rng(1)

    def forms(name: str) -> set[str]:
        return set(known.words.texts.gather(known.nickname(np.full(500, code[name]), rng)))

    assert forms("WILLIAM") == set(nicknames["WILLIAM"])
    assert "MICHAEL" in forms("MIKE")
    assert forms("ZULA") == {"ZULA"}


@hypothesis_settings(max_examples=50)
@given(days=st.lists(st.integers(5500, 45_700), min_size=1, max_size=30), seed=st.integers(0, 2**32))
def test_wrong_dates_are_other_dates(days: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    true = np.array(days)
    for kind in (YEAR_OFF, SWAPPED, TRANSPOSED, TYPING):
        made = misdated(true, np.full(len(true), kind), rng)
        assert (made != true).all()
        for a, b in zip((FIRST_DAY + true).tolist(), (FIRST_DAY + made).tolist(), strict=True):
            if kind == YEAR_OFF:
                assert 1 <= abs(a.year - b.year) <= 2
                assert a.month == b.month
            elif kind == SWAPPED and a.day <= 12 and a.day != a.month:
                assert (b.year, b.month, b.day) == (a.year, a.day, a.month)
            elif kind == TYPING:
                assert a.year == b.year
            assert 1900 <= b.year <= 2030


@hypothesis_settings(max_examples=50)
@given(numbers=st.lists(st.integers(1, 10**10), min_size=1, max_size=30), seed=st.integers(0, 2**32))
def test_wrong_numbers_differ_by_a_digit_or_two(numbers: list[int], seed: int) -> None:
    true = np.array(numbers)
    for wrong in (another_digit, transposed_digits):
        for a, b in zip(numbers, wrong(true, np.random.default_rng(seed)).tolist(), strict=True):
            assert b > 0
            assert len(str(a)) == len(str(b))
            assert OSA.distance(str(a), str(b)) == 1
            assert a < 100 or str(a)[0] == str(b)[0]


def test_a_later_record_of_a_person_is_from_after_the_changes() -> None:
    rates = ErrorRates(**{**vars(NO_ERRORS), "moved_household": 1.0})
    table = persons(30_000, duplicates=(0.0, 0.0, 1.0), rates=rates, seed=1).table
    homes = table.group_by("person_id", "postcode").len().group_by("person_id").agg(pl.col("len").sort())
    # A move may end in the postcode where it began.
    assert sum(counts == [1, 2] for counts in homes["len"].to_list()) > 9_800


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: persons(0), "n is 0"),
        (lambda: persons(10, seed=-1), "seed is -1"),
        (lambda: persons(10, 5, overlap=6), "cannot have 6 in common"),
        (lambda: persons(10, 0), "files of 10 and 0"),
        (lambda: persons(10, overlap=1.5), "cannot have 1.5 in common"),
        (lambda: persons(10, duplicates=(0.5, 0.4)), "which sum to 1"),
        (lambda: persons(10, duplicates=(1.5, -0.5)), "which sum to 1"),
        (lambda: persons(10, duplicates=()), "which sum to 1"),
        (lambda: persons(10, 5, duplicates=(1.0,)), "leave out n_right"),  # type: ignore[call-overload]
        (lambda: persons_to("a", 10), "1 paths for 2 files"),
        (lambda: persons_to(["a", "b"], 10, duplicates=[1.0]), "2 paths for 1 files"),
        (lambda: ErrorRates(nickname=1.2), "nickname is 1.2"),
        (lambda: ErrorRates(nickname=float("nan")), "nickname is nan"),
        (lambda: ErrorRates(nickname=0.6, initial=0.6), "exclude each other"),
        (lambda: ErrorRates(poor_factor=0.5), "poor_factor is 0.5"),
        (lambda: Population(twins=-0.1), "twins is -0.1"),
        (lambda: Places.of(20_000_000, np.random.default_rng(1)), "postcodes are more than there can be"),
    ],
)
def test_bad_requests_are_told(call: object, told: str) -> None:
    with pytest.raises(InputError, match=told):
        call()  # type: ignore[operator]


def test_without_the_package_of_names_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    names.cache_clear()
    monkeypatch.setitem(sys.modules, "names", None)
    try:
        with pytest.raises(InputError, match=r'pip install "tallystick\[datasets\]"'):
            persons(10)
    finally:
        names.cache_clear()


def test_the_import_is_light() -> None:
    code = "import sys, tallystick.datasets; print(*{'numba', 'polars', 'names'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
