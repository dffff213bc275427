"""A model as a table of its layers, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.references import end_names
from patchspec.graph.tensors import Spec, Tensor
from patchspec.models.base import Base
from patchspec.problems import some
from patchspec.review.style import PLAIN, Style, clean, fitted, number, plural, table

FORMAT = 1
Row = tuple[str, str, str, str, str, str]
Specs = Mapping[str, Mapping[Tensor, Spec]]
"""By the path of the model that the tensor is in."""


def inspect_text(base: Base, specs: Specs, style: Style = PLAIN) -> str:
    """The layers in Keras's order with numbers, and what the model takes and gives."""
    rows = [("#", "layer", "class", "output", "parameters", "reads")]
    counts = parameter_counts(base)
    for i, layer in enumerate(base.graph.walk()):
        own = specs.get(layer.home, {})
        rows.append(
            (
                str(i),
                "  " * len(layer.parents) + clean(layer.path),
                clean(layer.class_name) + (" *" if layer.is_operation else ""),
                clean(_shapes(layer, own)),
                _parameters(counts, layer),
                clean(_reads(layer)),
            )
        )
        rows += _wrapped_rows(layer)
    head, *body = table(rows, right=frozenset({0, 4}), width=style.width, kept=frozenset({1}))
    lines = [
        style(f"{clean(base.graph.config.get('name'))}", "bold") + f" in {clean(base.origin)}",
        "",
        style(head, "bold"),
        *body,
        "",
    ]
    if any(layer.is_operation for layer in base.graph.walk()):
        lines += ["* an operation, not a layer: named whole, or by `class`", ""]
    lines += _summary(base, specs)
    upgrades = upgrades_text(base, style)
    return fitted("\n".join([*lines, "", *upgrades] if upgrades else lines), style.width)


def upgrades_text(base: Base, style: Style = PLAIN) -> list[str]:
    """What was done to an old config, each thing once with the layers that it was done to."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for step in base.upgrades:
        grouped.setdefault((step.dialect, step.text), []).append(step.layer)
    if not grouped:
        return []
    lines = [style("upgraded", "bold")]
    for (dialect, text), layers in grouped.items():
        named = [clean(layer) for layer in layers if layer]
        of = f" ({plural(len(named), 'layer')}: {some(named)})" if named else ""
        lines.append(f"  {dialect}: {clean(text)}{of}")
    return lines


def upgrades_json(base: Base) -> list[dict[str, str]]:
    """What was done to an old config, one entry for each layer."""
    return [asdict(step) for step in base.upgrades]


def _wrapped_rows(layer: Layer) -> list[Row]:
    """The layers inside a wrapper, without a number: paths lead to them, no model lists them."""
    rows: list[Row] = []
    for inner in layer.wrapped.values():
        name = "  " * len(inner.parents) + clean(inner.path)
        rows.append(("", name, clean(inner.class_name), "", "", "inside"))
        rows += _wrapped_rows(inner)
    return rows


def _summary(base: Base, specs: Specs) -> list[str]:
    rows = [
        ("inputs", _ends(base.graph, "inputs", specs)),
        ("outputs", _ends(base.graph, "outputs", specs)),
        ("layers", str(sum(1 for _ in base.graph.walk()))),
        ("parameters", number(_total(base))),
        ("compiled", "yes" if base.document.get("compile_config") else "no"),
        ("architecture", base.architecture),
        ("state", base.state or _no_weights(base)),
    ]
    return table(rows)


def _no_weights(base: Base) -> str:
    return f"no weights: {clean(base.no_weights)}" if base.no_weights else "no weights"


def _ends(graph: Graph, which: str, specs: Specs) -> str:
    slots = graph.inputs if which == "inputs" else graph.outputs
    names = end_names(slots)
    return ", ".join(
        f"{clean(name)} {specs.get(graph.path, {}).get(slot.tensor, '?')}"
        for name, slot in zip(names, slots, strict=True)
    )


def parameter_counts(base: Base) -> dict[str, int] | None:
    """Parameters by the path of the variable's holder and all that it lies in."""
    if base.variables is None:
        return None
    counts: dict[str, int] = {}
    for variable in base.variables.values():
        size = 1
        for n in variable.shape:
            size *= n
        parts = variable.path.split("/")
        for end in range(1, len(parts)):
            path = "/".join(parts[:end])
            counts[path] = counts.get(path, 0) + size
    return counts


def _total(base: Base) -> int | None:
    counts = parameter_counts(base)
    if counts is None:
        return None
    return sum(counts.get(name, 0) for name in base.graph.layers)


def _parameters(counts: Mapping[str, int] | None, layer: Layer) -> str:
    if counts is None or layer.is_operation:
        return "" if counts is not None else "?"
    return number(counts.get(layer.path, 0))


def _shapes(layer: Layer, specs: Mapping[Tensor, Spec]) -> str:
    found = {t: s for t, s in specs.items() if t.layer == layer.name}
    shown = dict.fromkeys(str(found[tensor]) for tensor in sorted(found))
    return ", ".join(shown) or "?"


def _reads(layer: Layer) -> str:
    calls = [", ".join(str(t) for t in _tensors(call.slots)) for call in layer.calls]
    if len(calls) == 1:
        return calls[0]
    return "; ".join(f"@{i} {call}" for i, call in enumerate(calls))


def _tensors(slots: Any) -> list[Tensor]:
    return list(dict.fromkeys(slot.tensor for slot in slots))


def inspect_json(base: Base, specs: Specs) -> dict[str, Any]:
    """The model for programs; `schemas/inspect.schema.json` describes it."""
    return {
        "format": FORMAT,
        "origin": base.origin,
        "name": base.graph.config.get("name"),
        "architecture": base.architecture,
        "state": base.state,
        "compiled": bool(base.document.get("compile_config")),
        "inputs": _ends_json(base.graph, "inputs", specs),
        "outputs": _ends_json(base.graph, "outputs", specs),
        "parameters": _total(base),
        "no_weights": base.no_weights,
        "upgrades": upgrades_json(base),
        "layers": _layers_json(base.graph, specs, parameter_counts(base)),
    }


def _ends_json(graph: Graph, which: str, specs: Specs) -> list[dict[str, Any]]:
    slots = graph.inputs if which == "inputs" else graph.outputs
    return [
        {"name": name, "tensor": str(slot.tensor), **_spec_json(specs[""].get(slot.tensor))}
        for name, slot in zip(end_names(slots), slots, strict=True)
    ]


def _spec_json(spec: Spec | None) -> dict[str, Any]:
    return {"shape": list(spec.shape) if spec else None, "dtype": spec.dtype if spec else None}


def _wrapped_json(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "path": layer.path,
        "class": layer.class_name,
        "trainable": layer.config.get("trainable"),
        "wrapped": [_wrapped_json(inner) for inner in layer.wrapped.values()],
    }


def _layers_json(
    graph: Graph, specs: Specs, counts: Mapping[str, int] | None
) -> list[dict[str, Any]]:
    found = []
    own = specs.get(graph.path, {})
    for layer in graph.in_order:
        made = sorted(tensor for tensor in own if tensor.layer == layer.name)
        found.append(
            {
                "name": layer.name,
                "path": layer.path,
                "class": layer.class_name,
                "registered_name": layer.entry.get("registered_name"),
                "operation": layer.is_operation,
                "trainable": layer.config.get("trainable"),
                "parameters": None if counts is None else counts.get(layer.path, 0),
                "calls": [
                    {
                        "reads": [str(slot.tensor) for slot in call.slots],
                        "outputs": [
                            {"tensor": str(t), **_spec_json(own[t])}
                            for t in made
                            if t.call == call.index
                        ],
                    }
                    for call in layer.calls
                ],
                "wrapped": [_wrapped_json(inner) for inner in layer.wrapped.values()],
                "layers": _layers_json(layer.inner, specs, counts)
                if layer.inner is not None
                else None,
            }
        )
    return found
