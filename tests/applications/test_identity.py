"""The empty patch is the identity, on real architectures."""

from __future__ import annotations

import json

import numpy as np
import pytest

import patchspec
from patchspec.models.base import state_digest
from tests.zoo import ARCHITECTURES, image, values, zoo

EMPTY = "patchspec: 1\noperations: []\n"


def test_the_zoo_yields_distinct_architectures() -> None:
    """T75: a lambda that binds late would give every test the last model."""
    assert len(ARCHITECTURES) == 13
    assert all(name in make.__code__.co_names for name, make in ARCHITECTURES.items())
    assert len({zoo(name).count_params() for name in ("VGG16", "ResNet50", "MobileNetV2")}) == 3


QUICK = ("ResNet50", "MobileNetV2", "EfficientNetB0")


@pytest.mark.parametrize(
    "name",
    [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in ARCHITECTURES],
)
def test_the_empty_patch_is_the_identity(name: str) -> None:
    """T32: EfficientNet's Normalization included, with a mean and a variance of its own."""
    model = zoo(name)
    before = values(model)
    variant = patchspec.apply(model, EMPTY)

    assert json.loads(variant.model.to_json()) == json.loads(model.to_json())
    mine = {v.path: v for v in patchspec.open_base(variant.model).variables.values()}
    theirs = patchspec.open_base(model).variables
    assert mine.keys() == theirs.keys()
    assert all(np.array_equal(mine[path].read(), theirs[path].read()) for path in theirs)
    assert state_digest(mine.values()) == state_digest(theirs.values())
    x = image(model)
    assert np.array_equal(variant.model(x, training=False), model(x, training=False))
    after = values(model)
    assert all(np.array_equal(after[path], before[path]) for path in before)
    assert variant.plan.is_identity
    assert variant.report["kept"]["variables"] == len(theirs)
