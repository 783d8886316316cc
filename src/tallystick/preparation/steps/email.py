"""E-mail addresses."""

from __future__ import annotations

from typing import Literal

import polars as pl
from pydantic import StrictBool

from tallystick.preparation.steps.checked import settle
from tallystick.preparation.steps.step import Change, Context, TextStep, differs, mask

# RFC 5321, section 4.1.2: Dot-string "@" Domain, without quoted strings and address literals, which
# persons do not use; section 4.5.3.1: at most 64 characters before the sign, 254 in all. A last label of
# digits alone is an IP address.
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_FORM = rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])$"
_MOST_BEFORE, _MOST = 64, 254

PROVIDER = "dots and tag that the provider ignores removed"
WRONG = "the form is wrong"


class Email(TextStep):
    """Write e-mail addresses in small letters; set those of a wrong form missing.

    Spaces around an address are no part of it. Whether the address exists is not asked. Only addresses in
    ASCII letters are known.

    Attributes
    ----------
    provider_rules : bool
        Make addresses equal that one provider delivers to one box: of Gmail (``gmail.com``,
        ``googlemail.com``) dots before the sign and everything from a plus on are removed.
    wrong : {"missing", "keep"}
        What becomes of a wrong one.

    Examples
    --------
    >>> texts = pl.Series([" O'Brien+Register@Example.ORG ", "john..smith@example.com"])
    >>> Email().change(texts, Context())[0].to_list()
    ["o'brien+register@example.org", None]
    """

    type: Literal["email"] = "email"
    provider_rules: StrictBool = False
    wrong: Literal["missing", "keep"] = "missing"

    def change(self, texts: pl.Series, context: Context) -> Change:
        """Write addresses in one form (see `TextStep.change`)."""
        small = texts.str.strip_chars().str.to_lowercase()
        right = (
            small.str.contains(_FORM)
            & (small.str.len_chars() <= _MOST)
            & (small.str.extract("^([^@]*)@", 1).str.len_chars() <= _MOST_BEFORE)
        ).fill_null(False)
        written = small.set(~right, None)
        rules = {}
        if self.provider_rules:
            box = written.str.extract(r"^([^+@]+)[^@]*@(?:gmail|googlemail)\.com$", 1).str.replace_all(
                ".", "", literal=True
            )
            delivered = (box + "@gmail.com").fill_null(written)
            rules[PROVIDER] = differs(written, delivered)
            written = delivered
        return settle(
            texts,
            written,
            {WRONG: mask(~right & texts.is_not_null())},
            keep=self.wrong == "keep",
            rules=rules,
        )
