"""A plan as files that Model Explorer opens: both graphs, and what changed as data on their nodes.

The forms are those of its package `ai-edge-model-explorer` 0.1.34 (`graph_builder`,
`node_data_builder`): a list of graphs whose nodes say what they read, and node data by graph and
node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.planning.plan import Plan
from patchspec.review.overlay.overlay import Overlay, overlay_of
from patchspec.review.report.data import layer_config
from patchspec.review.style import clean

COLOURS: Mapping[str, str] = {
    "added": "#aceebb",
    "removed": "#ffcecb",
    "replaced": "#fae17d",
    "changed": "#fae17d",
    "rewired": "#b6e3ff",
    "renamed": "#eddeff",
}
BEFORE, AFTER = "before", "after"


def explorer_graphs(plan: Plan) -> list[dict[str, Any]]:
    """Two graphs, the base and the variant."""
    return [
        {"id": BEFORE, "nodes": list(_nodes(plan.base.graph))},
        {"id": AFTER, "nodes": list(_nodes(plan.graph))},
    ]


def _nodes(graph: Graph) -> Iterator[dict[str, Any]]:
    for layer in graph.walk():
        yield {
            "id": layer.path,
            "label": clean(layer.class_name),
            "namespace": "/".join(map(clean, layer.parents)),
            "attrs": [
                {"key": "name", "value": clean(layer.name)},
                *({"key": clean(key), "value": said} for key, said in layer_config(layer).items()),
            ],
            "incomingEdges": list(_edges(layer)),
            "outputsMetadata": list(_outputs(graph, layer)),
        }


def _edges(layer: Layer) -> Iterator[dict[str, str]]:
    slots = [slot for call in layer.calls for slot in call.slots]
    for place, slot in enumerate(slots):
        yield {
            "sourceNodeId": "/".join((*layer.parents, slot.tensor.layer)),
            "sourceNodeOutputId": str(slot.tensor.output),
            "targetNodeInputId": str(place),
        }


def _outputs(graph: Graph, layer: Layer) -> Iterator[dict[str, Any]]:
    home = graph.home(layer.path) if layer.home else graph
    for tensor, spec in sorted(home.recorded.items()):
        if tensor.layer == layer.name and not tensor.call:
            yield {
                "id": str(tensor.output),
                "attrs": [
                    {"key": "tensor_name", "value": clean(tensor)},
                    {"key": "tensor_shape", "value": str(spec)},
                ],
            }


def explorer_data(plan: Plan) -> dict[str, Any]:
    """Node data by graph: what became of each layer that did not stay as it was."""
    overlay = overlay_of(plan.lineage)
    return {
        BEFORE: {"name": "patchspec", "results": dict(_results(overlay, before=True))},
        AFTER: {"name": "patchspec", "results": dict(_results(overlay, before=False))},
    }


def _results(overlay: Overlay, *, before: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    for node in overlay.nodes:
        path = node.before if before else node.after
        if path is None or node.kind == "output" or node.status == "same":
            continue
        yield (
            path,
            {"value": node.status, "bgColor": COLOURS[node.status], "textColor": "#1f2328"},
        )
