"""Errors: one sentence that says what is wrong, where, and what to do.

`TallystickError` is the base of all of them. The command line shows the sentence alone and
exits with 2 for `InputError` (something the user gave is wrong) and 1 for any other.
"""

from __future__ import annotations


class TallystickError(Exception):
    """Base of every error that tallystick raises on purpose."""


class InputError(TallystickError):
    """Something that the user gave (a file, a specification, a value) cannot be used."""


class TooManyPairs(InputError):
    """The passes make more pairs than were confirmed; to confirm them takes a run up again."""


class NothingDecided(InputError):
    """There is no store of decisions yet where one is looked for."""


class SpecError(InputError):
    """A specification is not valid: the message names file, key path, found and expected."""


class RunError(TallystickError):
    """A run could not go on although its input was good (disk full, memory limit)."""


class TallystickWarning(UserWarning):
    """Something the user should know that does not stop the run."""
