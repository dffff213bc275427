"""Print the table of Keras's layer classes that `patchspec/layers/table.json` holds.

Nothing is taken from signatures on trust: every parameter is proved by constructing the class with
a value other than the default and looking for it in `get_config`. A parameter that a constructor
takes and `get_config` forgets is recorded as dropped; one that no sample value fits is printed, so
that a sample can be added here.

    python tools/layer_table.py            writes the table
"""

from __future__ import annotations

import inspect
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import keras

TABLE = Path(__file__).parent.parent / "patchspec" / "layers" / "table.json"

REFUSED = {
    "Lambda": "it carries Python code",
    "TFSMLayer": "it runs a SavedModel from disk",
    "TorchModuleWrapper": "it carries a pickled module",
    "JaxLayer": "it carries Python code",
    "FlaxLayer": "it carries Python code",
    "Layer": "it is what layers are made from, not a layer",
    "Wrapper": "it is what wrappers are made from, not a wrapper",
    "InputLayer": "a new model input is not among the operations of this version",
}
INTERNAL = {
    "weights",
    "rank",
    "pool_dimensions",
    "pool_mode",
    "quantization_config",
    "input_tensor",
    # LoRA adds variables that Keras merges into others when it saves: an operation of its own.
    "lora_rank",
    "lora_alpha",
}
SKIPPED = {"name", "trainable", "dtype"}
ENUMS = {
    "padding": ["valid", "same", "causal", "full"],
    "data_format": ["channels_first", "channels_last"],
    "merge_mode": ["sum", "mul", "concat", "ave"],
    "interpolation": ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5", "area"],
    "fill_mode": ["constant", "nearest", "wrap", "reflect"],
    "output_mode": ["int", "multi_hot", "count", "tf_idf", "one_hot"],
    "score_mode": ["dot", "concat"],
    "mode": ["horizontal", "vertical", "horizontal_and_vertical", "log", "psd", "complex"],
}
UNIT_INTEGERS = {
    "units", "filters", "input_dim", "output_dim", "num_heads", "key_dim", "n", "groups",
    "num_bins", "height", "width", "depth_multiplier", "power_iterations", "max_number",
}  # fmt: skip
UNIT_NUMBERS = {"rate", "stddev", "dropout", "recurrent_dropout", "momentum", "epsilon"}


def dense() -> keras.Layer:
    return keras.layers.Dense(2, name="dense")


def lstm() -> keras.Layer:
    return keras.layers.LSTM(2, name="lstm")


REQUIRED: dict[str, Any] = {
    "activation": "relu", "output_size": 2, "rate": 0.5, "layer": dense, "height": 4, "width": 4,
    "filters": 4, "kernel_size": 3, "axes": 1, "units": 3, "equation": "ab,bc->ac",
    "output_shape": 4, "input_dim": 5, "output_dim": 3, "stddev": 0.5, "num_bins": 5,
    "max_number": 5, "num_heads": 2, "key_dim": 3, "dims": [2, 1], "cell": None, "factor": 0.5,
    "height_factor": 0.25, "width_factor": 0.25, "n": 3, "scale": 0.5, "target_shape": [2, 2],
    "head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2, "pool_size": 2,
}  # fmt: skip
OWN_REQUIRED: dict[str, dict[str, Any]] = {
    "Bidirectional": {"layer": lstm},
    "RNN": {"cell": lambda: keras.layers.LSTMCell(2, name="lstm_cell")},
    "StackedRNNCells": {"cells": lambda: [keras.layers.LSTMCell(2, name="lstm_cell")]},
    "Pipeline": {"layers": lambda: [keras.layers.Rescaling(0.5, name="rescaling")]},
    "Discretization": {"num_bins": 4},
    "CategoryEncoding": {"num_tokens": 4},
    "Normalization": {},
    "RandomPosterization": {"factor": 4},
    "StringLookup": {},
}
OPTIONAL: dict[str, dict[str, Any]] = {
    "Discretization": {"num_bins": None},
    "CategoryEncoding": {"num_tokens": None},
}
"""Parameters that a sample needs and the constructor does not: another may stand for them."""
SAMPLES: dict[str, list[Any]] = {
    "seed": [7], "axis": [1, [1]], "noise_shape": [[2, 1]], "value_dim": [5],
    "attention_axes": [[1]], "shared_axes": [[1]], "bias_axes": ["c"], "max_value": [6.0],
    "mean": [0.5], "variance": [0.5], "output_padding": [1, [1]], "bin_boundaries": [[0.1, 0.9]],
    "vocabulary": [["a", "b"], [1, 2]], "idf_weights": [[0.1, 0.9]], "max_tokens": [9],
    "value_range": [[0, 1]], "salt": [3],
    "mask_token": ["[M]", 0], "mask_value": ["x", 1, 0.5], "oov_token": ["[O]", -2],
    "vocabulary_dtype": ["int64", "int32"], "top_db": [60.0], "max_freq": [4000.0],
    "bounding_box_format": ["xyxy"], "mode": ["vertical", "horizontal", "log", "psd"],
    "batch_size": [4], "sliding_window": [3], "flash_attention": [True, False],
    "layer": [dense, lambda: keras.layers.LSTM(3, name="other")],
    "backward_layer": [lambda: keras.layers.LSTM(2, go_backwards=True, name="b")],
    "ngrams": [2], "split": ["character", None], "standardize": ["lower", None],
    "output_sequence_length": [5], "renorm_clipping": [{"rmax": 2.0}], "window": ["hamming"],
    "fft_length": [1024], "encoding": ["utf-16"], "oov_method": ["farmhash"],
    "tie_weights": [False],
    "reverse_dtype": ["float16"], "logit_soft_cap": [3.0], "output_mode": ["multi_hot", "one_hot"],
    "negative_slope": [0.1], "threshold": [0.1], "width_factor": [0.3], "x_factor": [0.3],
    "y_factor": [0.3], "sigma": [0.7], "kernel_size": [3, 5], "sparse": [True],
    "scale": [0.3, [0.1, 0.3]],
    "merge_mode": ["sum"], "unit_forget_bias": [False], "use_cudnn": [False, True],
    "tile_grid_size": [[4, 4]], "data_format": ["channels_first"],
    "interpolation": ["nearest", "bilinear"],
    "dtype": ["float16"], "strides": [2, 3], "dilation_rate": [2], "brightness_factor": [0.3],
    "contrast_factor": [0.3], "saturation_factor": [0.3], "hue_factor": [0.3],
    "num_bins": [7], "cells": [], "size": [3], "cropping": [1, 2], "padding": ["same", 2],
    "height_factor": [0.3], "invert": [True], "method": ["gptq"], "ref_power": [2.0],
    "gptq_unpacked_column_size": [4], "zero_output_for_mask": [True], "frame_length": [128],
    "min_power": [0.1], "score_mode": ["concat"], "pool_size": [3], "sequence_length": [512],
    "frame_step": [64], "scaling": ["spectrum"], "fill_value": [0.3], "output_shape": [4],
    "fill_mode": ["nearest", "wrap", "constant", "reflect"], "pad_to_max_tokens": [True],
}  # fmt: skip
COMPANIONS: dict[str, list[dict[str, Any]]] = {
    "output_padding": [{"strides": 2}],
    "sparse": [{"output_mode": "multi_hot"}, {"output_mode": "multi_hot", "max_tokens": 9}],
    "pad_to_max_tokens": [{"output_mode": "multi_hot", "max_tokens": 9}],
    "bin_boundaries": [{"num_bins": None}],
    "mean": [{"variance": 0.5}],
    "variance": [{"mean": 0.5}],
    "idf_weights": [
        {"output_mode": "tf_idf", "vocabulary": ["a", "b"]},
        {"output_mode": "tf_idf", "vocabulary": [1, 2]},
    ],
    "fill_mode": [{"pad_to_aspect_ratio": True}],
    "salt": [{"output_mode": "int", "num_oov_indices": 2}],
}
"""What else must be set for a parameter to have a meaning."""


def classes() -> dict[str, type]:
    found = {}
    for name in sorted(dir(keras.layers)):
        value = getattr(keras.layers, name)
        if inspect.isclass(value) and issubclass(value, keras.Layer):
            found[name] = value
    return found


def parameters(cls: type) -> dict[str, inspect.Parameter]:
    """Every parameter that may reach a constructor, own ones first."""
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        if "__init__" not in base.__dict__:
            continue
        signature = inspect.signature(base.__dict__["__init__"])
        every = list(signature.parameters.values())[1:]
        for parameter in every:
            if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                found.setdefault(parameter.name, parameter)
        if base is keras.Layer or not any(p.kind == p.VAR_KEYWORD for p in every):
            break
    return found


def value_of(sample: Any) -> Any:
    return sample() if callable(sample) else sample


def required(cls: type) -> list[str]:
    own = OWN_REQUIRED.get(cls.__name__)
    if own is not None:
        return list(own)
    signature = inspect.signature(cls.__init__)
    names = [
        p.name
        for p in list(signature.parameters.values())[1:]
        if p.default is p.empty and p.kind == p.POSITIONAL_OR_KEYWORD
    ]
    return [name for name in names if not constructs_without(cls, names, name)]


def constructs_without(cls: type, names: list[str], left_out: str) -> bool:
    try:
        cls(**{n: value_of(REQUIRED[n]) for n in names if n != left_out})
    except Exception:
        return False
    return True


def minimal(cls: type) -> dict[str, Any]:
    own = OWN_REQUIRED.get(cls.__name__, {})
    return {n: value_of(own[n] if n in own else REQUIRED[n]) for n in required(cls)}


def keras_config(layer: keras.Layer) -> dict[str, Any]:
    config = keras.saving.serialize_keras_object(layer)["config"]
    return json.loads(json.dumps(config, allow_nan=False))


def written(layer: keras.Layer) -> dict[str, Any]:
    config = keras_config(layer)
    return {key: value for key, value in config.items() if key not in SKIPPED}


def candidates(name: str, default: Any) -> list[Any]:
    listed = list(SAMPLES.get(name, []))
    if name.endswith("_initializer"):
        listed += ["ones", "zeros"]
    elif name.endswith("_regularizer"):
        listed += ["l2"]
    elif name.endswith("_constraint"):
        listed += ["non_neg"]
    elif "activation" in name:
        listed += ["tanh", "relu"]
    elif isinstance(default, bool):
        listed += [not default]
    elif isinstance(default, int):
        listed += [default + 1, default * 2]
    elif isinstance(default, float):
        listed += [default / 2 + 0.15]
    return listed


def proved(cls: type, name: str, parameter: inspect.Parameter, base: dict[str, Any]) -> str | None:
    """`kept`, `dropped`, or none where no sample value constructs."""
    accepted = False
    for companions in ({}, *COMPANIONS.get(name, [])):
        try:
            plain = written(cls(**{**minimal(cls), **companions}))
        except Exception:
            plain = base
        for sample in candidates(name, parameter.default):
            try:
                layer = cls(**{**minimal(cls), **companions, name: value_of(sample)})
                config = written(layer)
            except Exception:
                continue
            accepted = True
            if config.get(name) != plain.get(name):
                return "kept"
    return "dropped" if accepted else None


def own_dtype(cls: type) -> str | None:
    """The dtype that the class sets itself, where that is not the global policy."""
    policy = cls(**minimal(cls)).dtype_policy.name
    return None if policy == keras.config.dtype_policy().name else policy


def enumeration(cls: type, name: str) -> list[str] | None:
    """The strings that a parameter takes, where it refuses any other."""
    if name not in ENUMS:
        return None

    def takes(value: str) -> bool:
        try:
            cls(**{**minimal(cls), name: value})
        except Exception:
            return False
        return True

    accepted = [value for value in ENUMS[name] if takes(value)]
    return accepted if accepted and not takes("nonsense") else None


def spread(cls: type, name: str) -> int | None:
    """How many times Keras writes a lone integer in a list, where it does."""
    for value in (3, 2):
        try:
            config = written(cls(**{**minimal(cls), name: value}))
        except Exception:
            continue
        found = config.get(name)
        if isinstance(found, list) and found and all(item == value for item in found):
            return len(found)
    return None


def kind(name: str, default: Any) -> str | None:
    if isinstance(default, bool):
        return "boolean"
    if name in UNIT_INTEGERS:
        return "integer"
    if name in UNIT_NUMBERS:
        return "number"
    for ending in ("initializer", "regularizer", "constraint", "activation"):
        if name == ending or name.endswith(f"_{ending}"):
            return ending
    if name in ("layer", "backward_layer", "cell"):
        return "layer"
    return None


def depends(cls: type, base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The defaults that are not always the same: on which parameters, and whether they copy one."""
    found: dict[str, dict[str, Any]] = {}
    start = minimal(cls)
    for name, parameter in parameters(cls).items():
        if name not in own:
            continue
        default = start.get(name, parameter.default)
        for companions in ({}, *COMPANIONS.get(name, [])):
            for sample in candidates(name, default):
                try:
                    config = written(cls(**{**minimal(cls), **companions, name: value_of(sample)}))
                    plain = written(cls(**{**minimal(cls), **companions}))
                except Exception:
                    continue
                for key, value in config.items():
                    if key != name and key in base and key not in start and value != plain.get(key):
                        said = found.setdefault(key, {"on": [], "copy": True})
                        said["on"] = sorted({*said["on"], name})
                        said["copy"] = said["copy"] and value == config[name]
    return {
        key: {"on": said["on"], "copy": said["copy"] and len(said["on"]) == 1}
        for key, said in found.items()
        if key not in drawn_of(cls, base)
    }


def drawn_of(cls: type, base: dict[str, Any]) -> list[str]:
    """The keys that no two instances have in common: seeds that the constructor draws."""
    again = written(cls(**minimal(cls)))
    return sorted(key for key in base if base[key] != again[key])


def describe(cls: type, unproved: list[str]) -> dict[str, Any]:
    base = written(cls(**minimal(cls)))
    needed = required(cls)
    own: dict[str, Any] = {}
    dropped = []
    for name, parameter in parameters(cls).items():
        if name in SKIPPED | INTERNAL:
            continue
        verdict = "kept" if name in needed else proved(cls, name, parameter, base)
        if verdict is None:
            if name in inspect.signature(cls.__init__).parameters or name in base:
                unproved.append(f"{cls.__name__}.{name}")
                if name in base:
                    own[name] = {}
            continue
        if verdict == "dropped":
            dropped.append(name)
            continue
        facts: dict[str, Any] = {}
        said = kind(name, parameter.default)
        if said is not None:
            facts["kind"] = said
        choices = enumeration(cls, name)
        if choices is not None:
            facts["choices"] = choices
        copies = spread(cls, name) if said is None else None
        if copies is not None:
            facts["spread"] = copies
        own[name] = facts
    drawn = drawn_of(cls, base)
    related = depends(cls, base, own)
    base = {key: None if key in drawn else value for key, value in base.items()}
    call = inspect.signature(cls.call).parameters
    return {
        "parameters": own,
        "required": [name for name in needed if name not in OPTIONAL.get(cls.__name__, {})],
        "dropped": sorted(dropped),
        "drawn": drawn,
        "dtype": own_dtype(cls),
        "common": sorted({"trainable", "dtype"} & set(keras_config(cls(**minimal(cls))))),
        "defaults": {
            **{key: value for key, value in base.items() if key not in needed},
            **OPTIONAL.get(cls.__name__, {}),
        },
        "depends": related,
        "call": [n for n, p in call.items() if n != "self" and p.kind != p.VAR_KEYWORD],
        "takes_list": issubclass(cls, keras.layers.Add.__mro__[1])
        or cls.__name__ in ("Attention", "AdditiveAttention"),
    }


def objects(module: Any, base: type) -> dict[str, Any]:
    """Initializers, regularizers or constraints: each class, its defaults, and its aliases."""
    found: dict[str, Any] = {}
    aliases: dict[str, str] = {}
    for name in sorted(dir(module)):
        value = getattr(module, name)
        if inspect.isclass(value) and issubclass(value, base) and value is not base:
            try:
                made = value(**({"value": 1.0} if name == "" else {}))
                said = keras.saving.serialize_keras_object(made)
            except Exception:
                continue
            names = list(inspect.signature(value.__init__).parameters)[1:]
            found[said["class_name"]] = {
                "defaults": json.loads(json.dumps(said["config"])),
                "parameters": sorted({*said["config"], *names} - {"kwargs", "args"}),
            }
            aliases[name] = said["class_name"]
    known = [*dir(module), *found]
    for alias in sorted({*known, *(name.lower() for name in known), *map(_snake, known)}):
        try:
            made = module.get(alias)
        except Exception:
            continue
        if isinstance(made, base) and type(made).__name__ in found:
            aliases[alias] = type(made).__name__
    return {"classes": found, "aliases": aliases}


def _snake(name: str) -> str:
    from keras.src.utils.naming import to_snake_case

    return to_snake_case(name)


def activations() -> list[str]:
    found = []
    for name in sorted(dir(keras.activations)):
        value = getattr(keras.activations, name)
        if inspect.isfunction(value) and name not in ("get", "serialize", "deserialize"):
            found.append(name)
    return found


def table() -> tuple[dict[str, Any], list[str]]:
    warnings.simplefilter("ignore")
    unproved: list[str] = []
    layers: dict[str, Any] = {}
    aliases: dict[str, str] = {}
    for name, cls in classes().items():
        own = cls.__name__
        if own in REFUSED:
            continue
        if name != own and hasattr(keras.layers, own):
            aliases[name] = own
        else:
            try:
                layers[name] = describe(cls, unproved)
            except Exception as error:
                raise RuntimeError(name) from error
    return {
        "keras": ".".join(keras.__version__.split(".")[:2]),
        "refused": REFUSED,
        "aliases": aliases,
        "layers": layers,
        "activations": activations(),
        "initializers": objects(keras.initializers, keras.Initializer),
        "regularizers": objects(keras.regularizers, keras.Regularizer),
        "constraints": objects(keras.constraints, keras.constraints.Constraint),
    }, unproved


def printed(made: dict[str, Any]) -> str:
    """The table as JSON with one class a line."""
    lines = []
    for key, value in made.items():
        if key == "layers":
            rows = [f"    {json.dumps(n)}: {json.dumps(d)}" for n, d in value.items()]
            lines.append(f'  "{key}": {{\n' + ",\n".join(rows) + "\n  }")
        else:
            lines.append(f'  "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    made, unproved = table()
    TABLE.write_text(printed(made), encoding="utf-8")
    print(f"{len(made['layers'])} classes, {len(made['aliases'])} aliases")
    print("not proved:", ", ".join(unproved) or "none", file=sys.stderr)


if __name__ == "__main__":
    main()
