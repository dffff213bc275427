"""New layers: from what the author wrote to entries of the config, written in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from patchspec.graph.edits import Edit, add, plain
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.references import find_tensor, parse_reference
from patchspec.graph.tensors import Tensor, keras_tensor
from patchspec.layers.check import takes_list, takes_mask
from patchspec.layers.table import layer_class
from patchspec.layers.write import common_config, full_config, layer_entry_head
from patchspec.operations._names import fill, new_name
from patchspec.operations._operation import Target
from patchspec.problems import Pointer, refuse, within
from patchspec.weights.lineage import Created, Rule
from patchspec.weights.seeds import derived_seed

NO_CALL: Mapping[str, Any] = {"args": [], "kwargs": {}}


@dataclass(frozen=True, slots=True)
class Growth:
    """What new layers come to: their entries, in order, and the tensors they end in."""

    home: Pointer
    """Where the config of the model stands in which they live."""
    entries: tuple[dict[str, Any], ...]
    results: tuple[Tensor, ...]
    """The output of the last layer, for each call."""
    created: tuple[Created, ...]

    def added(self) -> Iterator[Edit | Created]:
        """The entries at the end of the model's layers, where they move nobody's index."""
        for entry, created in zip(self.entries, self.created, strict=True):
            yield add((*self.home, "layers", "-"), entry)
            yield created


@dataclass(frozen=True, slots=True)
class Soil:
    """What new layers grow from."""

    graph: Graph
    """The whole model, in which paths start."""
    home: Graph
    """The model in which the new layers live."""
    target: Target
    seed: int
    here: tuple[Tensor | None, ...] = (None,)
    """What `$here` means in each call of the new layers; their number is that of the calls."""
    first_calls: tuple[Mapping[str, Any], ...] = ()
    """The calls that the first new layer takes over from the layer that it replaces."""
    replaces: Layer | None = None
    suffix: str = ""
    """What tells apart the copies that one target needs."""
    trainable: bool = True
    at: Pointer = ("new",)

    def path(self, name: str) -> str:
        """The path that a new layer of this name has."""
        return "/".join((*self.home.parents, name))


def grow(new: Any, soil: Soil) -> Growth:
    """The entries for `new`, one layer or a list in which each reads the one before by default."""
    listed = isinstance(new, list)
    entries: list[dict[str, Any]] = []
    created: list[Created] = []
    names: dict[str, str] = {}
    for i, raw in enumerate(new if listed else [new]):
        at = (*soil.at, i) if listed else soil.at
        layer = fill(plain(raw), soil.target, at=at)
        lone = not listed or len(new) == 1
        name = _name(raw, lone, soil, at)
        if name in names.values():
            refuse("PS306", f"two of the new layers are called `{name}`", at=(*at, "name"))
        calls = _calls(layer, i, names, soil, at)
        names[str(layer.get("name", name))] = name
        entries.append(_entry(name, layer, calls, soil))
        replaces = soil.replaces.path if soil.replaces else None
        created.append(Created(soil.path(name), replaces, _rules(layer.get("weights")), at))
    results = tuple(Tensor(entries[-1]["name"], j) for j in range(len(soil.here)))
    return Growth(soil.home.pointer, tuple(entries), results, tuple(created))


def _rules(said: Any) -> Mapping[str, Rule]:
    if said is None:
        return {}
    rule: Any = said
    return {"*": rule} if isinstance(said, str) else dict(said)


def _name(raw: Mapping[str, Any], lone: bool, soil: Soil, at: Pointer) -> str:
    if "name" in raw:
        name = f"{raw['name']}{soil.suffix}"
        replaced = soil.replaces.name if soil.replaces else None
        if lone and replaced is not None and fill(name, soil.target, at=at) == replaced:
            return replaced
        return new_name(name, soil.target, soil.home, at=(*at, "name"))
    if lone and soil.replaces is not None:
        return soil.replaces.name
    refuse(
        "PS213",
        "a new layer needs a `name`",
        at=at,
        hint="only a lone new layer of `replace` takes the name of the layer it replaces",
    )


def _calls(
    layer: Mapping[str, Any], i: int, names: Mapping[str, str], soil: Soil, at: Pointer
) -> list[dict[str, Any]]:
    """The calls of one new layer, one for each tensor that is extended."""
    arguments = layer.get("arguments", {})
    if i == 0 and "inputs" not in layer and soil.first_calls:
        return [_with_arguments(plain(call), arguments) for call in soil.first_calls]
    calls = []
    for j, here in enumerate(soil.here):
        if "inputs" in layer:
            with within(*at, "inputs"):
                args, kwargs = _read(layer["inputs"], layer["class"], _Names(names, j, here, soil))
        elif i > 0:
            before = Tensor(list(names.values())[-1], j)
            args, kwargs = [keras_tensor(before, None)], {}
        elif here is not None:
            args, kwargs = [keras_tensor(here, soil.home.recorded.get(here))], {}
        else:
            refuse(
                "PS213",
                "nothing says what the first new layer reads",
                at=at,
                hint="give it `inputs`, or give the operation `after` or `before`",
            )
        if takes_mask(layer["class"]):
            kwargs = {"mask": None, **kwargs}
        calls.append(_with_arguments({"args": args, "kwargs": kwargs}, arguments))
    return calls


def _with_arguments(call: dict[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {**call, "kwargs": {**call["kwargs"], **arguments}}


@dataclass(frozen=True, slots=True)
class _Names:
    """How a new layer's `inputs` are looked up in one call."""

    created: Mapping[str, str]
    call: int
    here: Tensor | None
    soil: Soil

    def tensor(self, said: Any, at: Pointer) -> dict[str, Any]:
        reference = parse_reference(said, at=at)
        if reference.layer in self.created:
            output = int(reference.output or 0)
            call = self.call if reference.call is None else int(reference.call)
            return keras_tensor(Tensor(self.created[reference.layer], call, output), None)
        soil = self.soil
        tensor = find_tensor(said, soil.graph, home=soil.home, here=self.here, at=at)
        return keras_tensor(tensor, soil.home.recorded.get(tensor))


def is_reference(said: Any) -> bool:
    """Whether this names one tensor, not a list or a mapping of them."""
    return isinstance(said, str) or (
        isinstance(said, Mapping)
        and "layer" in said
        and not set(said) - {"layer", "call", "output"}
    )


def references_in(said: Any) -> Iterator[Any]:
    """The references in what `inputs` says, in order."""
    if said is None or is_reference(said):
        yield from () if said is None else (said,)
    else:
        for item in said.values() if isinstance(said, Mapping) else said:
            yield from references_in(item)


def _read(said: Any, class_name: str, names: _Names) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call that reads `said`."""
    if is_reference(said):
        return [names.tensor(said, ())], {}
    if isinstance(said, list):
        tensors = [names.tensor(item, (i,)) for i, item in enumerate(said)]
        return ([tensors] if takes_list(class_name) else tensors), {}
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for key, value in said.items():
        nested = isinstance(value, list)
        read = (
            [names.tensor(item, (key, i)) for i, item in enumerate(value)]
            if nested
            else names.tensor(value, (key,))
        )
        if str(key).isdigit():
            args.append(read)
        else:
            kwargs[key] = read
    return args, kwargs


def _entry(
    name: str, layer: Mapping[str, Any], calls: Sequence[dict[str, Any]], soil: Soil
) -> dict[str, Any]:
    module, class_name, registered = layer_entry_head(layer["class"])
    config = dict(layer.get("config", {}))
    dtype = config.pop("dtype", None)
    full = full_config(
        layer["class"],
        config,
        seed_of=lambda parameter: derived_seed(soil.seed, soil.path(name), parameter),
        data_format=_data_format(soil.graph),
    )
    known = layer_class(layer["class"])
    own = dtype if dtype is not None or known is None else known.dtype
    chosen = policy(own) if own is not None else _policy_near(soil)
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": name, **common_config(layer["class"], soil.trainable, chosen), **full},
        "registered_name": registered,
        "name": name,
        "inbound_nodes": list(calls),
    }


def policy(said: Any) -> Any:
    """A dtype policy as Keras writes it, from its name or as it is."""
    if not isinstance(said, str):
        return said
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": said},
        "registered_name": None,
    }


def _policy_near(soil: Soil) -> Any:
    """The dtype policy of the layer replaced, else of the producer, else of the first that has one.

    Never a quantized policy: a new layer has no quantized variables to read.
    """
    if soil.replaces is not None and isinstance(soil.replaces.config.get("dtype"), Mapping):
        return _unquantized(soil.replaces.config["dtype"])
    seen: set[str] = set()
    waiting = [tensor.layer for tensor in soil.here if tensor is not None]
    while waiting:
        name = waiting.pop(0)
        if name in seen or name not in soil.home.layers:
            continue
        seen.add(name)
        layer = soil.home.layers[name]
        if isinstance(layer.config.get("dtype"), Mapping):
            return _unquantized(layer.config["dtype"])
        waiting += [slot.tensor.layer for call in layer.calls for slot in call.slots]
    for layer in soil.graph.walk():
        if isinstance(layer.config.get("dtype"), Mapping):
            return _unquantized(layer.config["dtype"])
    return policy("float32")


def _unquantized(said: Mapping[str, Any]) -> Any:
    if said.get("class_name") == "DTypePolicy":
        return plain(said)
    source = said.get("config", {}).get("source_name")
    return policy(str(source)) if source else plain(said)


def _data_format(graph: Graph) -> str | None:
    """The data format of the model's other layers; none where no layer says."""
    for layer in graph.walk():
        if isinstance(layer.config.get("data_format"), str):
            return str(layer.config["data_format"])
    return None
