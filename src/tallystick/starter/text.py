"""The commented text of a first specification."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tallystick.blocking.passes import AllPairs, AnyPass
from tallystick.errors import InputError
from tallystick.linking.decision import Decision
from tallystick.preparation.source import Source
from tallystick.spec.toml import inline, key_text, plain_value
from tallystick.starter.choose import REPEATED, Choice, choose, repeated
from tallystick.starter.cleaning import Cleaning, cleaning
from tallystick.starter.guess import Guess, guess
from tallystick.starter.keys import ALL_PAIRS, UNITS, blocking_passes
from tallystick.starter.overlaps import Dropped

CERTAIN_LINK = 0.95
"""Upper threshold where entities are joined by links: one false link joins two of them."""


def starter_toml(sources: Sequence[Source], folder: str | Path = ".") -> str:
    """A commented specification for these sources; what was guessed is said in it.

    Parameters
    ----------
    sources : sequence of Source
        One file to deduplicate, or more to link.
    folder : path
        The folder that the specification will lie in: relative paths are written relative to it.

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
    choices, dropped = choose(found)
    if not choices:
        files = ", ".join(source.shown for source in sources)
        if len(sources) > 1 and not any(frame.width for frame in found.frames):
            raise InputError(
                f"{files}: no column has the same name in all files; say with columns of a source which "
                'one holds a field, as in columns = { surname = "family_name" }, or make it with [prepare]'
            )
        raise InputError(
            f"{files}: found no column to compare; give columns of the same meaning the same name, "
            "or write the specification by hand"
        )
    blocks = [_linkage(found), *[_source(found, number, Path(folder)) for number in range(len(sources))]]
    if cleaned := cleaning(choices, found):
        blocks.append(_cleaning(cleaned))
    blocks.append(
        "# What is compared, and how. Equal values have the top level; each threshold adds one below it.\n"
        "# Comparisons are taken as independent of each other: what says the same twice is left out.\n"
    )
    blocks += [_comparison(choice, found) for choice in choices]
    if dropped:
        blocks.append(_left_out(dropped))
    blocks += [_passes(choices, found), _decision(found, choices)]
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


def _source(found: Guess, number: int, folder: Path) -> str:
    source = _seen_from(folder, found.sources[number])
    lines = ["[[sources]]"]
    for key, value in plain_value(source).items():
        line = f"{key_text(key)} = {inline(value)}"
        if key == "id" and found.id_guessed[number]:
            line += "  # guessed: every record seems to have its own"
        elif key == "truth" and found.answers[number]:
            lines.append(
                "# Guessed from names and values: these name persons, households or groups, so they are\n"
                "# the answer, or all but give it. No linkage reads them, only `tallystick evaluate`. Where\n"
                "# one is evidence after all, take it out and compare it."
            )
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
    if found.beside[number]:
        names = ", ".join(map(_comment, found.beside[number]))
        lines.append(f"# Left out, as preparation wrote it beside the fields: {names}.")
    return "\n".join(lines) + "\n"


def _seen_from(folder: Path, source: Source) -> Source:
    """The source with its path, where it is a relative one, as it is written in a file of a folder."""
    if source.path is None or source.path.is_absolute():
        return source
    place = os.path.relpath(source.path.parent.resolve(), folder.resolve())
    return source.model_copy(update={"path": Path(place) / source.path.name})


def _comparison(choice: Choice, found: Guess) -> str:
    field = choice.field
    declared = ""
    if choice.format:
        declared = (
            "# Guessed: dates are written like this. What cannot be read so is missing.\n"
            f"[fields.{key_text(field.names[0])}]\n"
            f'type = "date"\nformat = {inline(choice.format)}\n\n'
        )
    if len(field.names) == 3:
        fields = f"fields = {inline(list(field.names))}"
    else:
        fields = f"field = {inline(field.names[0])}"
    gaps = [frame[field.names[0]].null_count() / frame.height for frame in found.frames]
    shares = ", ".join(
        f"{_percent(gap)} in {_comment(source.name)}"
        for source, gap in zip(found.sources, gaps, strict=True)
        if gap
    )
    return (
        declared + f"# Guessed: {choice.looks}" + (f"\n# Missing: {shares}" if shares else "") + "\n"
        f"[[comparisons]]\n{fields}\ncomparator = {inline(plain_value(choice.comparator))}\n"
    )


def _cleaning(cleaned: Sequence[Cleaning]) -> str:
    lines = [
        "# Guessed: these values should be cleaned before they are compared. Take the leading # away where",
        "# that is so; raw values stay beside the cleaned ones (docs/guide/prepare.md).",
    ]
    for one in cleaned:
        why = _comment("; ".join(one.reasons))
        lines += [
            "# [[prepare.fields]]",
            f"# field = {inline(one.field)}",
            f"# steps = {inline(list(one.steps))}  # {why}",
        ]
    return "\n".join(lines) + "\n"


def _left_out(dropped: Sequence[Dropped]) -> str:
    lines = ["# Not compared:"]
    lines += [f"#   {_comment(one.field.label)}: {_comment(one.reason)}" for one in dropped]
    return "\n".join(lines) + "\n"


def _passes(choices: Sequence[Choice], found: Guess) -> str:
    blocked = blocking_passes(choices, found) if found.n_pairs > ALL_PAIRS else []
    passes: list[tuple[AnyPass, int]] = [(one.key, one.n_pairs) for one in blocked]
    if blocked:
        text = (
            "# Where candidate pairs come from: pairs that agree on all parts of at least one pass. A match\n"
            f"# that no pass finds is lost. All {found.n_pairs:,} pairs would take long, so here are\n"
            f"# keys of up to {UNITS} fields that tell most, by twos where there are more: no error in one\n"
            "# field alone loses a match. The numbers of pairs are estimated from the values.\n"
        )
    else:
        passes = [(AllPairs(), found.n_pairs)]
        text = (
            "# Where candidate pairs come from. All pairs are compared, so that no match is lost: a hundred\n"
            "# million and more a second. For much larger files use blocking keys: pairs that agree on all\n"
            '# parts of a key, as in  type = "blocking_key"  parts = ["postcode", "sex"].\n'
        )
        if found.n_pairs > ALL_PAIRS:
            text += "# Here they are many, but no keys were found that make few pairs and bear errors.\n"
    for one, n_pairs in passes:
        text += f"# {'about ' if blocked else ''}{n_pairs:,} pairs\n[[passes]]\n"
        text += "".join(f"{key} = {inline(value)}\n" for key, value in plain_value(one).items())
        text += "\n"
    return text.removesuffix("\n")


def _decision(found: Guess, choices: Sequence[Choice]) -> str:
    default = Decision()
    lines = ["[decision]"]
    upper = CERTAIN_LINK
    if len(found.sources) == 2:
        if (share := repeated([choice.field for choice in choices], found.frames)) < REPEATED:
            upper = default.upper
            lines += [
                "# A record has at most one link. Guessed: hardly any two records of a file are equal, so",
                "# it has everyone once. Say false where a file holds the same entity more than once.",
                "one_to_one = true",
            ]
        else:
            lines += [
                f"# Guessed: {share:.0%} of the records of a file are equal to others of it, so it may",
                "# hold a person more than once. Say true where each file holds everyone at most once.",
                "one_to_one = false",
            ]
    lines += [
        "# Pairs are links from the upper threshold on; between the two they are possible links, for people",
        "# to judge. The thresholds are probabilities that a pair is a match.",
    ]
    if upper == CERTAIN_LINK:
        lines += [
            "# Entities are made of records joined by links, so one false link joins two entities with all",
            "# their records, while one lost link of many does little: a link must be nearly certain.",
        ]
    return "\n".join([*lines, f"upper = {upper}", f"lower = {default.lower}"]) + "\n"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "under 1%"


def _comment(name: str) -> str:
    """A name that may stand in a comment: on one line, without control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in name)
