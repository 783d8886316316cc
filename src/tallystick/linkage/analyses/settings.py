"""The specification of an analysis of linked data: which run, what is estimated, how links go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, StrictBool, ValidationError, field_validator, model_validator

from tallystick._problems import Problem, report
from tallystick._schema import Settings, translated_outside
from tallystick._translation import problems_of
from tallystick.errors import SpecError
from tallystick.spec.toml_text import read_toml_text, refuse, toml_data

Family = Literal["linear", "logistic", "poisson"]
Method = Literal["auto", "naive", "scheuren-winkler", "lahiri-larsen", "ratio", "eblue", "inverse"]
VarianceOf = Literal["auto", "block", "centred", "published", "jackknife"]
Origin = Literal["posterior", "audit", "known", "bootstrap"]
By = Literal["band", "block", "all"]


class Variable(Settings):
    """Where a variable of an analysis is read.

    Attributes
    ----------
    source : str
        Name of a source of the run.
    column : str, optional
        Its column or field; by default as the variable is called.
    type : {"number", "category"}, optional
        By default numbers where every value is one, else categories.
    """

    source: str = Field(min_length=1)
    column: str | None = Field(default=None, min_length=1)
    type: Literal["number", "category"] | None = None


class RegressionSettings(Settings):
    """A regression.

    Attributes
    ----------
    formula : str
        The outcome, ``~`` and the covariates, as of R: ``income ~ age + C(region)``.
    family : {"linear", "logistic", "poisson"}
        Distribution of the outcome.
    method : str
        How it is corrected; ``auto`` is what the analysis recommends for how q is known.
    variance : str
        ``auto`` is by block where there are ten or more, else centred.
    weights : str, optional
        A variable with a weight of each link, such as that of a survey.
    """

    formula: str = Field(min_length=3)
    family: Family = "linear"
    method: Method = "auto"
    variance: VarianceOf = "auto"
    weights: str | None = None

    @field_validator("formula")
    @classmethod
    def _two_sides(cls, value: str) -> str:
        if value.count("~") != 1 or not all(part.strip() for part in value.split("~")):
            raise ValueError('a formula has an outcome, "~" and covariates, such as "income ~ age + sex"')
        return value


class TableSettings(Settings):
    """A table of two variables, one of either source.

    Attributes
    ----------
    rows, columns : str
        Variables.
    """

    rows: str = Field(min_length=1)
    columns: str = Field(min_length=1)

    @model_validator(mode="after")
    def _two(self) -> TableSettings:
        if self.rows == self.columns:
            raise ValueError("rows and columns are the same variable: a table is of two")
        return self


class ErrorSettings(Settings):
    """How it is known which links are wrong.

    Attributes
    ----------
    origin : {"posterior", "audit", "known", "bootstrap"}
        In TOML ``from``: the posteriors of the run, its judged sample, a stated q, or the linkage drawn again
        from its own m and u.
    q : float or mapping of str to float, optional
        Where it is known: the share of the links that are right, of all or by block.
    block : str, optional
        A variable, or a field or column of both sources: wrong links stay within its values.
    by : {"band", "block", "all"}, optional
        Of an audit: whether q is that of each band of posteriors, of each block, or of all links.
    replications : int
        Of a bootstrap.
    seed : int
        The same.
    """

    model_config = ConfigDict(populate_by_name=True)

    origin: Origin = Field(default="posterior", alias="from")
    q: float | dict[str, float] | None = None
    block: str | None = Field(default=None, min_length=1)
    by: By | None = None
    replications: int = Field(default=200, ge=20)
    seed: int = Field(default=1, ge=0)

    @model_validator(mode="after")
    def _go_together(self) -> ErrorSettings:
        found = []
        if self.origin == "known" and self.q is None:
            found.append(
                Problem((), 'from = "known" needs q, the share of the links that are right: q = 0.95')
            )
        if self.origin != "known" and self.q is not None:
            found.append(
                Problem(("q",), 'a q is stated, but only from = "known" reads it: say that, or leave q out')
            )
        if isinstance(self.q, Mapping) and self.block is None:
            found.append(Problem(("q",), 'q is by block, but there is no block: add block = "COLUMN"'))
        if self.by is not None and self.origin != "audit":
            found.append(Problem(("by",), 'only from = "audit" reads by: leave it out'))
        if self.by == "block" and self.block is None:
            found.append(Problem(("by",), 'by = "block" needs the block: add block = "COLUMN"'))
        if self.origin != "bootstrap":
            for name in ("replications", "seed"):
                if name in self.model_fields_set:
                    found.append(Problem((name,), f'only from = "bootstrap" reads {name}: leave it out'))
        if found:
            report(found, type(self).__name__)
        return self


class ImputationSettings(Settings):
    """Links that are in doubt as missing values: several completed files, analysed and pooled.

    Attributes
    ----------
    of : {"matchings", "equivocal"}
        Draws of all matches together with the analysis; or of the linked values of doubtful records alone
        (Goldstein, Harron and Wade 2012).
    imputations : int
        Number of completed files.
    rule : {"density-ratio", "threshold", "standard"}
        Of equivocal links.
    unequivocal : float
        Posterior from which on a link is taken as right, of equivocal links.
    seed : int
        Of all draws.
    """

    of: Literal["matchings", "equivocal"] = "matchings"
    imputations: int = Field(default=20, ge=2)
    rule: Literal["density-ratio", "threshold", "standard"] = "density-ratio"
    unequivocal: float = Field(default=0.95, gt=0, le=1)
    seed: int = Field(default=1, ge=0)

    @model_validator(mode="after")
    def _go_together(self) -> ImputationSettings:
        if self.of == "matchings":
            given = [name for name in ("rule", "unequivocal") if name in self.model_fields_set]
            if given:
                raise ValueError(f'only of = "equivocal" reads {given[0]}: leave it out')
        return self


class MixtureSettings(Settings):
    """Right and wrong links told apart by the outcome itself, where nothing else is known of them.

    Attributes
    ----------
    safe : float, optional
        Posterior from which on links are known to be right.
    mismatch_rate : float, optional
        Share of wrong links among the others, where it is known.
    at_most : float, optional
        The largest that it can be.
    seed : int
        Of the starts.
    """

    safe: float | None = Field(default=None, gt=0, le=1)
    mismatch_rate: float | None = Field(default=None, ge=0, lt=1)
    at_most: float | None = Field(default=None, gt=0, lt=1)
    seed: int = Field(default=0, ge=0)


class Analysis(Settings):
    """An analysis of the links of a finished run: what ``tallystick analyse`` reads.

    Attributes
    ----------
    run : path
        Directory of the run; in a file relative to that.
    name : str, optional
        Title of the page.
    variables : mapping of str to Variable
        Where variables are read. One that is not here is the field or column of its name, which exactly one
        source has then.
    regression, table
        What is estimated: one of them.
    errors : ErrorSettings
        How it is known which links are wrong.
    imputation, mixture
        Instead of an error model, of a regression: one of them at most.
    register : bool, optional
        Whether records of the source with the covariates that are not linked are used as well: a wrong link
        is to any record of the block, whether or not it is linked itself. By default where there are such
        records and the error model can use them.
    diagnostics : bool
        Whether linked and unlinked records are compared, and the estimate by band and over q.

    Examples
    --------
    >>> one = Analysis(run="results", regression={"formula": "income ~ age"})
    >>> one.errors.origin, one.regression.method
    ('posterior', 'auto')
    """

    run: Path
    name: str | None = None
    variables: dict[str, Variable] = Field(default_factory=dict)
    regression: RegressionSettings | None = None
    table: TableSettings | None = None
    errors: ErrorSettings = Field(default_factory=ErrorSettings)
    imputation: ImputationSettings | None = None
    mixture: MixtureSettings | None = None
    register_: StrictBool | None = Field(default=None, alias="register")
    diagnostics: StrictBool = True

    model_config = ConfigDict(populate_by_name=True)

    @field_validator("variables", mode="before")
    @classmethod
    def _source_alone(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {name: {"source": one} if isinstance(one, str) else one for name, one in value.items()}

    @model_validator(mode="after")
    def _one_of_them(self) -> Analysis:
        if (self.regression is None) == (self.table is None):
            told = "neither" if self.regression is None else "both"
            raise ValueError(f"found {told}, expected one of [regression] and [table]")
        self._instead()
        return self

    def _instead(self) -> None:
        """What goes in the place of an error model leaves no room for one."""
        instead = [name for name in ("imputation", "mixture") if getattr(self, name) is not None]
        if not instead:
            return
        name = instead[0]
        found = []
        if len(instead) > 1:
            found.append(Problem((instead[1],), "[imputation] and [mixture] are both given: take one"))
        if self.regression is None:
            found.append(Problem((name,), f"[{name}] is of a regression, and this is a table: leave it out"))
        elif self.regression.method != "auto":
            found.append(
                Problem(
                    ("regression", "method"),
                    f"[{name}] is a method of its own: leave the method out, or the table [{name}]",
                )
            )
        if self.regression is not None:
            for key in ("variance", "weights"):
                if key in self.regression.model_fields_set:
                    found.append(Problem(("regression", key), f"[{name}] does not read it: leave it out"))
        for key in ("errors", "register_"):
            if key in self.model_fields_set:
                shown = key.rstrip("_")
                found.append(Problem((shown,), f"[{name}] takes its place: leave one of the two out"))
        if found:
            report(found, type(self).__name__)


def load_analysis(path: str | Path) -> Analysis:
    """Read the specification of an analysis from a TOML file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Analysis
        With the directory of the run as seen from the file.

    Raises
    ------
    SpecError
        If the file is absent, is no TOML, or describes no analysis; one sentence a problem, with its line.
    """
    found = parse_analysis(read_toml_text(path), str(path))
    return found.model_copy(update={"run": Path(path).parent / found.run})


def parse_analysis(text: str, name: str = "analysis") -> Analysis:
    """Read the specification of an analysis from TOML text.

    Parameters
    ----------
    text : str
    name : str
        What messages call it.

    Returns
    -------
    Analysis

    Raises
    ------
    SpecError
        As `load_analysis`.

    Examples
    --------
    >>> found = parse_analysis('''
    ... run = "results"
    ... [table]
    ... rows = "sex"
    ... columns = "insured"
    ... ''')
    >>> found.table.columns
    'insured'
    """
    data = toml_data(text, name)
    try:
        with translated_outside():
            return Analysis.model_validate(data)
    except ValidationError as error:
        refuse(text, name, problems_of(error, Analysis))
    except SpecError as error:
        raise SpecError(f"{name}: {error}") from None
