"""A first specification for given sources: guesses (`guess`) and the commented text (`text`)."""

from tallystick.starter.text import starter_toml

__all__ = ["starter_toml"]
