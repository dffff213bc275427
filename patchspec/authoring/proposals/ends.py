"""Inputs and outputs of the model, and what leads to none of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.authoring.gaps import Gaps, reference
from patchspec.authoring.selecting import selectors
from patchspec.graph.graph import Graph
from patchspec.graph.tensors import Slot, Tensor, form_of


def proposed(gaps: Gaps, _: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """Other outputs, more outputs, other inputs; or only what leads to the outputs."""
    now, wanted = gaps.now, gaps.wanted
    if any(model.dead for model in now.models()):
        yield {"op": "extract"}
    cuts = _cuts(gaps)
    if cuts is not None:
        inputs = next(iter(cuts.values())) if len(cuts) == 1 and _own(cuts) else _short(cuts)
        for outputs in [None, *_outputs(gaps)]:
            said = {"op": "extract", "inputs": inputs}
            yield said if outputs is None else {**said, "outputs": outputs}
    if now.config.get("output_layers") == wanted.config.get("output_layers"):
        return
    for outputs in _outputs(gaps):
        yield {"op": "extract", "outputs": outputs}
        form = _form(wanted)
        if form != _form(now):
            yield {"op": "extract", "outputs": outputs, "form": form}
    yield from _exposed(gaps)


def _own(cuts: Mapping[str, Any]) -> bool:
    return all(name == said for name, said in cuts.items())


def _short(named: Mapping[str, Any]) -> Any:
    return list(named.values()) if _own(named) else dict(named)


def _outputs(gaps: Gaps) -> Iterator[Any]:
    """The outputs wanted as a patch names them, if they are all there."""
    now, slots = gaps.now, gaps.wanted.outputs
    if not all(is_there(now, slot.tensor) for slot in slots):
        return
    said = [reference(now, slot.tensor) for slot in slots]
    if isinstance(gaps.wanted.config["output_layers"], Mapping):
        yield {str(slot.key[-1]): one for slot, one in zip(slots, said, strict=True)}
        return
    if len(said) == 1 and _form(gaps.wanted) == "lone":
        yield said[0]
        return
    yield said
    names = [slot.tensor.layer for slot in slots]
    if len(names) > 1 and len(set(names)) == len(names) and all(n in now.by_path for n in names):
        yield from selectors(names, now)


def is_there(graph: Graph, tensor: Tensor) -> bool:
    """Whether the model has the tensor, as far as its calls tell."""
    layer = graph.layers.get(tensor.layer)
    return layer is not None and tensor.call < len(layer.calls)


def _form(graph: Graph) -> str:
    return form_of(graph.config.get("output_layers"))


def _exposed(gaps: Gaps) -> Iterator[Mapping[str, Any]]:
    """More outputs behind the present ones; tensors inside nested models too."""
    now, wanted = gaps.now, gaps.wanted
    present = set(_tensors(now.outputs))
    if not present <= set(_tensors(wanted.outputs)):
        return
    new = [slot for slot in wanted.outputs if slot.tensor not in present]
    form = _form(wanted)
    keys = {slot.tensor: str(slot.key[-1]) for slot in new if form == "dict"}
    said = {keys.get(slot.tensor, slot.tensor.layer): _led_out(gaps, slot) for slot in new}
    if None in said.values() or len(said) < len(new):
        return
    extra = {"form": form} if form != _form(now) and form == "dict" else {}
    if form != "dict" and all(str(value) == name for name, value in said.items()):
        yield {"op": "expose-output", "outputs": list(said.values()), **extra}
        return
    yield {"op": "expose-output", "outputs": said, **extra}
    yield {"op": "expose-output", "outputs": list(said.values()), **extra}


def _led_out(gaps: Gaps, slot: Slot) -> Any:
    """What is led out to an output; none if it is not there.

    An Identity that is missing only names an output, so what it reads is meant. Of a further output
    of a nested model it is the tensor inside.
    """
    wanted, tensor = gaps.wanted, slot.tensor
    layer = wanted.layers[tensor.layer]
    if layer.path in gaps.missing:
        if layer.class_name != "Identity":
            return None
        tensor = layer.calls[tensor.call].slots[0].tensor
        layer = wanted.layers[tensor.layer]
    here = gaps.now.layers.get(tensor.layer)
    if here is None or not is_there(gaps.now, tensor):
        return None
    if layer.inner is None or here.inner is None or tensor.output < len(here.inner.outputs):
        return reference(gaps.now, tensor)
    inside = layer.inner.outputs[tensor.output].tensor
    return reference(here.inner, inside) if is_there(here.inner, inside) else None


def _tensors(slots: tuple[Slot, ...]) -> list[Tensor]:
    return [slot.tensor for slot in slots]


def _cuts(gaps: Gaps) -> dict[str, Any] | None:
    """The inputs wanted, each with the tensor that it takes the place of; none for the same."""
    now, wanted = gaps.now, gaps.wanted
    present = {slot.tensor.layer for slot in now.inputs}
    found: dict[str, Any] = {}
    for slot in wanted.inputs:
        name = slot.tensor.layer
        if name in present and gaps.is_kept(name):
            found[name] = name
            continue
        stood = _stood_for(gaps, slot.tensor)
        if stood is None:
            return None
        found[name] = reference(now, stood)
    same = list(found) == [slot.tensor.layer for slot in now.inputs]
    return None if same else found


def _stood_for(gaps: Gaps, tensor: Tensor) -> Tensor | None:
    """What the readers of an input read so far."""
    for slot in gaps.wanted.reading(tensor):
        if slot.is_output:
            continue
        reader = gaps.wanted.reader(slot)
        before = gaps.now.layers.get(reader.name)
        if before is None or not gaps.is_kept(reader.path):
            continue
        for call in before.calls:
            for old in call.slots:
                if old.key == slot.key:
                    return old.tensor
    return None
