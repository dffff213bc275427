"""Seeds and keys that are derived, not drawn: functions of the seed and a path alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any


def derived_seed(seed: int, path: str, parameter: str) -> int:
    """A seed of 31 bits for one parameter of one layer, from the patch's seed."""
    return int.from_bytes(_digest(["seed", seed, path, parameter])[:4], "big") >> 1


def value_key(
    seed: int, path: str, initializer: Mapping[str, Any], shape: Sequence[int], dtype: str
) -> bytes:
    """The 32 bytes that the initial value of one variable is made from."""
    said = [initializer["class_name"], initializer.get("config", {})]
    return _digest(["value", seed, path, *said, list(shape), dtype])


def _digest(value: Any) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).digest()
