"""What the entries of a config are, in any dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_model(entry: Mapping[str, Any]) -> bool:
    """Whether an entry is a model whose layers its config lists."""
    config = entry.get("config")
    return isinstance(config, list) or (isinstance(config, Mapping) and "layers" in config)
