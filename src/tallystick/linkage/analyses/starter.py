"""A commented specification of an analysis to begin with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tallystick.errors import InputError
from tallystick.linkage.analyses.linked_pairs import linked_pairs
from tallystick.linkage.run_folder import read_facts, spec_of_run
from tallystick.preparation.read import open_source
from tallystick.spec.toml import inline, key_text


def starter_analysis(run: str | Path, folder: str | Path = ".") -> str:
    """The text of a specification of an analysis, with the columns that the run's sources have.

    Parameters
    ----------
    run : path
        Directory of a run.
    folder : path
        Where the file will be, which the path of the run is relative to.

    Returns
    -------
    str
        TOML; the formula names columns of the sources and has to be changed.

    Raises
    ------
    InputError
        Where the run cannot be analysed.
    """
    pairs = linked_pairs(run)
    facts = read_facts(Path(run))
    fields = set(spec_of_run(Path(run), facts).fields_named)
    columns = {}
    for source in pairs.sources:
        read = {source.column(name) for name in fields} | fields | {source.id} | set(source.truth)
        names = open_source(source).columns
        columns[source.name] = [name for name in names if name not in read and name not in source.truth]
    outcome, covariate = _guess(columns)
    lines = [
        "# What is estimated from the links of a run, and how it is known which of them are wrong.",
        f"run = {inline(Path(os.path.relpath(run, folder)).as_posix())}",
        '# name = "Title of the page"',
        "",
        "# Columns that the linkage itself does not read:",
        *(f"#   {name}: {', '.join(found) or 'none'}" for name, found in columns.items()),
        "",
        "[regression]",
        "# The outcome is of one source, the covariates are of the other one: change this line.",
        f"formula = {inline(f'{outcome} ~ {covariate}')}",
        '# family = "logistic"    # of an outcome of 0 and 1; "poisson" of counts; "linear" otherwise',
        '# method = "ratio"       # else what is recommended for how the errors are known',
        '# variance = "block"     # "centred", "published", "jackknife"',
        "",
        "# Instead of [regression] a table of one variable of either source:",
        "# [table]",
        f"# rows = {inline(outcome)}",
        f"# columns = {inline(covariate)}",
        "",
        "[errors]",
        *_errors(pairs.by_keys, (Path(run) / "audit.json").is_file()),
        '# block = "COLUMN"       # wrong links stay within its values',
        "",
        "# Variables are found by name. Where both sources have such a column, or it is called otherwise:",
        "# [variables]",
        f"# income = {{ source = {inline(next(iter(columns)))}, column = {inline('INC')}, "
        f"type = {inline('number')} }}",
        "",
    ]
    return "\n".join(lines)


def _guess(columns: dict[str, list[str]]) -> tuple[str, str]:
    """A column of one source and one of another that only it has."""
    own = {
        name: [one for one in found if sum(one in other for other in columns.values()) == 1]
        for name, found in columns.items()
    }
    names: Sequence[str] = list(own)
    first, second = own[names[0]], own[names[-1]]
    if not first and not second:
        raise InputError(
            "The sources have no columns but those that the linkage reads: an analysis needs an outcome in "
            "one and a covariate in the other."
        )
    shown = [key_text(found[0]) if found else "COLUMN" for found in (second, first)]
    return shown[0], shown[1]


def _errors(by_keys: bool, audited: bool) -> list[str]:
    known = ["q = 0.95                 # the share of the links that are right: state it"]
    if by_keys:
        return ['from = "known"            # links by match keys have no posteriors', *known]
    if audited:
        return [
            'from = "audit"            # what people found in the judged sample; "posterior", "known"',
            '# by = "band"             # of posteriors; "block", "all"',
        ]
    return [
        'from = "posterior"        # those of the run; "audit" once a sample is judged; "known" with q',
    ]
