"""The table of codes: what each kind of problem means, at length; one module for each hundred.

A code is never used for two things and never used again once it is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from patchspec.codes.code import Code
from patchspec.codes.environment import ENVIRONMENT
from patchspec.codes.expectations import EXPECTATIONS
from patchspec.codes.graph import GRAPH
from patchspec.codes.lint import LINT
from patchspec.codes.names import NAMES
from patchspec.codes.safety import SAFETY
from patchspec.codes.schema import SCHEMA
from patchspec.codes.text import TEXT
from patchspec.codes.weights import WEIGHTS

CODES: Mapping[str, Code] = MappingProxyType(
    {
        **TEXT,
        **SCHEMA,
        **NAMES,
        **GRAPH,
        **WEIGHTS,
        **EXPECTATIONS,
        **SAFETY,
        **LINT,
        **ENVIRONMENT,
    }
)
