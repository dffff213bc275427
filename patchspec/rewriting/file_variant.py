"""The variant of a plan as a file that is written from other files; no model is made for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from patchspec.models.base import Variable
from patchspec.models.folder_out import write_folder
from patchspec.models.streaming import Progress
from patchspec.models.weights_out import write_weights
from patchspec.models.whole import WholeModel
from patchspec.models.writer import write_archive
from patchspec.planning.forgotten import forgotten
from patchspec.planning.plan import Check, Finding, Plan
from patchspec.problems import refuse
from patchspec.rewriting.assets import moved_assets
from patchspec.rewriting.links import same_weights
from patchspec.rewriting.obstacles import check_weights, obstacle
from patchspec.rewriting.optimizers import misfitting_state, optimizer_state
from patchspec.rewriting.provenance import Planned, metadata_of
from patchspec.rewriting.values import variables_of


@dataclass(frozen=True)
class FileVariant(Planned):
    """What `building` would save of a plan, byte for byte, and nothing that runs."""

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What a reviewer should know, of the plan and of what files do not hold."""
        return tuple(
            dict.fromkeys(
                [*self.plan.findings, *forgotten(self.plan), *misfitting_state(self.plan)]
            )
        )

    @property
    def checks(self) -> tuple[Check, ...]:
        """The expectations of the patches, all of which hold."""
        return self.plan.checks

    @cached_property
    def variables(self) -> list[Variable]:
        """Its variables; PS508 where one that a value comes from is not as planned."""
        return variables_of(self.plan)

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

        Not `zipped` it is a folder with what the file holds. With `link`, where the base is one too
        and all of its weights stay in their places, both are one file on the disk: what is written
        into the one is written into the other. PS904 where the file exists
        and `force` is not given, PS905 where it cannot be written, PS903 where a file that values
        come from is damaged.
        """
        target = Path(path)
        if zipped:
            write_archive(target, self._whole, force=force, progress=progress)
        else:
            linked = same_weights(self.plan) if link else None
            write_folder(target, self._whole, force=force, progress=progress, same_weights=linked)
        return target

    def save_weights(
        self, path: str | Path, *, force: bool = False, shard_size: int | None = None
    ) -> Path:
        """Write the variables alone: see `Variant.save_weights`."""
        graph, target = self.plan.graph, Path(path)
        return write_weights(
            target, self.variables, graph=graph, force=force, shard_size=shard_size
        )

    @cached_property
    def _whole(self) -> WholeModel:
        plan = self.plan
        return WholeModel(
            plan.written_document,
            self.variables,
            metadata_of(plan),
            optimizer_state(plan) or {},
            moved_assets(plan),
            plan.graph,
        )


def file_variant(plan: Plan) -> FileVariant:
    """The variant of a plan, to be written from the files of its models.

    PS910 where a model that values come from has none, PS928 where only a live model can do what
    the plan says.
    """
    check_weights(plan)
    reason = obstacle(plan)
    if reason is not None:
        refuse(
            "PS928",
            f"the variant cannot be written without a model being made: {reason}",
            hint="`patchspec.build(plan).save(path)` makes one; `patchspec apply` does so itself",
        )
    return FileVariant(plan)
