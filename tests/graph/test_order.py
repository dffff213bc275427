"""The order of layers is Keras's own, from the config alone."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from patchspec.graph.graph import Graph
from patchspec.graph.order import CycleError
from patchspec.graph.selectors import select
from tests import configs

SAMPLES = Path(__file__).parents[1] / "samples"
FUNCTIONAL = [
    path
    for path in sorted(SAMPLES.glob("*.keras"))
    if "input_layers" in json.loads(zipfile.ZipFile(path).read("config.json"))["config"]
    and not path.name.startswith("tfk_")
]


@pytest.mark.parametrize("path", FUNCTIONAL, ids=lambda path: path.stem)
def test_the_order_of_a_saved_model_is_the_order_it_was_saved_in(path: Path) -> None:
    config = json.loads(zipfile.ZipFile(path).read("config.json"))["config"]
    names = [entry["name"] for entry in config["layers"]]
    assert list(Graph(config).order.layers) == names
    shuffled = {**config, "layers": list(reversed(config["layers"]))}
    assert list(Graph(shuffled).order.layers) == names


def test_two_hundred_stacked_diamonds_are_walked_through_once() -> None:
    """T22: a walk along every way through them would take 2 to the 200 steps, and never end."""
    layers: list[Any] = [configs.entrance()]
    last = "x"
    for i in range(200):
        layers += [configs.dense(f"l{i}", last), configs.dense(f"r{i}", last)]
        layers.append(configs.add(f"s{i}", f"l{i}", f"r{i}"))
        last = f"s{i}"
    graph = Graph.of(configs.model(layers, [last, 0, 0]))
    assert len(graph.order.layers) == 601
    assert graph.loop() == ()
    assert len(select({"after": "l0", "before": last}, graph)) == 597


def test_a_loop_is_named_layer_by_layer() -> None:
    """T7: Keras would say "loops or disconnected nodes"."""
    document = configs.chain("a", "b")
    document["config"]["layers"][1]["inbound_nodes"] = [configs.node(configs.tensor("b"))]
    graph = Graph.of(document)
    assert set(graph.loop()) == {"a", "b"}
    with pytest.raises(CycleError):
        _ = graph.order
