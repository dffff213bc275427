"""Keras 1 in the words of Keras 2: classes, arguments, merges, and how weights were laid out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from patchspec.models.dialects.notes import Notes, Upgraded

Config = dict[str, Any]

CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "TimeDistributedDense": "Dense",
}
_ARGUMENTS = {
    "bias": "use_bias",
    "border_mode": "padding",
    "nb_filter": "filters",
    "subsample": "strides",
    "subsample_length": "strides",
    "stride": "strides",
    "pool_length": "pool_size",
    "filter_length": "kernel_size",
    "atrous_rate": "dilation_rate",
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "U_constraint": "recurrent_constraint",
    "b_constraint": "bias_constraint",
    "beta_init": "beta_initializer",
    "gamma_init": "gamma_initializer",
    "p": "rate",
    "sigma": "stddev",
    "input_dtype": "dtype",
    "length": "size",
}
_FIRST = {
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "PReLU": {"init": "alpha_initializer"},
    "SeparableConv2D": {
        "init": "depthwise_initializer",
        "depthwise_regularizer": "depthwise_regularizer",
    },
}
"""Arguments that mean something else for one class than for the rest."""
_SAYS_UNITS = {"Dense", "LSTM", "GRU", "SimpleRNN", "Highway"}
_GONE = ("weights", "consume_less", "cache_enabled", "W_learning_rate_multiplier")
_ONLY_NONE = ("b_learning_rate_multiplier", "U_learning_rate_multiplier")
_ORDERINGS = {"tf": "channels_last", "th": "channels_first"}
_PLAIN_POOLING = {"MaxPooling1D", "AveragePooling1D", "UpSampling1D", "Cropping1D", "ZeroPadding1D"}
_HAVE_FORMAT = {
    *(f"{kind}{n}D" for kind in ("Conv", "MaxPooling", "AveragePooling") for n in (2, 3)),
    *(f"{kind}{n}D" for kind in ("ZeroPadding", "UpSampling", "Cropping") for n in (2, 3)),
    *(f"Global{kind}Pooling2D" for kind in ("Max", "Average")),
    "Conv2DTranspose",
    "SeparableConv2D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "ConvLSTM2D",
}


def upgrade(document: Mapping[str, Any], origin: str, version: str | None) -> Upgraded:
    """The document in Keras 2's words; PS911 for what has no exact successor.

    `version` is that of the Keras which wrote it, `0` for one that came from Keras 0.
    """
    notes = Notes("keras1", origin)
    orderings = {o for o in _orderings(document) if o in _ORDERINGS}
    ordering = orderings.pop() if len(orderings) == 1 else None
    made = _model(document, "", ordering, notes)
    notes.step("", "layers and their arguments got the names that Keras 2 gave them")
    _statistics_of(made, "", version, notes)
    return notes.result(made)


def _orderings(value: Any) -> Iterator[str]:
    """Every `dim_ordering` that the config names: some layers do not say theirs."""
    if isinstance(value, Mapping):
        if isinstance(value.get("dim_ordering"), str):
            yield value["dim_ordering"]
        for item in value.values():
            yield from _orderings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _orderings(item)


def _model(entry: Mapping[str, Any], path: str, ordering: str | None, notes: Notes) -> Config:
    config = entry["config"]
    listed = config if isinstance(config, list) else config["layers"]
    layers = []
    for one in listed:
        name = str(one.get("name") or _own_name(one))
        layers.append(_layer(one, f"{path}/{name}" if path else name, ordering, notes))
    if isinstance(config, list) and layers and _branches(layers[0]):
        return _branched(entry, layers)
    made = layers if isinstance(config, list) else {**config, "layers": layers}
    return {**entry, "config": made}


def _own_name(one: Mapping[str, Any]) -> Any:
    config = one.get("config")
    return config.get("name") if isinstance(config, Mapping) else "sequential"


def _layer(one: Mapping[str, Any], path: str, ordering: str | None, notes: Notes) -> Config:
    config = one.get("config")
    if isinstance(config, list) or (isinstance(config, Mapping) and "input_layers" in config):
        return _model(one, path, ordering, notes)
    if not isinstance(config, Mapping):
        raise TypeError(f"`{path}` has no config")
    class_name = CLASSES.get(str(one["class_name"]), str(one["class_name"]))
    if class_name == "Merge" and isinstance(config.get("layers"), list):
        inner = [_layer(x, str(_own_name(x)), ordering, notes) for x in config["layers"]]
        return {**one, "class_name": "Merge", "config": {**config, "layers": inner}}
    made = arguments(class_name, dict(config), path, ordering, notes)
    if isinstance(made.get("layer"), Mapping):
        made["layer"] = _wrapped(class_name, made["layer"], path, ordering, notes)
    return {**one, "class_name": class_name, "config": made}


def _wrapped(
    class_name: str, inner: Mapping[str, Any], path: str, ordering: str | None, notes: Notes
) -> Config:
    if class_name != "Bidirectional":
        return _layer(inner, f"{path}/layer", ordering, notes)
    _layer(inner, f"{path}/backward_layer", ordering, notes)
    return _layer(inner, f"{path}/forward_layer", ordering, notes)


def arguments(
    class_name: str, config: Config, path: str, ordering: str | None, notes: Notes
) -> Config:
    """The arguments of one layer in Keras 2's words, and how its weights are to be read."""
    config = {k: v for k, v in config.items() if k not in _GONE}
    config = {k: v for k, v in config.items() if not (k in _ONLY_NONE and v is None)}
    config = _sizes(class_name, config)
    said = config.pop("dim_ordering", None)
    said = ordering if said in (None, "default") else said
    if class_name in _HAVE_FORMAT:
        config["data_format"] = _ORDERINGS.get(str(said), "channels_last")
    own = _FIRST.get(class_name, {})
    renamed = {own.get(k, _ARGUMENTS.get(k, k)): v for k, v in config.items()}
    if class_name in _SAYS_UNITS and "output_dim" in renamed:
        renamed["units"] = renamed.pop("output_dim")
    if class_name in _SAYS_UNITS | {"MaxoutDense", "Conv1D"}:
        renamed.pop("input_dim", None)
        renamed.pop("input_length", None)
    for rule in _RULES.get(class_name, ()):
        renamed = rule(renamed, path, notes)
    _weights(class_name, renamed, path, notes)
    return renamed


def _sizes(class_name: str, config: Config) -> Config:
    """Numbers that Keras 1 gave one by one and Keras 2 takes as a list."""
    for keys in (("nb_row", "nb_col"), tuple(f"kernel_dim{n}" for n in (1, 2, 3))):
        if all(key in config for key in keys):
            config["kernel_size"] = [config.pop(key) for key in keys]
    if class_name == "ZeroPadding2D" and isinstance(config.get("padding"), list):
        sides = config["padding"]
        if len(sides) == 4:  # noqa: PLR2004 (top, bottom, left, right)
            config["padding"] = [sides[:2], sides[2:]]
    for key in ("filter_length", "subsample_length", "pool_length", "stride", "atrous_rate"):
        if class_name in _PLAIN_POOLING | {"Conv1D"} and isinstance(config.get(key), int):
            config[key] = [config[key]]
    return config


def _forget(config: Config, _path: str, _notes: Notes) -> Config:
    said = config.pop("forget_bias_init", "one")
    name = said.get("class_name", said.get("name")) if isinstance(said, Mapping) else said
    return {**config, "unit_forget_bias": str(name).lower() in ("one", "ones")}


def _statistics(config: Config, path: str, notes: Notes) -> Config:
    mode = config.pop("mode", 0)
    if mode != 0:
        notes.no_meaning("BatchNormalization", path, "mode", mode)
    return config


def _no_dropout(config: Config, path: str, notes: Notes) -> Config:
    dropout = config.pop("dropout", None)
    if dropout:
        notes.no_meaning("Embedding", path, "dropout", dropout)
    return config


def _deconvolution(config: Config, _path: str, _notes: Notes) -> Config:
    """Keras 1 was told the output's shape, which Keras 2 works out from the same padding."""
    config.pop("output_shape", None)
    return config


def _no_gradient_limit(config: Config, path: str, notes: Notes) -> Config:
    limit = config.pop("truncate_gradient", -1)
    if limit not in (-1, None):
        notes.no_meaning("a recurrent layer", path, "truncate_gradient", limit)
    return config


_RULES: Mapping[str, tuple[Callable[[Config, str, Notes], Config], ...]] = {
    "LSTM": (_forget, _no_gradient_limit),
    "ConvLSTM2D": (_forget,),
    "GRU": (_no_gradient_limit,),
    "SimpleRNN": (_no_gradient_limit,),
    "BatchNormalization": (_statistics,),
    "Embedding": (_no_dropout,),
    "Conv2DTranspose": (_deconvolution,),
}


def _statistics_of(entry: Mapping[str, Any], path: str, version: str | None, notes: Notes) -> None:
    """How the statistics of BatchNormalization are kept.

    Keras 0 divided by its moving deviation plus epsilon; Keras 1 kept that at first and then, under
    the same name, the variance. A file that names its version is of the second kind.
    """
    config = entry["config"]
    for one in config if isinstance(config, list) else config.get("layers", []):
        name = str(one.get("name") or _own_name(one))
        own = f"{path}/{name}" if path else name
        if isinstance(one["config"], list) or "layers" in one["config"]:
            _statistics_of(one, own, version, notes)
        elif one["class_name"] == "BatchNormalization" and version == "0":
            notes.convert(own, "keras0-deviation", float(one["config"].get("epsilon", 1e-6)))
        elif one["class_name"] == "BatchNormalization" and version is None:
            notes.convert(own, "keras1-deviation-or-variance")


def _weights(class_name: str, config: Mapping[str, Any], path: str, notes: Notes) -> None:
    first = config.get("data_format") == "channels_first"
    order = "first" if first else "last"
    if class_name == "Conv1D":
        notes.convert(path, "keras1-conv1d")
    elif class_name in ("Conv2D", "Conv3D") and first:
        notes.convert(path, "keras1-conv-first")
    elif class_name == "Conv2DTranspose":
        notes.convert(path, f"keras1-deconv-{order}")
    elif class_name == "SeparableConv2D" and first:
        notes.convert(path, "keras1-separable-first")
    elif class_name in ("LSTM", "GRU"):
        notes.convert(f"{path}/cell", f"keras1-{class_name.lower()}")
    elif class_name == "ConvLSTM2D":
        notes.convert(f"{path}/cell", "keras1-lstm")
        if first:
            notes.convert(f"{path}/cell", "keras1-conv-first")


def _branches(entry: Mapping[str, Any]) -> bool:
    return entry["class_name"] == "Merge" and isinstance(entry["config"].get("layers"), list)


def _branched(entry: Mapping[str, Any], layers: list[Config]) -> Config:
    """A Sequential that begins by merging models, as the functional model that it is."""
    merge, *rest = layers
    made: list[Config] = []
    inputs: list[list[Any]] = []
    tensors: list[list[Any]] = []
    for number, branch in enumerate(merge["config"]["layers"]):
        name = f"{branch['class_name'].lower()}_{number + 1}"
        entrance = f"{name}_input"
        first = branch["config"][0] if isinstance(branch["config"], list) else branch
        shape = first["config"].get("batch_input_shape")
        made.append(
            {
                "class_name": "InputLayer",
                "name": entrance,
                "config": {
                    "name": entrance,
                    "batch_input_shape": shape,
                    "dtype": first["config"].get("dtype", "float32"),
                },
                "inbound_nodes": [],
            }
        )
        is_model = isinstance(branch["config"], list)
        own = name if is_model else str(branch["config"]["name"])
        made.append({**branch, "name": own, "inbound_nodes": [[[entrance, 0, 0]]]})
        inputs.append([entrance, 0, 0])
        tensors.append([own, int(is_model), 0])
    config = {k: v for k, v in merge["config"].items() if k != "layers"}
    name = str(config.setdefault("name", "merge"))
    made.append({**merge, "config": config, "name": name, "inbound_nodes": [tensors]})
    for one in rest:
        own = str(one["config"]["name"])
        made.append({**one, "name": own, "inbound_nodes": [[[name, 0, 0]]]})
        name = own
    model = {
        "name": "model",
        "layers": made,
        "input_layers": inputs,
        "output_layers": [[name, 0, 0]],
    }
    return {**entry, "class_name": "Model", "config": model}
