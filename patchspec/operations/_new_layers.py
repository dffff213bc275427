"""New layers: from what the author wrote to entries of the config, written in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from patchspec.graph.edits import Edit, add, plain
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.references import find_tensor, parse_reference
from patchspec.graph.tensors import Tensor, keras_tensor
from patchspec.layers.check import takes_list, takes_mask
from patchspec.layers.table import layer_class
from patchspec.layers.write import common_config, full_config, layer_entry_head
from patchspec.operations._made import Made, made_like, new_input, policy, unquantized
from patchspec.operations._names import fill, new_name
from patchspec.operations._operation import Target
from patchspec.problems import Pointer, refuse, within
from patchspec.weights.lineage import Created
from patchspec.weights.pipelines import read_weights
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
    beside: tuple[Edit, ...] = ()
    """What becomes of layers that are there: one more call, one more input of the model."""

    def added(self) -> Iterator[Edit | Created]:
        """The entries at the end of the model's layers, where they move nobody's index."""
        yield from self.beside
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


@dataclass
class _Growing:
    """What has grown so far."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    created: list[Created] = field(default_factory=list)
    beside: list[Edit] = field(default_factory=list)
    tensors: dict[str, tuple[Tensor, ...]] = field(default_factory=dict)
    """By the name that the author uses, what each call of a new layer makes."""
    last: tuple[Tensor, ...] = ()

    def add(self, said: str, name: str, entry: dict[str, Any], count: int) -> None:
        self.entries.append(entry)
        self.last = tuple(Tensor(name, j) for j in range(count))
        self.tensors[said] = self.last


def grow(new: Any, soil: Soil) -> Growth:
    """The entries for `new`, one layer or a list in which each reads the one before by default."""
    listed = isinstance(new, list)
    growing = _Growing()
    for i, raw in enumerate(new if listed else [new]):
        at = (*soil.at, i) if listed else soil.at
        layer = fill(plain(raw), soil.target, at=at)
        if "layer" in layer:
            _one_more_call(layer, growing, soil, at)
            continue
        lone = not listed or len(new) == 1
        name = _name(raw, lone, soil, at)
        if name in {entry["name"] for entry in growing.entries}:
            refuse("PS306", f"two of the new layers are called `{name}`", at=(*at, "name"))
        said = str(layer.get("name", name))
        if layer.get("class") == "InputLayer":
            entry, edit = new_input(name, layer, soil.home, at=at)
            growing.beside.append(edit)
            growing.add(said, name, entry, len(soil.here))
            growing.last = growing.tensors[said] = (Tensor(name),) * len(soil.here)
            growing.created.append(Created(soil.path(name), None, {}, at))
            continue
        made = made_like(layer, soil.graph, soil.target, at=at)
        calls = _calls(layer, made.class_name, growing, soil, at)
        growing.add(said, name, _entry(name, made, calls, soil), len(soil.here))
        replaces = soil.replaces.path if soil.replaces else None
        rulings = read_weights(layer.get("weights"), (*at, "weights"))
        growing.created.append(Created(soil.path(name), replaces, rulings, at, made.like))
    return Growth(
        soil.home.pointer,
        tuple(growing.entries),
        growing.last,
        tuple(growing.created),
        tuple(growing.beside),
    )


def _one_more_call(layer: Mapping[str, Any], growing: _Growing, soil: Soil, at: Pointer) -> None:
    """Call a layer that is there once more, for each tensor that is extended."""
    path = str(layer["layer"])
    existing = soil.graph.layer(path, at=(*at, "layer"))
    if existing.home != soil.home.path or existing.is_input:
        what = "an input layer, which is not called"
        reason = what if existing.is_input else f"not in the same model as `{soil.target.path}`"
        refuse("PS415", f"`{path}` is {reason}", at=(*at, "layer"))
    if existing.is_operation:
        refuse("PS415", f"`{path}` is a bare operation, not a layer to share", at=(*at, "layer"))
    class_name = existing.class_names[-1]
    calls = _calls(layer, class_name, growing, soil, at)
    before = sum(edit.path[:-1] == (*existing.pointer, "inbound_nodes") for edit in growing.beside)
    first = len(existing.calls) + before
    growing.beside += [add((*existing.pointer, "inbound_nodes", "-"), call) for call in calls]
    growing.last = tuple(Tensor(existing.name, first + j) for j in range(len(calls)))
    growing.tensors[path] = growing.last


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
    layer: Mapping[str, Any],
    class_name: str,
    growing: _Growing,
    soil: Soil,
    at: Pointer,
) -> list[dict[str, Any]]:
    """The calls of one new layer, one for each tensor that is extended."""
    arguments = layer.get("arguments", {})
    if not growing.tensors and "inputs" not in layer and soil.first_calls:
        return [_with_arguments(plain(call), arguments) for call in soil.first_calls]
    calls = []
    for j, here in enumerate(soil.here):
        if "inputs" in layer:
            with within(*at, "inputs"):
                names = _Names(growing.tensors, j, here, soil)
                args, kwargs = _read(layer["inputs"], class_name, names)
        elif growing.last:
            args, kwargs = [keras_tensor(growing.last[j], None)], {}
        elif here is not None:
            args, kwargs = [keras_tensor(here, soil.home.recorded.get(here))], {}
        else:
            refuse(
                "PS213",
                "nothing says what the first new layer reads",
                at=at,
                hint="give it `inputs`, or give the operation `after` or `before`",
            )
        if takes_mask(class_name):
            kwargs = {"mask": None, **kwargs}
        calls.append(_with_arguments({"args": args, "kwargs": kwargs}, arguments))
    return calls


def _with_arguments(call: dict[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {**call, "kwargs": {**call["kwargs"], **arguments}}


@dataclass(frozen=True, slots=True)
class _Names:
    """How a new layer's `inputs` are looked up in one call."""

    created: Mapping[str, tuple[Tensor, ...]]
    call: int
    here: Tensor | None
    soil: Soil

    def tensor(self, said: Any, at: Pointer) -> dict[str, Any]:
        reference = parse_reference(said, at=at)
        if reference.layer in self.created:
            made = self.created[reference.layer][self.call]
            call = made.call if reference.call is None else int(reference.call)
            return keras_tensor(Tensor(made.layer, call, int(reference.output or 0)), None)
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


def _entry(name: str, made: Made, calls: Sequence[dict[str, Any]], soil: Soil) -> dict[str, Any]:
    module, class_name, registered = made.head or layer_entry_head(made.class_name)
    config = dict(made.config)
    dtype = config.pop("dtype", None)
    full = full_config(
        made.class_name,
        config,
        seed_of=lambda parameter: derived_seed(soil.seed, soil.path(name), parameter),
        data_format=_data_format(soil.graph),
    )
    known = layer_class(made.class_name)
    own = dtype if dtype is not None or known is None else known.dtype
    chosen = policy(own) if own is not None else _policy_near(soil)
    common = common_config(made.class_name, soil.trainable, chosen)
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": name, **common, **full},
        "registered_name": registered,
        "name": name,
        "inbound_nodes": list(calls),
    }


def _policy_near(soil: Soil) -> Any:
    """The dtype policy of the layer replaced, else of the producer, else of the first that has one.

    Never a quantized policy: a new layer has no quantized variables to read.
    """
    if soil.replaces is not None and isinstance(soil.replaces.config.get("dtype"), Mapping):
        return unquantized(soil.replaces.config["dtype"])
    seen: set[str] = set()
    waiting = [tensor.layer for tensor in soil.here if tensor is not None]
    while waiting:
        name = waiting.pop(0)
        if name in seen or name not in soil.home.layers:
            continue
        seen.add(name)
        layer = soil.home.layers[name]
        if isinstance(layer.config.get("dtype"), Mapping):
            return unquantized(layer.config["dtype"])
        waiting += [slot.tensor.layer for call in layer.calls for slot in call.slots]
    for layer in soil.graph.walk():
        if isinstance(layer.config.get("dtype"), Mapping):
            return unquantized(layer.config["dtype"])
    return policy("float32")


def _data_format(graph: Graph) -> str | None:
    """The data format of the model's other layers; none where no layer says."""
    for model in graph.models():
        for layer in model.layers.values():
            if isinstance(layer.config.get("data_format"), str):
                return str(layer.config["data_format"])
    return None
