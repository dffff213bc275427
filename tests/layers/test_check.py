"""New layers are checked against the table, without Keras."""

from __future__ import annotations

from typing import Any

import pytest

from patchspec.layers.check import check_layer
from patchspec.layers.table import layer_class, layer_names


def found(class_name: str, config: dict[str, Any], **options: Any) -> list[tuple[str, Any]]:
    return [(p.code, p.at) for p in check_layer(class_name, config, **options)]


def test_two_mistakes_in_one_layer_are_both_found() -> None:
    assert found("Dense", {"units": 3, "activaton": "relu", "bias": True}) == [
        ("PS211", ("config", "activaton")),
        ("PS211", ("config", "bias")),
    ]


@pytest.mark.parametrize(
    ("class_name", "config", "code", "at"),
    [
        ("dense", {}, "PS210", ("class",)),
        ("Conv2d", {}, "PS210", ("class",)),
        ("Lambda", {}, "PS701", ("class",)),
        ("TFSMLayer", {"filepath": "x"}, "PS701", ("class",)),
        ("Dense", {}, "PS213", ("class",)),
        ("Dense", {"units": "3"}, "PS214", ("config", "units")),
        ("Dense", {"units": 2.5}, "PS214", ("config", "units")),
        ("Dense", {"units": True}, "PS214", ("config", "units")),
        ("Dense", {"units": 0}, "PS214", ("config", "units")),
        ("Dense", {"units": 3, "use_bias": "no"}, "PS214", ("config", "use_bias")),
        ("Dense", {"units": 3, "activation": "reluu"}, "PS214", ("config", "activation")),
        ("Dense", {"units": 3, "autocast": False}, "PS212", ("config", "autocast")),
        ("LSTM", {"units": 3, "use_cudnn": False}, "PS212", ("config", "use_cudnn")),
        ("Dense", {"units": 3, "name": "d"}, "PS215", ("config", "name")),
        ("Dense", {"units": 3, "trainable": False}, "PS215", ("config", "trainable")),
        ("Dropout", {"rate": 5}, "PS214", ("config", "rate")),
        ("Dropout", {"rate": "0.2"}, "PS214", ("config", "rate")),
        (
            "Conv2D",
            {"filters": 3, "kernel_size": 3, "padding": "sme"},
            "PS214",
            ("config", "padding"),
        ),
        (
            "Dense",
            {"units": 3, "kernel_initializer": "he_norml"},
            "PS210",
            ("config", "kernel_initializer"),
        ),
        (
            "Dense",
            {"units": 3, "kernel_regularizer": {"class": "L2", "config": {"l3": 1}}},
            "PS211",
            ("config", "kernel_regularizer", "config", "l3"),
        ),
        (
            "TimeDistributed",
            {"layer": {"class": "Lambda", "config": {}}},
            "PS701",
            ("config", "layer", "class"),
        ),
        (
            "Bidirectional",
            {"layer": {"class": "LSTM", "config": {"unit": 3}}},
            "PS211",
            ("config", "layer", "config", "unit"),
        ),
        ("StringLookup", {"vocabulary": "/etc/passwd"}, "PS701", ("config", "vocabulary")),
        (
            "x>Custom",
            {"deep": [{"class_name": "__lambda__"}]},
            "PS701",
            ("config", "deep", 0, "class_name"),
        ),
    ],
)
def test_each_kind_of_mistake_has_a_code_and_a_place(
    class_name: str, config: dict[str, Any], code: str, at: tuple[Any, ...]
) -> None:
    """T69: Keras would answer with forty lines of a TypeError."""
    assert (code, at) in found(class_name, config)


@pytest.mark.parametrize(
    ("class_name", "config"),
    [
        ("Dense", {"units": 3, "activation": "relu", "dtype": "float16"}),
        ("Conv2D", {"filters": 8, "kernel_size": [3, 3], "padding": "SAME", "strides": 2}),
        ("ZeroPadding2D", {"padding": 2}),
        ("Dense", {"units": 3, "kernel_initializer": {"class": "HeNormal", "config": {"seed": 1}}}),
        ("Bidirectional", {"layer": {"class": "LSTM", "config": {"units": 3}}}),
        ("StringLookup", {"vocabulary": ["a", "b"]}),
        ("my>Own", {"anything": 1}),
        ("MaxPool2D", {"pool_size": 2}),
        ("ReLU", {"max_value": 6.0}),
        ("Dense", {"units": 3, "activation": "my>activation"}),
    ],
)
def test_what_keras_takes_is_taken(class_name: str, config: dict[str, Any]) -> None:
    assert found(class_name, config) == []


def test_a_partial_config_needs_no_required_arguments() -> None:
    assert found("Dense", {"use_bias": False}, partial=True) == []


def test_a_misspelt_required_argument_is_one_problem() -> None:
    assert found("Dense", {"unit": 3}) == [("PS211", ("config", "unit"))]


def test_aliases_mean_the_class_they_are_of() -> None:
    assert "Convolution2D" in layer_names()
    alias = layer_class("Convolution2D")
    assert alias is not None
    assert alias.name == "Conv2D"
