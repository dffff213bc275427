"""What the README claims in numbers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import keras
import pytest

import patchspec
from patchspec.language.source import read_text
from patchspec.weights.rules import rules

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def patch() -> str:
    [text] = re.findall(r"```yaml\n(patchspec: 1\n.*?)```", README, re.DOTALL)
    return str(text)


def test_what_the_readme_expects_of_its_patch_holds_on_a_real_model(patch: str) -> None:
    [told] = re.findall(r"`expect` says what must hold(.*?)\n\n", README, re.DOTALL)
    said = re.findall(r"`((?:outputs|parameters|weights|same): .*?)`", told)
    assert len(said) == 4
    expect = {key: value for one in said for key, value in read_text(one).data.items()}
    model = keras.applications.EfficientNetB0(weights=None)
    variant = patchspec.apply(model, f"{patch}expect: {json.dumps(expect)}\n")
    assert [check.holds for check in variant.checks] == [True] * 4
    assert len(variant.model.trainable_variables) == 2


def test_the_readme_names_every_rule() -> None:
    [told] = re.findall(r"The rules are (.*?);", README, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", told)) == set(rules())
