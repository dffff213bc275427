"""Over random graphs: every tensor is what a plain model that ends in it gives, to the last bit."""

from __future__ import annotations

import random
from typing import Any

import keras
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers

import patchspec
from patchspec.probing.calls import function_of
from patchspec.probing.naming import find_tensors
from tests.probing.feeding import computed, feed, standing

ACTIVATIONS = ["relu", "tanh", "gelu", None]


def random_model(seed: int) -> Any:
    """A graph of dense layers, shared ones, nested models and merges over vectors of four."""
    draw = random.Random(seed)
    keras.utils.set_random_seed(seed)

    def nested(depth: int, name: str) -> Any:
        x = keras.Input((4,), name=f"{name}_x")
        if draw.random() < 0.5:
            return keras.Sequential([x, *(dense(f"{name}_{i}") for i in range(2))], name=name)
        return keras.Model(x, grown([x], draw.randint(1, 3), depth - 1, name)[-1], name=name)

    def dense(name: str) -> Any:
        return layers.Dense(4, activation=draw.choice(ACTIVATIONS), name=name)

    def grown(tensors: list[Any], count: int, depth: int, prefix: str) -> list[Any]:
        found, made = list(tensors), []
        for i in range(count):
            name, x = f"{prefix}_l{i}", draw.choice(found)
            kind = draw.random()
            if kind < 0.2 and depth:
                made.append(nested(depth, name))
            elif kind < 0.4:
                found.append(layers.Add(name=name)([x, draw.choice(found)]))
                continue
            elif kind < 0.5:
                found.append(keras.ops.tanh(x))
                continue
            elif kind > 0.8 and made:
                made.append(draw.choice(made))
            else:
                made.append(dense(name))
            found.append(made[-1](x))
        return found

    inputs = [keras.Input((4,), name=f"in{i}") for i in range(draw.randint(1, 2))]
    found = grown(inputs, draw.randint(2, 8), 2, "m")
    found.append(dense("end")(found[-1]))
    ends = [found[-1], *(x for x in found[len(inputs) :] if draw.random() < 0.3)]
    form = {x.name: x for x in inputs} if draw.random() < 0.5 else inputs
    return keras.Model(form, ends if len(ends) > 1 else ends[0])


def check(seed: int) -> None:
    model = random_model(seed)
    function = function_of(model)
    data = feed(model, 5, seed)
    before = standing(model)
    got = patchspec.probe(model, ["**", "**:in"], data, batch_size=3)
    every = patchspec.probe(model, (), data, batch_size=3)
    top = [t for t in find_tensors((), model, function) if len(t.call.steps) == 1]
    # What is fetched decides what a backend fuses, and so the last bit: the same is compared.
    for tensor in random.Random(seed).sample(top, min(3, len(top))):
        [value] = computed(model, [tensor.symbol], data, 3)
        one = patchspec.probe(model, tensor.key, data, batch_size=3)
        assert list(one) == [tensor.key]
        assert one[tensor.key].tobytes() == value.tobytes(), tensor.key
    theirs = computed(model, [tensor.symbol for tensor in top], data, 3)
    for tensor, value in zip(top, theirs, strict=True):
        assert every[tensor.key] == near(value), tensor.key
    for tensor in find_tensors(["**:in"], model, function):
        [maker] = [
            other
            for other in find_tensors((), model, function)
            if other.symbol is tensor.symbol and other.call.steps[:-1] == tensor.call.steps[:-1]
        ]
        assert got[tensor.key] == near(every[maker.key]), tensor.key
    for call in {t.call for t in find_tensors(["**"], model, function)}:
        if call.inner is not None:
            alone = patchspec.probe(call.layer, (), got[f"{call}:in"], batch_size=3)
            for key, value in alone.items():
                assert every[f"{call}/{key}"] == near(value), key
    assert standing(model) == before


def near(value: Any) -> Any:
    """Equal but for what fusing operations does to the last bits."""
    return pytest.approx(value, rel=1e-5, abs=1e-5)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000))
def test_every_tensor_of_a_random_graph_is_what_a_plain_model_gives(seed: int) -> None:
    check(seed)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1_000_000))
def test_every_tensor_of_many_random_graphs_is_what_a_plain_model_gives(seed: int) -> None:
    check(seed)
