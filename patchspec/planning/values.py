"""Where the value of one variable comes from: what its rules say, worked out on shapes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from patchspec.graph.layer import Layer
from patchspec.operations._names import check_model
from patchspec.planning.known import BASE, Known
from patchspec.planning.plan import Move, Place
from patchspec.planning.shapes import VariableSpec
from patchspec.problems import PatchError, Pointer, Problem, did_you_mean, refuse, some, within
from patchspec.weights.pipelines import (
    OTHERS,
    Pipeline,
    Ruling,
    Rulings,
    changes,
    fitting,
    joined,
    pipeline_for,
    shapes_along,
    start_shape,
    text_of,
)
from patchspec.weights.rules._rule import Fresh, Shape, shown, whole
from patchspec.weights.rules.from_ import From
from patchspec.weights.rules.init import Init
from patchspec.weights.rules.keep import Keep

KEEP: Pipeline = (Ruling(Keep(), "keep", ()),)
INIT: Pipeline = (Ruling(Init(), "init", ()),)


@dataclass(frozen=True, slots=True)
class Said:
    """What one step says of the variables of a layer."""

    rulings: Rulings
    place: Place
    skip: frozenset[str] = frozenset()
    """What leaves a variable as it is: that its source is `missing`, or a `mismatch`."""

    def of(self, spec: VariableSpec) -> Pipeline:
        """What it says of one variable; nothing, perhaps."""
        return pipeline_for(self.rulings, spec.label, spec.name)


@dataclass(frozen=True, slots=True)
class Origin:
    """The layer whose variables `keep` means, and what earlier steps said of them."""

    model: str
    path: str
    said: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """A variable without a home; in which layer of the variant and by which step, where known."""

    problem: Problem
    layer: str | None = None
    place: Place | None = None


class UnaccountedError(Exception):
    """Variables without a home."""

    def __init__(self, found: Iterable[Fault]) -> None:
        self.found = tuple(found)
        super().__init__(self.found)


@dataclass(frozen=True, slots=True)
class Valued:
    """One variable of the variant, and all that is said of its value."""

    layer: Layer
    spec: VariableSpec
    origin: Origin | None
    """What `keep` means; none for a new layer that stands for nothing."""
    said: tuple[Said, ...]
    known: Known
    default: Pipeline
    """What holds where no step says anything."""
    place: Place | None = None
    """The step that made the layer, where it is new."""
    at: Pointer = ()
    """Where the rules stand in that step, where they do."""

    def move(self) -> Move:
        """What becomes of the variable; raises `UnaccountedError` where its rules do not fit.

        LookupError where nothing is known of a variable that it comes from.
        """
        said = [one for one in self.said if self._counts(one)]
        pipeline = joined(self.default, *(one.of(self.spec) for one in said))
        place = next((one.place for one in reversed(said) if one.of(self.spec)), self.place)
        try:
            return self._worked_out(pipeline, place)
        except PatchError as error:
            # A rule that is written somewhere is blamed on its own step.
            own = self._place_of(error.problems[0].at) or place
            raise UnaccountedError(Fault(p, self.layer.path, own) for p in error.problems) from None

    def _place_of(self, at: Pointer) -> Place | None:
        """The step in which a rule stands; what `load` says of a layer stands nowhere in it."""
        places = [
            one.place
            for one in self.said
            for ruling in one.of(self.spec)
            if at[: len(ruling.at)] == ruling.at and (ruling.at or not at)
        ]
        return places[-1] if places else None

    def _counts(self, said: Said) -> bool:
        """Whether a step's rules apply to this variable; some steps skip those they do not fit."""
        if not said.skip or not said.of(self.spec):
            return True
        try:
            self._worked_out(joined(self.default, said.of(self.spec)), said.place)
        except PatchError as error:
            reason = "missing" if error.problems[0].code == "PS510" else "mismatch"
            return reason not in said.skip
        return True

    def _worked_out(self, pipeline: Pipeline, place: Place | None) -> Move:
        first, spec = pipeline[0].rule, self.spec
        if isinstance(first, Fresh):
            with within(*pipeline[0].at):
                start = whole(first, start_shape(pipeline, spec.shape))
                first.check(start)
            return self._made(pipeline, (start,), place)
        origin, twin = self._source(pipeline[0])
        if origin.said:
            # What earlier steps made of the value that is taken comes before.
            earlier = joined(KEEP, *(one.of(twin) for one in origin.said))
            inner = Valued(
                self.layer, twin, Origin(origin.model, origin.path), (), self.known, earlier
            )
            if isinstance(earlier[0].rule, Fresh):
                return inner._worked_out((*earlier, *pipeline[1:]), place)
            pipeline = (*earlier, *pipeline[1:])
        path = f"{origin.path}/{twin.inner}"
        return self._made(pipeline, (twin.shape,), place, (origin.model, path))

    def _made(
        self,
        pipeline: Pipeline,
        start: tuple[Shape],
        place: Place | None,
        source: tuple[str, str] | None = None,
    ) -> Move:
        spec = self.spec
        shapes = (*start, *shapes_along(pipeline, start[0], spec.shape))
        if shapes[-1] != spec.shape:
            self._refuse_shape(pipeline, shapes[-1], source)
        plain = not any(True for _ in changes(pipeline))
        first = pipeline[0].rule
        named = str(spec.initializer["class_name"]) if spec.initializer else "its own"
        text = text_of(pipeline)
        if source is None:
            action = "initialised"
            text = named if plain and isinstance(first, Init) else text
        elif source[0] != BASE:
            action = "loaded"
        else:
            action = "kept" if plain and isinstance(first, Keep) else "adapted"
        simple = plain and isinstance(first, (Keep, Init, From))
        draws = source is None or any(ruling.rule.draws for ruling in pipeline)
        return Move(
            path=f"{self.layer.path}/{spec.inner}",
            action=action,  # type: ignore[arg-type]
            name=spec.name or None,
            shape=spec.shape,
            dtype=spec.dtype,
            trainable=spec.trainable and self.layer.config.get("trainable", True) is not False,
            sources=() if source is None else (source,),
            rule=text,
            initializer=spec.initializer if draws or not self.known.base.variables else None,
            pipeline=() if simple else pipeline,
            shapes=() if simple else shapes,
            place=place,
        )

    def _refuse_shape(
        self, pipeline: Pipeline, found: Shape, source: tuple[str, str] | None
    ) -> NoReturn:
        spec, layer = self.spec, self.layer
        rules = [ruling for ruling in pipeline if ruling.at]
        at = rules[-1].at if rules else () if self.said else self.at
        where = f"the `{spec.label}` of `{layer.path}`"
        if not any(True for _ in changes(pipeline)):
            model = "" if source is None or source[0] == BASE else f" of `{source[0]}`"
            origin = "" if source is None else source[0] and f"`{self._owner(source)}`{model}"
            said = (
                f"{where} would be {shown(found)}, that of {origin}; wanted is {shown(spec.shape)}"
            )
        else:
            said = f"the rules bring {where} to {shown(found)}, wanted is {shown(spec.shape)}"
        more = " | ".join(f"`{rule}`" for rule in fitting(found, spec.shape))
        hint = f"rules that fit, under `weights: {{{spec.label}: ...}}`: {more}"
        if source is not None and source[0] != BASE and not rules:
            hint = f"`mismatch: skip` leaves it; else `op: set` with `from` and a rule: {more}"
        problem = Problem(code="PS501", message=said, at=at, hint=hint)
        raise PatchError([problem])

    def _owner(self, source: tuple[str, str]) -> str:
        """The layer that a stored variable belongs to."""
        graph = self.known.model(source[0]).graph
        parts = source[1].split("/")
        paths = ("/".join(parts[:end]) for end in range(len(parts), 0, -1))
        return next((path for path in paths if path in graph.by_path), source[1])

    def _source(self, ruling: Ruling) -> tuple[Origin, VariableSpec]:
        """The variable that the rule takes its value from."""
        rule = ruling.rule
        with within(*ruling.at):
            origin, wanted = self.origin, (self.spec.label, self.spec.name)
            if isinstance(rule, From):
                origin = self._named(rule)
                wanted = (rule.variable, rule.variable) if rule.variable else wanted
            if origin is None:
                self._refuse_nothing_there()
            found = self.known.variables_of(origin.model, origin.path)
            if found is None or not all(spec.name for spec in (*found, self.spec)):
                return origin, self._by_number(origin, found, rule)
            for label in dict.fromkeys(wanted):
                for spec in found:
                    if label == spec.label:
                        return origin, spec
            by_name = [spec for spec in found if spec.name == wanted[1] == wanted[0]]
            if len(by_name) == 1:
                return origin, by_name[0]
            self._refuse_no_twin(origin, wanted[0], found)

    def _by_number(
        self, origin: Origin, found: Sequence[VariableSpec] | None, rule: object
    ) -> VariableSpec:
        """The variable at the same place, where nobody knows names."""
        same = [spec for spec in found or () if spec.inner == self.spec.inner]
        named = isinstance(rule, From) and rule.variable
        if named or not same:
            raise LookupError(origin.path)
        return same[0]

    def _named(self, rule: From) -> Origin | None:
        if rule.layer is None and rule.model is None:
            return self.origin
        model = rule.model or BASE
        check_model(model, {BASE, *self.known.models})
        own = self.origin.path if self.origin is not None else self.layer.path
        path = rule.layer or own
        graph = self.known.model(model).graph
        if path not in graph.by_path:
            near = did_you_mean(path, graph.by_path) or "it goes by its name there, before any step"
            whose = "the base" if model == BASE else f"`{model}`"
            said = (
                f"`{self.layer.path}` takes its values from `{path}`, which {whose} does not have"
            )
            refuse("PS510", said, hint=near)
        return Origin(model, path)

    def _refuse_nothing_there(self) -> NoReturn:
        problem = Problem(
            code="PS504",
            message=f"`{self.layer.name}` stands in the place of nothing of the base, so it has "
            "nothing to keep",
            hint="`{from: {layer: ..., variable: ...}}` takes the value of another layer",
        )
        raise PatchError([problem])

    def _refuse_no_twin(
        self, origin: Origin, wanted: str | None, found: Sequence[VariableSpec]
    ) -> NoReturn:
        model = "" if origin.model == BASE else f" of `{origin.model}`"
        problem = Problem(
            code="PS504",
            message=f"`{origin.path}`{model} has no variable `{wanted}` for the "
            f"`{self.spec.label}` of `{self.layer.path}`",
            notes=(f"it has {some(sorted(spec.label for spec in found)) or 'none'}",),
            hint=f'`weights: {{{self.spec.label}: init, "*": keep}}` initialises it',
        )
        raise PatchError([problem])


def unknown_labels(
    said: Iterable[Said], specs: Sequence[VariableSpec], layer: Layer
) -> Iterator[Fault]:
    """Names in rules that no variable of the layer has, and rules for a layer without any."""
    labels = {label for spec in specs for label in (spec.label, spec.name)}
    known = some(sorted({spec.label for spec in specs}))
    for one in said:
        for label, pipeline in one.rulings.items():
            named = label != OTHERS
            if not pipeline[0].at or (label in labels if named else specs):
                continue
            # What `load` says of a layer stands nowhere. Elsewhere the pointer of a rule goes on
            # behind the name of its variable.
            at = pipeline[0].at
            what = f"no variable `{label}`" if named else "no variables"
            problem = Problem(
                code="PS504",
                message=f"`{layer.path}` has {what}",
                at=at[: at.index("weights") + 1 + named],
                on="key" if named else "value",
                hint=f"its variables are {known}" if specs else None,
            )
            yield Fault(problem, layer.path, one.place)
