"""What Keras says of its layer classes, in a sentence; `tools/layer_texts.py` collected it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("texts.json")


@cache
def _texts() -> Mapping[str, Any]:
    texts: Mapping[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return texts


def class_text(name: str) -> str:
    """What a class of the table is for; empty where its docstring does not say."""
    return str(_texts()[name]["summary"])


def parameter_text(name: str, parameter: str) -> str:
    """What a constructor argument is for; empty where no docstring says."""
    return str(_texts()[name]["parameters"].get(parameter, ""))
