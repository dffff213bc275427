"""PS8xx: lint."""

from __future__ import annotations

from collections.abc import Mapping

from patchspec.codes.code import Code

LINT: Mapping[str, Code] = {}
