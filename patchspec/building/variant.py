"""The variant: what happened. The live model, the plan it came from, and how to keep both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from patchspec.building.comparing import compare
from patchspec.building.live import build_model
from patchspec.building.optimizers import state_of
from patchspec.building.state import saved_assets
from patchspec.building.variables import as_view, holders
from patchspec.models.base import Variable, state_digest
from patchspec.models.files import check_folder, check_target
from patchspec.models.folder_out import write_folder
from patchspec.models.layout import layer_groups
from patchspec.models.streaming import Progress
from patchspec.models.weights_out import write_weights
from patchspec.models.whole import WholeModel
from patchspec.models.writer import write_archive
from patchspec.planning.plan import Check, Finding, Plan
from patchspec.review.html import plan_html
from patchspec.review.report.notebook import framed_page
from patchspec.rewriting.optimizers import ITERATION
from patchspec.rewriting.provenance import Planned, metadata_of


@dataclass(frozen=True)
class Variant(Planned):
    """A model built from a plan."""

    model: Any
    """The live Keras model."""
    findings: tuple[Finding, ...]
    """What a reviewer should know, of the plan and of the building."""
    checks: tuple[Check, ...] = ()
    """The expectations of the patches, all of which hold."""
    shared: bool = False
    """Whether its layers, those that stay, are the base's own."""

    @property
    def state(self) -> str:
        """The digest of the variables as they are now."""
        return state_digest(self._variables())

    def save(
        self,
        path: str | Path,
        *,
        zipped: bool = True,
        link: bool = False,
        force: bool = False,
        progress: Progress | None = None,
    ) -> Path:
        """Write the variant as a `.keras` file that Keras loads as any other; whole or not at all.

        `config.json` is the plan's document, the weights are the model's as they are now, and the
        provenance lies in `metadata.json`. Not `zipped` it is a folder with what the file holds.
        `progress` is told how many bytes of how many are written. PS904 where the file exists and
        `force` is not given, PS905 where it cannot be written.
        """
        target = Path(path)
        (check_target if zipped else check_folder)(target, force=force)
        whole = WholeModel(
            self.plan.written_document,
            self._variables(),
            metadata_of(self.plan),
            self._optimizer(),
            self._assets(),
            self.plan.graph,
        )
        (write_archive if zipped else write_folder)(target, whole, force=force, progress=progress)
        return target

    def save_weights(
        self, path: str | Path, *, force: bool = False, shard_size: int | None = None
    ) -> Path:
        """Write the variables as they are now, alone.

        In a `.npz` or `.safetensors` file the keys are the paths by which the plan knows them
        (`encoder/dense/vars/0`), so that the file goes with the variant's architecture as
        `weights`. A `.weights.h5`, or a `.weights.json` with shards of at most `shard_size` bytes
        beside it, is for `model.load_weights` too. The same values give the same bytes.
        What is no variable, a vocabulary say, or an optimizer's state, is only in what `save`
        writes.
        PS904 where the file exists and `force` is not given, PS905 where it cannot be written,
        PS920 without the package for `.safetensors`, PS922 for another suffix.
        """
        return write_weights(
            Path(path),
            self._variables(),
            graph=self.plan.graph,
            force=force,
            shard_size=shard_size,
        )

    def _variables(self) -> list[Variable]:
        return [
            _held(holder.variable_path(number), value)
            for holder in holders(self.model)
            for number, value in holder.own().items()
        ]

    def _optimizer(self) -> dict[str, Variable]:
        """The state of the model's optimizer, where the document says that there is one."""
        if not self.plan.document.get("compile_config"):
            return {}
        state = state_of(getattr(self.model, "optimizer", None))
        return {path: _counted(_held(path, value)) for path, value in state.items()}

    def _assets(self) -> dict[str, bytes]:
        """The files that layers save beside their weights, by their path in the archive."""
        groups = {layer.path: group for layer, group in layer_groups(self.plan.graph)}
        found: dict[str, bytes] = {}
        for holder, files in saved_assets(self.model):
            folder = f"assets/{groups[holder.layer]}{holder.path.removeprefix(holder.layer)}"
            found |= {f"{folder}/{name}": content for name, content in files.items()}
        return found

    def _repr_html_(self) -> str:
        return plan_html(self.plan) + framed_page(self.plan)


def _counted(variable: Variable) -> Variable:
    """A number of steps in the dtype in which files have it; each backend has its own."""
    if variable.dtype != "int32":
        return variable
    return replace(variable, dtype=ITERATION, read=lambda: variable.read().astype(ITERATION))


def _held(path: str, value: Any) -> Variable:
    """What a live model holds, looked at when it is read."""
    dtype = keras.backend.standardize_dtype(value.dtype)
    return Variable(path, tuple(int(n) for n in value.shape), dtype, lambda: as_view(value))


def build(
    plan: Plan, custom_objects: Mapping[str, Any] | None = None, *, share: bool = False
) -> Variant:
    """Build the variant of a plan as a live Keras model; the base is not touched.

    With `share` the variant is a new graph over the base's own layers instead: see
    `patchspec.build`. What the patches expect of values is compared with the base here: PS602 where
    it does not hold.
    """
    built = build_model(plan, custom_objects, share=share)
    findings = dict.fromkeys([*plan.findings, *built.findings])
    checks = tuple(check for check in plan.checks if check.holds is not None)
    if len(checks) < len(plan.checks):
        checks += compare(plan, built.model, custom_objects)
    return Variant(plan, built.model, tuple(findings), checks, shared=share)
