"""What the page's script is told: nodes, edges, groups, and what is known of each layer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.tensors import Spec, Tensor
from patchspec.planning.plan import Move, Place, Plan
from patchspec.planning.summary import meant_value
from patchspec.review.overlay.mermaid import changed_mermaid
from patchspec.review.overlay.overlay import SIGNS, Node, Overlay, overlay_of
from patchspec.review.report.groups import grouped
from patchspec.review.style import clean

_WIRING = ("layers", "input_layers", "output_layers", "build_input_shape", "name")


def page_data(plan: Plan) -> dict[str, Any]:
    """Everything that the graph and the panel beside it show."""
    overlay = overlay_of(plan.lineage)
    groups, owner = _groups(overlay)
    numbers = {node.key: i for i, node in enumerate(overlay.nodes)}
    caused = _causes(plan)
    moves = _moves(plan)
    return {
        "nodes": [_node(node, plan, owner[node.key], caused, moves) for node in overlay.nodes],
        "edges": [
            [numbers[edge.source], numbers[edge.target], edge.status] for edge in overlay.edges
        ],
        "groups": groups,
        "signs": SIGNS,
        "steps": [_step(plan, p, s) for p, s in _places(plan)],
        "mermaid": changed_mermaid(overlay),
    }


def _groups(overlay: Overlay) -> tuple[list[dict[str, str]], dict[str, str]]:
    """Nested models and name prefixes, outer ones first, and what each node lies in."""
    groups: list[dict[str, str]] = []
    owner: dict[str, str] = {}
    levels: dict[str, list[Node]] = {}
    for node in overlay.nodes:
        levels.setdefault(node.home, []).append(node)
    models = {node.key: node for node in overlay.nodes if node.kind == "model"}
    for home, nodes in levels.items():
        names = {_name(node): node.key for node in nodes if node.kind not in ("input", "output")}
        found, inside = grouped(list(names), home)
        groups += [{"key": g.key, "parent": g.parent, "label": clean(g.label)} for g in found]
        owner |= {node.key: home for node in nodes}
        owner |= {names[name]: group for name, group in inside.items()}
    for key, model in models.items():
        if key in levels:
            label = clean(model.after or model.before or "")
            groups.append({"key": key, "parent": owner[key], "label": f"{label}/"})
    return _outer_first(groups), owner


def _outer_first(groups: list[dict[str, str]]) -> list[dict[str, str]]:
    parents = {group["key"]: group["parent"] for group in groups}

    def depth(key: str) -> int:
        count = 0
        while key in parents:
            key, count = parents[key], count + 1
        return count

    return sorted(groups, key=lambda group: depth(group["key"]))


def _name(node: Node) -> str:
    return (node.after or node.before or "").rpartition("/")[2]


def _causes(plan: Plan) -> Mapping[str, list[int]]:
    """The steps that named, made or edited each layer, by its path before or after."""
    ending: dict[str, list[str]] = {}
    for path in {**plan.base.graph.by_path, **plan.graph.by_path}:
        ending.setdefault(path.rpartition("/")[2], []).append(path)
    found: dict[str, list[int]] = {}
    for number, (p, s) in enumerate(_places(plan)):
        for change in plan.changes:
            if change.place != Place(p, s):
                continue
            named = {change.target.partition("@")[0]} if change.target else set()
            for edit in change.edits:
                named |= {path for name in _names(edit) for path in ending.get(name, ())}
            for path in sorted(named):
                if number not in found.setdefault(path, []):
                    found[path].append(number)
    return found


def _names(edit: Edit) -> Iterator[str]:
    """The layer that an edit makes, or that the test before it names."""
    if edit.op == "test" and isinstance(edit.value, str):
        yield edit.value
    elif isinstance(edit.value, Mapping) and isinstance(edit.value.get("name"), str):
        yield edit.value["name"]


def _places(plan: Plan) -> list[tuple[int, int]]:
    return [(p, s) for p, patch in enumerate(plan.patches) for s in range(len(patch.steps))]


def _step(plan: Plan, p: int, s: int) -> dict[str, Any]:
    patch = plan.patches[p]
    step = patch.steps[s]
    span = patch.source.span(step.at)
    lines = patch.source.text.splitlines()
    text: list[str] = []
    if span is not None:
        own = patch.source.lines(step.at)
        text = lines[own.start - 1 : own.stop - 1]
    return {
        "label": clean(step.id or step.op),
        "op": step.op,
        "why": clean(step.why or ""),
        "place": f"{clean(patch.source.file or 'patch')}:{span.line}" if span else "",
        "yaml": "\n".join(clean(line) for line in text),
    }


def _moves(plan: Plan) -> Mapping[str, list[Move]]:
    """The variables of each layer, by its path after; of what is dropped, before, with `-`."""
    found: dict[str, list[Move]] = {}
    for move in plan.moves:
        graph = plan.base.graph if move.action == "dropped" else plan.graph
        try:
            path = graph.holding(move.path).path
        except KeyError:
            continue
        found.setdefault(f"-{path}" if move.action == "dropped" else path, []).append(move)
    return found


def _node(
    node: Node,
    plan: Plan,
    group: str,
    caused: Mapping[str, list[int]],
    moves: Mapping[str, list[Move]],
) -> dict[str, Any]:
    before = plan.base.graph.by_path.get(node.before or "") if node.kind != "output" else None
    after = plan.graph.by_path.get(node.after or "") if node.kind != "output" else None
    said: dict[str, Any] = {
        "key": node.key,
        "kind": node.kind,
        "status": node.status,
        "name": clean(node.after or node.before or ""),
        "class": clean(node.class_name),
        "group": group,
    }
    if node.before and node.after and node.before != node.after:
        said["was"] = clean(node.before)
    said["there"] = [node.before is not None, node.after is not None]
    said["config"] = list(_config(before, after))
    shapes = [_shapes(plan.base.graph, before, {}), _shapes(plan.graph, after, plan.output_specs)]
    said["shapes"] = shapes
    weights = [*moves.get(node.after or "", ()), *moves.get(f"-{node.before}", ())]
    said["weights"] = [_weight(move) for move in weights]
    named = (n for n in (node.before, node.after) if n)
    said["steps"] = sorted({step for name in named for step in caused.get(name, ())})
    return said


def _config(before: Layer | None, after: Layer | None) -> Iterator[list[Any]]:
    """Rows: key, value before, value after; one value where both say the same."""
    was = layer_config(before)
    now = layer_config(after)
    for key in dict.fromkeys((*now, *was)):
        old, new = was.get(key), now.get(key)
        if before is not None and after is not None and old == new:
            yield [clean(key), new]
        else:
            yield [clean(key), old if key in was else None, new if key in now else None]


def layer_config(layer: Layer | None) -> dict[str, str]:
    """The arguments of a layer as short texts; none without a layer."""
    if layer is None:
        return {}
    skipped = _WIRING if layer.is_model else ("name",)
    return {k: _said(v) for k, v in layer.config.items() if k not in skipped}


def _said(value: Any) -> str:
    return clean(json.dumps(_short(meant_value(value)), ensure_ascii=False))


def _short(value: Any) -> Any:
    if isinstance(value, Mapping):
        config = value.get("config")
        if "class_name" in value and isinstance(config, Mapping):
            if value["class_name"] == "DTypePolicy":
                return config.get("name")
            inner = {k: _short(v) for k, v in config.items() if v is not None}
            return {str(value["class_name"]): inner} if inner else str(value["class_name"])
        return {k: _short(v) for k, v in value.items()}
    return [_short(item) for item in value] if isinstance(value, list) else value


def _shapes(graph: Graph, layer: Layer | None, ends: Mapping[Tensor, Spec]) -> str:
    if layer is None:
        return ""
    home = graph.home(layer.path) if layer.home else graph
    known = {**home.recorded, **(ends if not home.parents else {})}
    found = [str(spec) for tensor, spec in sorted(known.items()) if tensor.layer == layer.name]
    return ", ".join(dict.fromkeys(found))


def _weight(move: Move) -> list[str]:
    name = move.name or move.path.rpartition("/vars/")[2]
    shapes = "x".join(map(str, move.shape or ())) or "scalar"
    if move.shapes and move.sources and move.shapes[0] != move.shape:
        shapes = f"{'x'.join(map(str, move.shapes[0]))} \u2192 {shapes}"
    rule = "" if move.action in ("kept", "dropped") else str(move.rule or "")
    return [clean(name), move.action, f"{move.dtype or ''} {shapes}".strip(), clean(rule)]
