"""The base of every part of a specification: frozen, strict about names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tallystick._problems import KeyPath, sentences, written_path
from tallystick._translation import problems_of
from tallystick.errors import SpecError

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)

_translated_outside: ContextVar[bool] = ContextVar("_translated_outside", default=False)


@contextmanager
def translated_outside() -> Iterator[None]:
    """Within it, models raise pydantic's own errors, which whoever stands outside translates.

    Pydantic joins an error that a part raises within the validation of the whole to the whole's,
    with the path completed; a `SpecError` would hide the other problems.
    """
    token = _translated_outside.set(True)
    try:
        yield
    finally:
        _translated_outside.reset(token)


def one_or_more(value: Any) -> Any:
    """A text as the list of it alone, for settings of which one or several may be given."""
    return (value,) if isinstance(value, str) else value


class _Translating(ModelMetaclass):
    """Construction from Python fails with a `SpecError`; pydantic's nested validation does not come here."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if _translated_outside.get():
            return super().__call__(*args, **kwargs)
        try:
            with translated_outside():
                return super().__call__(*args, **kwargs)
        except ValidationError as error:
            builder = cls.python_name()  # type: ignore[attr-defined]

            def where(path: KeyPath) -> str:
                return f"{builder}, {written_path(path)}" if path else builder

            message = sentences(problems_of(error, cls), where)  # type: ignore[arg-type]
        raise SpecError(message)


class Settings(BaseModel, metaclass=_Translating):
    """A frozen pydantic model that refuses unknown keys.

    Built in Python with wrong values it raises `tallystick.errors.SpecError`, one sentence a problem.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    shorthands: ClassVar[tuple[str, ...]] = ()
    """Keys that stand for others (``field`` for ``left`` and ``right``), which a validator resolves."""

    hints: ClassVar[dict[str, str]] = {}
    """Of keys that are needed, what is expected where there is nothing, with an example."""

    @classmethod
    def python_name(cls) -> str:
        """What Python users call to make one: the value of ``type``, or the class's name in lower case."""
        kind = cls.model_fields.get("type")
        if kind is not None and isinstance(kind.default, str):
            return kind.default
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()
