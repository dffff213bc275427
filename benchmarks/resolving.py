"""Reading and resolving long patches of large models, beside Keras and `jsonpatch`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any

from benchmarks.building import fresh, seconds

Entry = dict[str, Any]

STEPS = 500
SIZES = (100, 300, 1_000, 3_000, 10_000, 20_000)
FEW = 20
LENGTHS = (10, 100, 500)
SIZE = 1_000
MOST_MATCHED = 3_000


def lines() -> Iterator[str]:
    """A long patch of NASNetLarge, then how the time grows with layers, steps and matches."""
    took = fresh("benchmarks.resolving", "nasnet")
    yield (
        f"NASNetLarge, {STEPS} operations: read and checked in {took['parse']:.2f} s "
        f"(target 1 s), {took['parse'] / took['yaml']:.1f} times PyYAML"
    )
    yield (
        f"resolved in {took['bare']:.2f} s without shapes, {took['full']:.2f} s with them "
        f"(target 10 s); {took['full'] / took['keras']:.1f} times `model_from_json`, "
        f"{took['bare'] / took['jsonpatch']:.1f} times `jsonpatch` with the finished operations"
    )
    yield f"without shapes, {FEW} steps of every kind:"
    yield from (_point("mixed", size, FEW) for size in SIZES)
    yield f"without shapes, {SIZE:,} layers:"
    yield from (_point("mixed", SIZE, steps) for steps in LENGTHS)
    yield "without shapes, one step that freezes every layer:"
    yield from (_point("freeze", size, 1) for size in SIZES)
    yield "without shapes, one step that inserts after a sixth of the layers, counted by match:"
    yield from (_point("insert", size, size // 6) for size in SIZES if size <= MOST_MATCHED)


def _point(what: str, layers: int, steps: int) -> str:
    took = fresh("benchmarks.resolving", what, str(layers), str(steps))["resolve"]
    return (
        f"  {layers:6,} layers, {steps:3} steps: {took:6.2f} s, {took / layers * 1e6:6.0f} µs for "
        f"a layer, {took / layers / steps * 1e6:6.1f} µs for a layer and step"
    )


def mixed_steps(layers: list[Entry], count: int) -> list[Entry]:
    """So many operations of every kind in turn, spread over the layers; no two on one layer."""
    named: dict[str, list[Entry]] = {}
    for entry in layers:
        named.setdefault(entry["class_name"], []).append(entry)
    adds = [x for x in named["Add"] if len(x["inbound_nodes"][0]["args"][0]) == 2]
    rounds = -(-count // 10)
    sets, jsons = _spread(named["BatchNormalization"], 2, rounds)
    inserts, removes, replaces = _spread(named["Activation"], 3, rounds)
    renames, freezes = _spread(named["SeparableConv2D"], 2, rounds)
    rewires, exposes = _spread(adds, 2, rounds)
    kinds: list[Iterator[Entry]] = [
        ({"op": "set", "layers": x["name"], "config": {"epsilon": 0.002}} for x in sets),
        ({"op": "insert", "after": x["name"], "new": _dropout(x)} for x in inserts),
        ({"op": "rename", "layers": x["name"], "name": f"{x['name']}_r"} for x in renames),
        ({"op": "freeze", "layers": f"{x['name']}*"} for x in freezes),
        ({"op": "remove", "layers": x["name"]} for x in removes),
        ({"op": "replace", "layers": x["name"], "new": {"class": "ReLU"}} for x in replaces),
        ({"op": "rewire", "layers": x["name"], "inputs": _swapped(x)} for x in rewires),
        ({"op": "expose-output", "outputs": x["name"]} for x in exposes),
        ({"op": "json", "layers": x["name"], "patch": [_momentum()]} for x in jsons),
        (_by_conditions(x["name"]) for x in rewires),
    ]
    return [next(kind) for kind in islice(cycle(kinds), count)]


def _spread(entries: list[Entry], kinds: int, count: int) -> Iterator[list[Entry]]:
    """For each kind of step its own entries, from the whole length of the model."""
    stride = max(len(entries) // (kinds * count), 1)
    return (entries[kind * stride :: kinds * stride] for kind in range(kinds))


def _dropout(after: Entry) -> Entry:
    return {"class": "Dropout", "name": f"{after['name']}_drop", "config": {"rate": 0.1}}


def _swapped(add: Entry) -> list[str]:
    first, second = (t["config"]["keras_history"][0] for t in add["inbound_nodes"][0]["args"][0])
    return [second, first]


def _momentum() -> Entry:
    return {"op": "replace", "path": "/momentum", "value": 0.9}


def _by_conditions(add: str) -> Entry:
    norm = {"class": "BatchNormalization", "where": {"center": True}, "before": add, "last": 1}
    return {"op": "set", "layers": norm, "config": {"epsilon": 0.003}}


_NORM: Entry = {"momentum": 0.99, "epsilon": 0.001, "center": True}


def chain_of_branches(size: int) -> Entry:
    """A functional config of so many layers: blocks of an activation, two branches and their sum.

    Written by hand: Keras would need minutes to make the longest.
    """
    layers = [_entry("InputLayer", "x", [], batch_shape=[None, 8, 8, 4], dtype="float32")]
    while len(layers) < size:
        number, last = len(layers), layers[-1]["name"]
        layers.append(_entry("Activation", f"act_{number}", [last], activation="relu"))
        for branch in ("left", "right"):
            conv, norm = f"{branch}_{number}", f"norm_{branch}_{number}"
            layers.append(_entry("SeparableConv2D", conv, [layers[number]["name"]], filters=4))
            layers.append(_entry("BatchNormalization", norm, [conv], **_NORM))
        sources = [f"norm_{branch}_{number}" for branch in ("left", "right")]
        layers.append(_entry("Add", f"sum_{number}", [sources]))
    config = {
        "name": "blocks",
        "trainable": True,
        "layers": layers,
        "input_layers": ["x", 0, 0],
        "output_layers": [layers[-1]["name"], 0, 0],
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": config,
        "registered_name": "Functional",
        "build_config": {"input_shape": None},
        "compile_config": {},
    }


def _entry(class_name: str, name: str, reads: list[Any], **config: Any) -> Entry:
    return {
        "module": "keras.layers",
        "class_name": class_name,
        "config": {"name": name, "trainable": True, **config},
        "registered_name": None,
        "name": name,
        "inbound_nodes": [{"args": _tensors(reads), "kwargs": {}}] if reads else [],
    }


def _tensors(said: Any) -> Any:
    if isinstance(said, list):
        return [_tensors(item) for item in said]
    config = {"shape": [None, 8, 8, 4], "dtype": "float32", "keras_history": [said, 0, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


def _text(steps: list[Entry]) -> str:
    """The patch as an author lays it out: an operation a line."""
    listed = "".join(f"  - {json.dumps(step)}\n" for step in steps)
    return f"patchspec: 1\noperations:\n{listed}"


def _nasnet() -> dict[str, float]:
    import jsonpatch
    import keras
    import yaml

    import patchspec
    from patchspec.models.base import Base

    model = keras.applications.NASNetLarge(weights=None)
    written = model.to_json()
    document = json.loads(written)
    text = _text(mixed_steps(document["config"]["layers"], STEPS))
    patch, base = patchspec.parse(text), patchspec.open_base(model)
    finished = patchspec.resolve(patch, base).json_patch
    ways: dict[str, Callable[[], Any]] = {
        "parse": lambda: patchspec.parse(text),
        "yaml": lambda: list(yaml.parse(text, Loader=yaml.CSafeLoader)),
        "bare": lambda: patchspec.resolve(patch, Base(base.document), shapes=False),
        "full": lambda: patchspec.resolve(patch, base),
        "jsonpatch": lambda: jsonpatch.apply_patch(base.document, finished),
        "keras": lambda: keras.models.model_from_json(written),
    }
    return seconds(ways)


def _resolved(document: Entry, steps: list[Entry]) -> dict[str, float]:
    import patchspec
    from patchspec.models.base import Base

    patch = patchspec.parse(_text(steps))
    base = Base(document)
    start = time.perf_counter()
    patchspec.resolve(patch, base, shapes=False)
    return {"resolve": time.perf_counter() - start}


def main(what: str, *numbers: str) -> None:
    """Measure one case and print the figures as JSON."""
    if what == "nasnet":
        print(json.dumps(_nasnet()))
        return
    size, count = map(int, numbers)
    document = chain_of_branches(size)
    drop = {"class": "Dropout", "name": "$(target)_drop", "config": {"rate": 0.1}}
    steps = {
        "mixed": mixed_steps(document["config"]["layers"], count),
        "freeze": [{"op": "freeze", "layers": "**"}],
        "insert": [{"op": "insert", "after": {"class": "Activation"}, "new": drop}],
    }
    print(json.dumps(_resolved(document, steps[what])))


if __name__ == "__main__":
    main(*sys.argv[1:])
