"""For every model, patch and archive: what is rewritten is what is built and saved."""

from __future__ import annotations

import copy
from typing import Any

import keras
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import patchspec
from patchspec.problems import PatchError
from patchspec.rewriting.obstacles import obstacle
from tests.conftest import patch_of
from tests.planning.test_properties import cases
from tests.rewriting.test_rewriting import rezipped, stored_otherwise, written
from tests.zoo import randomised

STORAGE = (None, {}, {"chunks": True}, {"compression": "gzip"}, {"dtype": ">f4"})


@given(case=cases(), how=st.sampled_from(STORAGE), named=st.booleans())
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_file_is_rewritten_as_its_model_is_built_and_saved(
    case: Any, how: Any, named: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    document, steps = case
    folder = tmp_path_factory.mktemp("case")
    try:
        keras.backend.clear_session()
        model = keras.saving.deserialize_keras_object(copy.deepcopy(document))
    except ValueError as error:
        assert "disconnected" in str(error)
        return
    base = folder / "base.keras"
    randomised(model).save(base)
    if how is not None:
        base = rezipped(
            base,
            folder / "other.keras",
            model=lambda content: stored_otherwise(content, folder, how, named=named),
        )
    try:
        plan = patchspec.resolve(patch_of(steps), base)
    except PatchError as error:
        assert all(problem.span is not None for problem in error.problems)
        return
    if obstacle(plan) is None:
        one, other = written(plan, folder)
        assert one == other
