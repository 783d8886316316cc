"""What error models have in common whose register is the linked rows themselves, in blocks."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from tallystick.analysis.error_models.blocks import Blocks
from tallystick.analysis.error_models.error_model import ErrorModel, Floats, Ints


class CompleteLinkage(ErrorModel):
    """Rows in blocks, each about a record of its own; values are known of no other record.

    Attributes
    ----------
    blocks : Blocks
        Of the rows.
    """

    blocks: Blocks

    @property
    def n_links(self) -> int:
        """Number of rows of the linked file."""
        return len(self.blocks.codes)

    @property
    def n_register(self) -> int:
        """The rows of the linked file themselves."""
        return self.n_links

    @property
    def register_index(self) -> NDArray[Any] | None:  # type: ignore[override]
        """That of the rows."""
        return self.index

    @property
    def groups(self) -> Ints:  # type: ignore[override]
        """Block of each row."""
        return self.blocks.codes

    def as_linked(self, values: Floats) -> Floats:
        """The values themselves: a row is about its own record."""
        return values
