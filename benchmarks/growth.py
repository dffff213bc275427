"""How the time of `apply` grows with the model's size, its layers and the patch's operations."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.processes import PATCHSPEC, Cost, gone, in_turn, one

GIGABYTES = (0.1, 0.3, 1, 3, 8)
LAYERS = (100, 300, 1_000, 3_000, 10_000, 20_000)
OPERATIONS = (1, 10, 30, 100, 300, 1_000)
WIDTH = 8
"""Units of the layers where their number is what grows."""
REPEATS = 3
PICTURE = Path(__file__).with_name("growth.svg")


def lines() -> Iterator[str]:
    """A line for each point; the curves are drawn beside."""
    curves = {
        "gigabytes": dict(_by_size()),
        "layers": dict(_by_layers()),
        "operations": dict(_by_operations()),
    }
    yield "with the size, 12 layers, beside `cp`:"
    for size, (ours, copied) in curves["gigabytes"].items():
        yield (
            f"  {size:4} GB: {ours.seconds:6.2f} s, {ours.memory / 2**20:3.0f} MiB; cp "
            f"{copied.seconds:5.2f} s; {ours.seconds / (2 * copied.seconds + 0.25):.2f} of what "
            "is allowed"
        )
    for what, more in (("layers", "5 operations"), ("operations", "1,000 layers")):
        yield f"with the {what}, {more}:"
        for count, (ours, _) in curves[what].items():
            each = ours.seconds / count * 1e6
            yield (
                f"  {count:6,} {what}: {ours.seconds:6.2f} s, {each:7.0f} µs each, "
                f"{ours.memory / 2**20:4.0f} MiB"
            )
    _draw(curves)
    yield f"drawn in {PICTURE.name}"


Points = Iterator[tuple[float, tuple[Cost, Cost | None]]]


def _by_size() -> Points:
    for size in GIGABYTES:
        kernel = int((size * 1e9 / 4 / 12) ** 0.5)
        yield size, _point(12, kernel, _steps(5, 12), copied=True)


def _by_layers() -> Points:
    for count in LAYERS:
        yield count, _point(count, WIDTH, _steps(5, count))


def _by_operations() -> Points:
    for count in OPERATIONS:
        yield count, _point(1_000, WIDTH, _steps(count, 1_000))


def _point(
    layers: int, units: int, steps: Sequence[Any], *, copied: bool = False
) -> tuple[Cost, Cost | None]:
    with tempfile.TemporaryDirectory() as made:
        base, patch, out = (Path(made) / name for name in ("b.keras", "p.yaml", "o.keras"))
        one([sys.executable, "-m", "benchmarks.growth", str(layers), str(units), str(base)])
        patch.write_text(json.dumps({"patchspec": 1, "operations": steps}))
        commands: dict[str, Sequence[str]] = {
            "ours": (*PATCHSPEC, "apply", str(base), str(patch), "-o", str(out))
        }
        if copied:
            commands["cp"] = ("cp", str(base), str(out))
        found = in_turn(commands, REPEATS, gone(out))
        return found["ours"], found.get("cp")


def _steps(count: int, layers: int) -> list[dict[str, Any]]:
    """So many operations, of five kinds in turn, each on a layer of its own as far as they go."""
    made = []
    for number in range(count):
        name = f"d{number * layers // count}"
        again = f"{name}_{number}"
        made.append(
            [
                {"op": "insert", "after": name, "new": {"class": "Dropout", "name": again}
                 | {"config": {"rate": 0.1}}},
                {"op": "freeze", "layers": name},
                {"op": "set", "layers": name, "config": {"activation": "gelu"}},
                {"op": "insert", "after": name, "new": {"class": "LayerNormalization",
                 "name": again}},
                {"op": "set", "layers": name, "weights": {"bias": "zeros"}},
            ][number % 5]
        )  # fmt: skip
    return made


def chain(layers: int, units: int) -> dict[str, Any]:
    """The document of a chain of Dense layers, all of one width."""
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}
    entries = [
        {
            "module": "keras.layers",
            "class_name": "InputLayer",
            "config": {"batch_shape": [None, units], "dtype": "float32", "sparse": False,
                       "ragged": False, "name": "x", "optional": False},
            "registered_name": None,
            "name": "x",
            "inbound_nodes": [],
        }
    ]  # fmt: skip
    before = "x"
    for number in range(layers):
        name = f"d{number}"
        tensor = {
            "class_name": "__keras_tensor__",
            "config": {"shape": [None, units], "dtype": "float32", "keras_history": [before, 0, 0]},
        }
        entries.append(
            {
                "module": "keras.layers",
                "class_name": "Dense",
                "config": {
                    "name": name,
                    "trainable": True,
                    "dtype": {**policy, "registered_name": None},
                    "units": units,
                    "activation": "relu",
                    "use_bias": True,
                    "kernel_initializer": _object("GlorotUniform", {"seed": None}),
                    "bias_initializer": _object("Zeros", {}),
                    "kernel_regularizer": None,
                    "bias_regularizer": None,
                    "kernel_constraint": None,
                    "bias_constraint": None,
                    "quantization_config": None,
                },
                "registered_name": None,
                "build_config": {"input_shape": [None, units]},
                "name": name,
                "inbound_nodes": [{"args": [tensor], "kwargs": {}}],
            }
        )
        before = name
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [[before, 0, 0]]}
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {"name": "chain", "trainable": True, "layers": entries, **ends},
        "registered_name": "Functional",
        "build_config": {"input_shape": None},
        "compile_config": {},
    }


def _object(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "module": "keras.initializers",
        "class_name": name,
        "config": config,
        "registered_name": None,
    }


def write_chain(path: Path, document: dict[str, Any], *, holes: bool = False) -> None:
    """Write it with random values, or with holes in the file for them."""
    import numpy as np

    from patchspec.models.base import Variable
    from patchspec.models.content import Span, opened
    from patchspec.models.whole import WholeModel
    from patchspec.models.writer import write_archive

    units = document["config"]["layers"][0]["config"]["batch_shape"][1]
    random = np.random.default_rng(0)
    with tempfile.NamedTemporaryFile(dir=path.parent) as sparse:
        sparse.truncate(4 * units * units)
        zeros = opened(sparse.name)

        def variable(name: str, shape: tuple[int, ...]) -> Variable:
            size = 4 * int(np.prod(shape))
            span = Span(zeros, 0, size) if holes else None
            return Variable(name, shape, "float32", lambda: random.random(shape, "f4"), span=span)

        variables = [
            one
            for entry in document["config"]["layers"][1:]
            for one in (
                variable(f"{entry['name']}/vars/0", (units, units)),
                variable(f"{entry['name']}/vars/1", (units,)),
            )
        ]
        write_archive(path, WholeModel(document, variables, {"keras_version": "3.15.1"}))


def _draw(curves: Mapping[str, Mapping[float, tuple[Cost, Cost | None]]]) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "patchspec"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(curves), figsize=(12, 3.6), layout="constrained")
    for axis, (what, points) in zip(axes, curves.items(), strict=True):
        axis.plot(list(points), [ours.seconds for ours, _ in points.values()], "o-", label="apply")
        copied = {x: cp.seconds for x, (_, cp) in points.items() if cp is not None}
        if copied:
            axis.plot(list(copied), list(copied.values()), "s--", label="cp")
        axis.set(xlabel=what, ylabel="seconds", ylim=(0, None))
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(PICTURE, metadata={"Date": None})


if __name__ == "__main__":
    write_chain(Path(sys.argv[3]), chain(int(sys.argv[1]), int(sys.argv[2])))
