"""The plan: all that will happen to a model, as plain data, with nothing done yet."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, Literal, get_args

from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.graph.tensors import Spec, Tensor
from patchspec.language.patch import Patch, Step
from patchspec.models.base import Base, architecture_digest, ordered_config
from patchspec.planning.summary import LayerSummary, Lineage
from patchspec.problems import Pointer, Problem
from patchspec.weights.pipelines import Pipeline

FORMAT = 1
Action = Literal["kept", "adapted", "loaded", "initialised", "dropped"]
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True, slots=True)
class Place:
    """Which step of which patch: what a change or a finding goes back to."""

    patch: int
    step: int

    def of(self, patches: Sequence[Patch]) -> Step:
        """The step itself."""
        return patches[self.patch].steps[self.step]


@dataclass(frozen=True, slots=True)
class Change:
    """What one step did to one target; with no place, what all of them made stale."""

    place: Place | None
    target: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of one variable."""

    path: str
    """In the variant; of a dropped one, in the base."""
    action: Action
    name: str | None = None
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    trainable: bool | None = None
    sources: tuple[tuple[str, str], ...] = ()
    """Where the value comes from: pairs of a model and a path in it."""
    rule: str | None = None
    """The rules as they are written, or the initializer."""
    initializer: Mapping[str, Any] | None = field(default=None, repr=False)
    pipeline: Pipeline = field(default=(), repr=False, compare=False)
    """The rules, from the one that starts the value; none where it is kept or initialised."""
    shapes: tuple[tuple[int, ...], ...] = field(default=(), repr=False, compare=False)
    """The shape at the start, and after each rule that changes the value."""
    place: Place | None = None

    @property
    def size(self) -> int:
        """The number of values; 0 where the shape is not known."""
        count = 1
        for n in self.shape if self.shape is not None else (0,):
            count *= n
        return count

    @property
    def nbytes(self) -> int:
        """The bytes that the values take; 0 where shape or dtype are not known."""
        bits = re.search(r"\d+", self.dtype or "")
        width = -(-int(bits[0]) // 8) if bits else int(self.dtype == "bool")
        return self.size * width

    @property
    def grown(self) -> int:
        """How many values more it takes than its source holds, on the way there too."""
        if not self.shapes:
            return self.size if self.action == "initialised" else 0
        most = max(map(prod, self.shapes))
        return most - prod(self.shapes[0]) if self.sources else most


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a reviewer should know, and whether the patch accepts it."""

    problem: Problem
    place: Place | None = None
    allowed: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two steps of different patches that say something else of the same thing."""

    what: str
    first: Place
    second: Place


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation of a patch, and what is."""

    at: Pointer
    what: str
    expected: str
    actual: str
    holds: bool | None
    """None where it is not known yet: without shapes, or before the variant is built."""
    patch: int = 0


@dataclass(frozen=True, slots=True)
class Output:
    """One output of the variant, or one input."""

    name: str
    tensor: str
    spec: Spec | None


@dataclass(frozen=True)
class Plan:
    """Everything that some patches will do to one base."""

    base: Base
    patches: tuple[Patch, ...]
    document: Mapping[str, Any]
    """The config document afterwards."""
    changes: tuple[Change, ...]
    moves: tuple[Move, ...]
    """One for every variable of the variant, then one for each that is dropped; empty where the
    base's variables are not known and no shapes were inferred."""
    findings: tuple[Finding, ...]
    outputs: tuple[Output, ...]
    origins: Mapping[str, str | None]
    """For every layer of the variant, nested ones too, the layer of the base that it is, or none;
    both by path."""
    replaces: Mapping[str, str]
    """For every new layer that stands in the place of one of the base, that one."""
    with_shapes: bool
    weights_known: bool
    branched: tuple[str, ...] = ()
    """The Sequential models that become functional, by path; the whole model is ``."""
    models: Mapping[str, Base] = field(default_factory=dict)
    """The other models that values come from, by the names that the patches give them."""
    came: tuple[int | None, ...] = ()
    """For every output, in the order of the config, that of the base; none for a new one."""
    trained: tuple[str, ...] | None = None
    """The trainable variables of the base in the order in which its optimizer counts them; none
    where it has no state, or that is not certain."""
    checks: tuple[Check, ...] = ()
    """The expectations of the patches: none of them fails, or there would be no plan."""
    lens: Graph | None = field(default=None, repr=False, compare=False)
    """The lens over the document, where somebody has looked through it already."""

    def model(self, name: str) -> Base:
        """A model by its name; `base` is the base."""
        return self.models.get(name, self.base)

    @cached_property
    def graph(self) -> Graph:
        """The lens over the document afterwards."""
        return Graph.of(self.document) if self.lens is None else self.lens

    @cached_property
    def architecture(self) -> str:
        """The digest of the canonical config afterwards."""
        return architecture_digest(self.document)

    @property
    def json_patch(self) -> list[dict[str, Any]]:
        """The plan as one RFC 6902 document, for the base's config document."""
        return [edit.as_json() for change in self.changes for edit in change.edits]

    @cached_property
    def written_document(self) -> dict[str, Any]:
        """The document as a file holds it: layers in Keras's graph order, without sharing ids."""
        document = dict(self.document)
        document["config"] = ordered_config(_without_sharing(document["config"]))
        return document

    @property
    def is_identity(self) -> bool:
        """Whether the variant is the base, as far as the plan knows."""
        speaks_of_weights = any(change.place and not change.edits for change in self.changes)
        if any(change.edits for change in self.changes):
            return False
        kept = all(move.action == "kept" for move in self.moves)
        return kept and (self.weights_known or not speaks_of_weights)

    def _repr_html_(self) -> str:
        # How a plan looks is for a later room to say; a notebook asks the value itself.
        from patchspec.review.html import plan_html  # noqa: PLC0415
        from patchspec.review.report.notebook import framed_page  # noqa: PLC0415

        return plan_html(self) + framed_page(self)

    @cached_property
    def lineage(self) -> Lineage:
        """The base's graph and the variant's, and which layer is which."""
        return Lineage(self.base.graph, self.graph, self.origins, self.replaces)

    @property
    def layers(self) -> LayerSummary:
        """Which layers are added, removed, replaced and changed."""
        return self.lineage.layers

    @cached_property
    def output_specs(self) -> Mapping[Tensor, Spec]:
        """What is known of the outputs' tensors."""
        pairs = zip(self.graph.outputs, self.outputs, strict=True)
        return {slot.tensor: output.spec for slot, output in pairs if output.spec is not None}

    @cached_property
    def parameters(self) -> Mapping[str, Mapping[str, int | None]]:
        """The number of parameters before and after, in all and trainable; None if not known."""
        kept = [move for move in self.moves if move.action != "dropped"]
        after = _count([(move.size, move.trainable) for move in kept], self.weights_known)
        before: dict[str, int | None] = {"total": None, "trainable": None}
        if self.base.variables is not None:
            total = 0
            for variable in self.base.variables.values():
                size = 1
                for n in variable.shape:
                    size *= n
                total += size
            before["total"] = total
        elif self.weights_known:
            before["total"] = sum(self._base_sizes().values())
        return {"before": before, "after": after}

    def _base_sizes(self) -> dict[str, int]:
        """The number of values of each variable of the base, as far as moves say it."""
        sizes = {m.path: m.size for m in self.moves if m.action == "dropped"}
        for move in self.moves:
            start = prod(move.shapes[0]) if move.shapes else move.size
            sizes |= {path: start for model, path in move.sources if model == "base"}
        return sizes

    @cached_property
    def digest(self) -> str:
        """SHA-256 over base, patches, seeds, the architecture afterwards and the weight rows."""
        said = {
            "base": self.base.architecture,
            "patches": [[p.digest, p.seed, dict(p.settings)] for p in self.patches],
            "architecture": self.architecture,
            "weights": weight_rows(self),
        }
        text = json.dumps(said, sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _count(sizes: list[tuple[int, bool | None]], known: bool) -> dict[str, int | None]:
    if not known:
        return {"total": None, "trainable": None}
    total = sum(size for size, _ in sizes)
    if any(trainable is None for _, trainable in sizes):
        return {"total": total, "trainable": None}
    return {"total": total, "trainable": sum(size for size, trainable in sizes if trainable)}


def _without_sharing(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_sharing(v) for k, v in value.items() if k != "shared_object_id"}
    return [_without_sharing(item) for item in value] if isinstance(value, list) else value


def weight_rows(plan: Plan) -> list[dict[str, Any]]:
    """One row for every variable of the variant, and for every one of the base that is dropped."""
    return [
        {
            "path": move.path,
            "name": move.name,
            "shape": None if move.shape is None else list(move.shape),
            "dtype": move.dtype,
            "action": move.action,
            "sources": [{"model": model, "path": path} for model, path in move.sources],
            "rule": move.rule,
            "step": None if move.place is None else [move.place.patch, move.place.step],
        }
        for move in plan.moves
    ]


def transfer(plan: Plan) -> dict[str, dict[str, int]]:
    """How many variables, values and bytes are kept, initialised, dropped; sums of the rows."""
    rows: dict[str, dict[str, int]] = {}
    for action in ACTIONS:
        moves = [move for move in plan.moves if move.action == action]
        rows[action] = {
            "variables": len(moves),
            "values": sum(move.size for move in moves),
            "bytes": sum(move.nbytes for move in moves),
        }
    return rows
