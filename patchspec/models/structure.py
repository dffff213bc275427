"""A model's structure as a file gave it, before weights from elsewhere are put into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from patchspec.models.base import Base
from patchspec.models.dialects.notes import Upgraded


@dataclass(frozen=True, slots=True)
class Structure:
    """A base, and what its file says of how weights for it are to be read."""

    base: Base
    upgraded: Upgraded
    written: Any = None
    """The config as an old file has it; none for a current one."""
