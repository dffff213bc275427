"""Small documents written by hand, so that the pure tests need no Keras."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def tensor(layer: str, call: int = 0, output: int = 0, units: int = 4) -> dict[str, Any]:
    config = {"shape": [None, units], "dtype": "float32", "keras_history": [layer, call, output]}
    return {"class_name": "__keras_tensor__", "config": config}


def node(*args: Any, **kwargs: Any) -> dict[str, Any]:
    return {"args": list(args), "kwargs": kwargs}


def layer(class_name: str, name: str, nodes: list[Any], **config: Any) -> dict[str, Any]:
    policy = {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": "float32"},
        "registered_name": None,
    }
    return {
        "module": "keras.layers",
        "class_name": class_name,
        "config": {"name": name, "trainable": True, "dtype": policy, **config},
        "registered_name": None,
        "name": name,
        "inbound_nodes": nodes,
    }


def dense(name: str, *sources: str, units: int = 4, **config: Any) -> dict[str, Any]:
    nodes = [node(tensor(source)) for source in sources]
    return layer("Dense", name, nodes, units=units, activation="linear", **config)


def entrance(name: str = "x", units: int = 4) -> dict[str, Any]:
    return {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {"batch_shape": [None, units], "dtype": "float32", "name": name},
        "registered_name": None,
        "name": name,
        "inbound_nodes": [],
    }


def add(name: str, *sources: str) -> dict[str, Any]:
    return layer("Add", name, [node([tensor(source) for source in sources])])


def model(layers: list[Any], outputs: Any, inputs: Any = None, **config: Any) -> Document:
    entrances = [x["name"] for x in layers if x["class_name"] == "InputLayer"]
    if inputs is None:
        inputs = [[name, 0, 0] for name in entrances]
        inputs = inputs[0] if len(inputs) == 1 else inputs
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": "m",
            "trainable": True,
            "layers": layers,
            "input_layers": inputs,
            "output_layers": outputs,
            **config,
        },
        "registered_name": "Functional",
        "build_config": {"input_shape": None},
        "compile_config": {},
    }


def chain(*names: str) -> Document:
    """x -> the layers, each a Dense of 4 units."""
    layers = [entrance()]
    for name in names:
        layers.append(dense(name, layers[-1]["name"]))
    return model(layers, [names[-1], 0, 0])


def diamond() -> Document:
    """x -> a -> (b, c) -> sum -> d."""
    layers = [
        entrance(),
        dense("a", "x"),
        dense("b", "a"),
        dense("c", "a"),
        add("sum", "b", "c"),
        dense("d", "sum"),
    ]
    return model(layers, ["d", 0, 0])


def shared() -> Document:
    """`twin` is called on two inputs, both calls are added."""
    twin = layer("Dense", "twin", [node(tensor("p")), node(tensor("q"))], units=4)
    total = layer("Add", "total", [node([tensor("twin"), tensor("twin", 1)])])
    return model([entrance("p"), entrance("q"), twin, total], [["total", 0, 0]])


def nested() -> Document:
    """x -> inner (e -> id -> id2) -> d."""
    inside = [entrance("e"), dense("id", "e"), dense("id2", "id")]
    inner = {**model(inside, ["id2", 0, 0], name="inner"), "name": "inner"}
    inner["inbound_nodes"] = [node(tensor("x"))]
    return model([entrance(), inner, dense("d", "inner")], ["d", 0, 0])
