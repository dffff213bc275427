"""A config written in full is the config that Keras writes."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import keras
import pytest

from patchspec.layers.table import FILE, _table, layer_class
from patchspec.layers.write import common_config, full_config, layer_entry_head

_spec = importlib.util.spec_from_file_location(
    "layer_table", Path(__file__).parents[2] / "tools" / "layer_table.py"
)
assert _spec is not None
assert _spec.loader is not None
TOOL = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(TOOL)

CLASSES = sorted(_table()["layers"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_table_is_fresh() -> None:
    made, unproved = TOOL.table()
    assert FILE.read_text(encoding="utf-8") == TOOL.printed(made)
    assert unproved == ["IntegerLookup.salt"]


def said_by_keras(layer: Any) -> dict[str, Any]:
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)["config"]))
    return {k: v for k, v in config.items() if k not in ("name", "trainable", "dtype")}


def plain(value: Any) -> Any:
    """A minimal argument as an author would write it."""
    if isinstance(value, keras.Layer):
        config = said_by_keras(value)
        return {"class": type(value).__name__, "config": {**config, "name": value.name}}
    return [plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CLASSES)
def test_a_new_layer_is_written_as_keras_writes_it(name: str) -> None:
    cls = getattr(keras.layers, name)
    minimal = TOOL.minimal(cls)
    theirs = said_by_keras(cls(**minimal))
    config = {key: plain(value) for key, value in minimal.items()}
    known = layer_class(name)
    assert known is not None
    mine = full_config(name, config, seed_of=lambda key: theirs.get(key, 0), data_format=None)
    left = {key for key, said in known.depends.items() if not said.copies} - set(mine)
    loose = {*minimal, *left, *(k for k in mine if k.endswith("initializer"))}
    assert {k: v for k, v in mine.items() if k not in loose} == {
        k: v for k, v in theirs.items() if k not in loose
    }
    mine = full_config(name, config, seed_of=None, data_format=None)
    mine |= {key: theirs[key] for key in known.drawn}
    module, class_name, registered = layer_entry_head(name)
    entry = {
        "module": module,
        "class_name": class_name,
        "registered_name": registered,
        "config": {"name": "new", **common_config(name, True, known.dtype or "float32"), **mine},
    }
    made = keras.saving.deserialize_keras_object(entry)
    assert said_by_keras(made) == theirs


def test_objects_are_written_with_their_defaults_and_derived_seeds() -> None:
    config = full_config(
        "Dense",
        {"units": 2, "kernel_initializer": "he_normal", "kernel_regularizer": {"class": "L2"}},
        seed_of=len,
        data_format=None,
    )
    assert config["kernel_initializer"] == {
        "module": "keras.initializers",
        "class_name": "HeNormal",
        "config": {"seed": 18, "input_axes": None, "output_axes": None},
        "registered_name": None,
    }
    assert config["kernel_regularizer"]["config"] == {"l2": 0.01}
    assert config["bias_initializer"]["class_name"] == "Zeros"


def test_a_lone_size_is_spread_over_the_axes() -> None:
    config = full_config(
        "Conv2D", {"filters": 2, "kernel_size": 3}, seed_of=None, data_format="channels_first"
    )
    assert config["kernel_size"] == [3, 3]
    assert config["data_format"] == "channels_first"


def test_arguments_that_get_config_forgets_are_in_the_table() -> None:
    lstm = layer_class("LSTM")
    assert lstm is not None
    assert "use_cudnn" in lstm.dropped


def variations(name: str) -> list[dict[str, Any]]:
    """Arguments with which the class is made: the minimal ones, and each other one in turn."""
    cls, known = getattr(keras.layers, name), layer_class(name)
    assert known is not None
    found = [TOOL.minimal(cls)]
    for parameter in known.parameters:
        default = found[0].get(parameter, known.defaults.get(parameter))
        for sample in TOOL.candidates(parameter, default):
            given = {**TOOL.minimal(cls), parameter: TOOL.value_of(sample)}
            try:
                said_by_keras(cls(**given))
            except Exception:  # noqa: BLE001 (not every sample fits every class)
                continue
            found.append(given)
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CLASSES)
def test_keras_makes_of_what_is_written_what_it_makes_of_the_arguments(name: str) -> None:
    """Defaults that hang on other arguments included: the strides of a pooling are its size."""
    cls = getattr(keras.layers, name)
    known = layer_class(name)
    assert known is not None
    for given in variations(name):
        config = {key: plain(value) for key, value in given.items()}
        written = full_config(name, config, seed_of=lambda _: 1, data_format=None)
        entry = {
            "module": "keras.layers",
            "class_name": name,
            "config": {"name": "n", **written},
            "registered_name": None,
        }
        mine = said_by_keras(keras.saving.deserialize_keras_object(entry))
        theirs = said_by_keras(cls(**given))
        seeds = {key for key in mine if key.endswith("initializer") or key in known.drawn}
        inner = {key for key, value in given.items() if isinstance(value, (keras.Layer, list))}
        loose = {*seeds, *inner, "backward_layer"}
        assert {k: v for k, v in mine.items() if k not in loose} == {
            k: v for k, v in theirs.items() if k not in loose
        }, given
