"""New layers that hang together, and where in the present model they may go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from patchspec.authoring.gaps import Gaps, reference
from patchspec.authoring.proposals.ends import is_there
from patchspec.authoring.saying import UnsayableError, input_config, new_config, said_value
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Call, Layer
from patchspec.graph.tensors import TENSOR, Slot, Tensor

New = Mapping[str, Any]
"""A new layer as a patch says it."""
MOST_TAKEN_APART = 8
"""Groups of so many layers are tried layer by layer too."""
Kind = Literal["after", "between", "replace", "alone"]


@dataclass(frozen=True)
class Group:
    """New layers of one model that read one another."""

    home: Graph
    """The model as it is wanted."""
    layers: tuple[Layer, ...]
    """In graph order."""

    @property
    def names(self) -> frozenset[str]:
        """What the layers are called."""
        return frozenset(layer.name for layer in self.layers)

    def reads(self) -> tuple[Tensor, ...]:
        """What the layers read of others, each once."""
        slots = (slot for layer in self.layers for call in layer.calls for slot in call.slots)
        return tuple(dict.fromkeys(s.tensor for s in slots if s.tensor.layer not in self.names))

    def readers(self) -> tuple[Slot, ...]:
        """The places outside that read one of the layers, outputs of the model included."""
        return tuple(
            slot
            for layer in self.layers
            for tensor in self.home.made_by(layer)
            for slot in self.home.reading(tensor)
            if slot.is_output or self.home.reader(slot).name not in self.names
        )


@dataclass(frozen=True)
class Placed:
    """New layers at a place: what an `insert` or a `replace` says of one target."""

    kind: Kind
    target: str
    """The layer, or the one call of it, that is extended or replaced; empty for none."""
    before: tuple[str, ...]
    """The readers that are redirected; none where all are."""
    new: tuple[New, ...]


def groups(gaps: Gaps) -> Iterator[Group]:
    """The missing layers, those together that read one another."""
    for model in gaps.wanted.models():
        own = [layer for layer in model.in_order if layer.path in gaps.missing]
        if model.parents and model.path not in gaps.kept:
            continue
        inputs = {slot.tensor.layer for slot in model.inputs}
        left = {layer.name: layer for layer in own if not (layer.is_input and model.parents)}
        while left:
            together = _connected(next(iter(left)), left)
            found = tuple(left.pop(name) for name in list(left) if name in together)
            if not all(layer.name in inputs for layer in found):
                yield Group(model, found)


def _connected(start: str, left: Mapping[str, Layer]) -> set[str]:
    reads = {
        name: {slot.tensor.layer for call in layer.calls for slot in call.slots}
        for name, layer in left.items()
    }
    found, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting += [other for other in reads[name] if other in left]
        waiting += [other for other, read in reads.items() if name in read]
    return found


def places(gaps: Gaps, group: Group) -> Iterator[Placed]:
    """Where the new layers may go, each with what they say there."""
    home = gaps.now if not group.home.parents else gaps.now.by_path[group.home.path].inner
    if home is None:
        return
    try:
        yield from _places(gaps, group, home)
    except UnsayableError:
        return


def _places(gaps: Gaps, group: Group, home: Graph) -> Iterator[Placed]:
    readers = _reader_paths(group)
    for old in _gone_for(gaps, group, home):
        call = next(iter(old.calls), None)
        here = call.distinct[0] if call is not None and len(call.distinct) == 1 else None
        said = _said(gaps, group, home, here)
        yield Placed("replace", old.path, (), said)
        if "inputs" in said[0] and _is_called_alike(old, group.layers[0]):
            first = {key: value for key, value in said[0].items() if key != "inputs"}
            yield Placed("replace", old.path, (), (first, *said[1:]))
        if here is not None:
            yield Placed("replace", old.path, (), _said(gaps, group, home, None))
    for name in dict.fromkeys(tensor.layer for tensor in group.reads()):
        if name in home.layers and len(home.layers[name].calls) > 1:
            # Behind all calls of a layer the new ones are called as often.
            said = _said(gaps, group, home, Tensor(name), once=True)
            yield Placed("after", home.layers[name].path, (), said)
    for tensor in group.reads():
        if not is_there(home, tensor):
            continue
        target, said = str(reference(home, tensor)), _said(gaps, group, home, tensor)
        yield Placed("after", target, (), said)
        if readers:
            yield Placed("between", target, readers, said)
    for target in _calls_gone(gaps, group, home):
        yield Placed("replace", target, (), _said(gaps, group, home, _read_at(home, target)))
    yield Placed("alone", "", (), _said(gaps, group, home, None))
    if 1 < len(group.layers) <= MOST_TAKEN_APART:
        yield from _one_by_one(gaps, group, home)


def _one_by_one(gaps: Gaps, group: Group, home: Graph) -> Iterator[Placed]:
    """Each of the layers alone, behind or in the place of what the readers of all of them read."""
    wanted = {(_reader(group.home, slot), slot.key) for slot in group.readers()}
    producers = dict.fromkeys(
        tensor
        for tensor, slots in home.readers.items()
        if any((_reader(home, slot), slot.key) in wanted for slot in slots)
    )
    for layer in group.layers:
        if layer.is_input:
            continue
        new = (_made(gaps, layer),)
        for tensor in producers:
            whole = "/".join((*home.parents, tensor.layer))
            for target in dict.fromkeys((whole, str(reference(home, tensor)))):
                yield Placed("after", target, (), new)
                yield Placed("replace", target, (), new)


def _is_called_alike(old: Layer, new: Layer) -> bool:
    """Whether a new layer reads all that an old one does, in the same places."""
    reads = [[{s.key: s.tensor for s in call.slots} for call in x.calls] for x in (old, new)]
    return reads[0] == reads[1]


def _reader_paths(group: Group) -> tuple[str, ...]:
    slots = [slot for slot in group.readers() if not slot.is_output]
    return tuple(dict.fromkeys(group.home.reader(slot).path for slot in slots))


def _gone_for(gaps: Gaps, group: Group, home: Graph) -> Iterator[Layer]:
    """Layers that go, and are read now where the new ones are to be."""
    wanted = {(_reader(group.home, slot), slot.key) for slot in group.readers()}
    for name, layer in home.layers.items():
        if layer.path not in gaps.extra or layer.is_input:
            continue
        read = {
            (_reader(home, slot), slot.key)
            for tensor in home.made_by(layer)
            for slot in home.reading(tensor)
        }
        if read & wanted or name in group.names:
            yield layer


def _reader(model: Graph, slot: Slot) -> str:
    return "" if slot.is_output else model.reader(slot).name


def _calls_gone(gaps: Gaps, group: Group, home: Graph) -> Iterator[str]:
    """Single calls of layers that stay with fewer of them."""
    wanted = {(_reader(group.home, slot), slot.key) for slot in group.readers()}
    for name, layer in home.layers.items():
        twin = group.home.layers.get(name)
        if twin is None or layer.path in gaps.extra or len(twin.calls) >= len(layer.calls):
            continue
        for call in layer.calls:
            read = {
                (_reader(home, slot), slot.key)
                for tensor in home.read_outputs.get((name, call.index), ())
                for slot in home.reading(tensor)
            }
            if read & wanted:
                yield f"{layer.path}@{call.index}"


def _read_at(home: Graph, target: str) -> Tensor | None:
    path, _, index = target.rpartition("@")
    call = home.layers[path.rpartition("/")[2]].calls[int(index)]
    return call.distinct[0] if len(call.distinct) == 1 else None


def _said(
    gaps: Gaps, group: Group, home: Graph, here: Tensor | None, *, once: bool = False
) -> tuple[New, ...]:
    """The new layers as a patch says them where `here` is extended; `once`: first calls alone."""
    said: list[New] = []
    last: Tensor | None = here
    ordered = [
        (group.home.layers[name], index)
        for name, index in group.home.order.calls
        if name in group.names and not (once and index)
    ]
    for layer, index in ordered:
        call = layer.calls[index]
        one: dict[str, Any] = {"layer": layer.name} if index else _made(gaps, layer)
        if not layer.is_input:
            inputs = _inputs(group, home, call, here)
            if last is None or not _reads_only(call, last):
                one["inputs"] = inputs
            arguments = _arguments(call)
            one |= {"arguments": arguments} if arguments else {}
        last = Tensor(layer.name, index)
        said.append(one)
    return tuple(said)


def _made(gaps: Gaps, layer: Layer) -> dict[str, Any]:
    said: dict[str, Any] = {"class": layer.class_names[-1], "name": layer.name}
    config = (
        input_config(layer)
        if layer.is_input
        else new_config(layer, _data_format(gaps.now), gaps.seed)
    )
    return said | ({"config": config} if config else {})


def _data_format(graph: Graph) -> str | None:
    for layer in graph.by_path.values():
        if isinstance(layer.config.get("data_format"), str):
            return str(layer.config["data_format"])
    return None


def _reads_only(call: Call, tensor: Tensor) -> bool:
    """Whether a call reads one tensor by position and nothing else."""
    placed = [slot for slot in call.slots if slot.in_args]
    lone = len(placed) == len(call.slots) == 1 and placed[0].key == ("args", 0)
    return lone and placed[0].tensor == tensor


def _inputs(group: Group, home: Graph, call: Call, here: Tensor | None) -> Any:
    def named(tensor: Tensor) -> Any:
        if tensor == here:
            return "$here"
        if tensor.layer in group.names:
            call_ = f"@{tensor.call}" if tensor.call else ""
            return f"{tensor.layer}{call_}{f':{tensor.output}' if tensor.output else ''}"
        return reference(home, tensor) if is_there(home, tensor) else str(tensor)

    placed = [named(slot.tensor) for slot in call.slots if slot.in_args]
    keywords = {str(s.key[1]): named(s.tensor) for s in call.slots if not s.in_args}
    if not keywords:
        return placed[0] if len(placed) == 1 and _is_lone(call) else placed
    return {**{str(i): one for i, one in enumerate(placed)}, **keywords}


def _is_lone(call: Call) -> bool:
    return any(slot.key == ("args", 0) for slot in call.slots)


def _arguments(call: Call) -> dict[str, Any]:
    """Arguments of a call that are no tensors and say something."""
    return {
        key: said_value(value)
        for key, value in call.data.get("kwargs", {}).items()
        if value not in (None, False)
        and not (isinstance(value, Mapping) and value.get("class_name") == TENSOR)
    }
