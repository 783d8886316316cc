"""The commented text of a first specification."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.comparisons.comparator import Comparator
from tallystick.comparisons.dates import date_parts
from tallystick.comparisons.equality import exact
from tallystick.comparisons.numbers import year_proximity
from tallystick.comparisons.strings import jaro_winkler, levenshtein
from tallystick.errors import InputError
from tallystick.linking.decision import Decision
from tallystick.preparation.source import Source
from tallystick.spec.toml import inline, key_text, plain_value
from tallystick.starter.dates import date_format
from tallystick.starter.guess import MOSTLY_MISSING, Field, Guess, guess, passes


def starter_toml(sources: Sequence[Source]) -> str:
    """A commented specification for these sources; what was guessed is said in it.

    Parameters
    ----------
    sources : sequence of Source
        One file to deduplicate, or more to link. Their paths are written as they are here, so
        they should be relative to the folder that the specification will lie in.

    Returns
    -------
    str
        TOML that `tallystick.spec.load_spec` reads and that runs as it is.

    Raises
    ------
    InputError
        If a source cannot be read, is a table in memory, or no column can be compared.
    """
    for source in sources:
        if source.path is None and source.uri is None:
            raise InputError(f'source "{source.name}" is a table in memory: save it to a file first')
    found = guess(sources)
    usable = [field for field in found.fields if field.is_usable]
    if not usable:
        files = ", ".join(source.shown for source in sources)
        raise InputError(
            f"{files}: found no column to compare; give columns of the same meaning the same name, "
            "or write the specification by hand"
        )
    blocks = [_linkage(found), *[_source(found, number) for number in range(len(sources))]]
    blocks.append(
        "# What is compared, and how. Equal values have the top level; each threshold adds one below it.\n"
        "# Leave out fields that follow from others (an e-mail address made of the name counts it twice).\n"
    )
    blocks += [_comparison(field, found) for field in usable]
    if left_out := [field for field in found.fields if not field.is_usable]:
        blocks.append(_left_out(left_out))
    blocks += [_passes(usable, found), _decision(len(sources))]
    return "\n".join(blocks)


def _linkage(found: Guess) -> str:
    names = [source.name for source in found.sources]
    what = " to ".join(names) if len(names) > 1 else f"duplicates in {names[0]}"
    kind = (
        '# kind = "dedupe"        # pairs within the file, as always with one source'
        if len(names) == 1
        else '# kind = "link"          # pairs between the sources; "link_and_dedupe" looks within them, too'
    )
    return (
        "# A first specification, guessed from the columns. Check what is marked as guessed, then run\n"
        "#     tallystick link THIS-FILE.toml --out results\n"
        "\n"
        "[linkage]\n"
        f"name = {inline(what)}\n"
        f"{kind}\n"
        "# seed = 1               # the same inputs, specification and seed give the same links\n"
    )


def _source(found: Guess, number: int) -> str:
    source = found.sources[number]
    lines = ["[[sources]]"]
    for key, value in plain_value(source).items():
        line = f"{key_text(key)} = {inline(value)}"
        if key == "id" and found.id_guessed[number]:
            line += "  # guessed: every record seems to have its own"
        elif key == "truth" and found.truth_guessed[number]:
            line += "  # guessed: names the entity, it seems; no linkage may read it"
        lines.append(line)
    if source.id is None:
        lines.append('# id = "..."             # no column numbers the records, so their row numbers do')
    if not source.truth:
        lines.append(
            '# truth = ["..."]        # columns with the answer, if there are any: no linkage may read them'
        )
    if found.alone[number] and len(found.sources) > 1:
        names = ", ".join(map(_comment, found.alone[number]))
        lines.append(f"# Without a counterpart in the other files: {names}.")
        lines.append("# Where only the names differ, say which column holds a field:")
        lines.append(f"# columns = {{ field = {inline(found.alone[number][0])} }}")
    return "\n".join(lines) + "\n"


def _comparator(kind: str) -> tuple[Comparator, str]:
    """The comparator for what a field looks like, and what to say of it."""
    if kind == "name":
        return jaro_winkler(0.92, 0.85, 0.75), "a name"
    if kind == "date":
        return date_parts(), "a date"
    if kind == "year":
        return year_proximity(), "a year"
    if kind in ("code", "id"):
        return levenshtein(1), "a code: one letter may be wrong"
    if kind == "e-mail":
        return levenshtein(1, 3), "an e-mail address"
    if kind == "text":
        return jaro_winkler(0.92, 0.85, 0.75), "a text; token_set compares word by word"
    if kind == "number":
        return exact(), "a number; absolute_difference allows for inexact ones"
    return exact(), "a category"


def _comparison(field: Field, found: Guess) -> str:
    comparator, looks = _comparator(field.kind)
    declared = ""
    if field.kind == "date" and len(field.names) == 1:
        columns = [column.name for column in field.columns]
        if form := date_format(found.sources, columns):
            declared = (
                "# Guessed: dates are written like this. What cannot be read so is missing.\n"
                f"[fields.{key_text(field.names[0])}]\n"
                f'type = "date"\nformat = {inline(form)}\n\n'
            )
    if len(field.names) == 3:
        fields, looks = f"fields = {inline(list(field.names))}", "the year, month and day of a date"
    else:
        fields = f"field = {inline(field.names[0])}"
    shares = ", ".join(
        f"{_percent(column.missing)} missing in {_comment(source.name)}"
        for source, column in zip(found.sources, field.columns, strict=True)
        if column.missing
    )
    return (
        declared + f"# Guessed: {looks}" + (f" ({shares})" if shares else "") + "\n"
        f"[[comparisons]]\n{fields}\ncomparator = {inline(plain_value(comparator))}\n"
    )


def _left_out(fields: Sequence[Field]) -> str:
    names = ", ".join(_comment(name) for field in fields for name in field.names)
    why = f"all values are the same or at least {MOSTLY_MISSING:.0%} are missing"
    return f"# Not compared, because {why}: {names}.\n"


def _passes(fields: Sequence[Field], found: Guess) -> str:
    text = (
        "# Where candidate pairs come from: pairs that agree on all parts of at least one pass. A match\n"
        "# that no pass finds is lost, so passes should rely on different fields. To lose none, compare\n"
        '# all pairs (type = "all_pairs"): it is fast enough for some hundred million.\n'
    )
    for one in passes(fields, found.n_records):
        text += "[[passes]]\n"
        text += "".join(f"{key} = {inline(value)}\n" for key, value in plain_value(one).items())
        text += "\n"
    return text.removesuffix("\n")


def _decision(n_sources: int) -> str:
    default = Decision()
    lines = ["[decision]"]
    if n_sources == 2:
        lines += [
            "# A record has at most one link. Say false where a file holds the same entity more than once.",
            "one_to_one = true",
        ]
    lines += [
        "# Pairs are links from the upper threshold on; between the two they are possible links, for people",
        "# to judge. The thresholds are probabilities that a pair is a match.",
        f"upper = {default.upper}",
        f"lower = {default.lower}",
    ]
    return "\n".join(lines) + "\n"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "under 1%"


def _comment(name: str) -> str:
    """A name that may stand in a comment: on one line, without control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in name)
