"""Training goes on in a variant: the optimizer's state follows the variables."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers as L

import patchspec
from patchspec.building.optimizers import parts, variable_paths
from patchspec.problems import PatchError
from patchspec.rewriting.obstacles import obstacle
from tests.conftest import patch_of
from tests.planning.test_properties import cases

O = keras.optimizers  # noqa: E741
RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(8, 4)).astype("float32"), RANDOM.normal(size=(8, 3)).astype("float32")
OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda: O.SGD(0.1, momentum=0.9),
    "adam": lambda: O.Adam(amsgrad=True),
    "adamw": O.AdamW,
    "rmsprop": lambda: O.RMSprop(momentum=0.5, centered=True),
    "lion": O.Lion,
    "adafactor": O.Adafactor,
    "nadam": O.Nadam,
    "muon": lambda: O.Muon(0.01),
    "schedule free": lambda: O.ScheduleFreeAdamW(0.01),
    "schedule": lambda: O.Adam(O.schedules.ExponentialDecay(0.1, 2, 0.5)),
    "loss scale": lambda: O.LossScaleOptimizer(O.Adam()),
    "accumulating": lambda: O.Adam(gradient_accumulation_steps=2),
}
EMPTY = "[]"


def model(optimizer: Any, *, parts: bool = False, dropout: float = 0.0) -> Any:
    keras.utils.set_random_seed(0)
    x = y = keras.Input((4,), name="x")
    if parts:
        y = L.Bidirectional(L.LSTM(3), name="bi")(L.Reshape((2, 2), name="steps")(y))
    y = L.BatchNormalization(name="norm")(L.Dense(5, name="body")(y))
    if dropout:
        y = L.Dropout(dropout, seed=3, name="drop")(y)
    built = keras.Model(x, L.Dense(3, name="head")(y))
    built.compile(optimizer, "mse")
    return built


def train(built: Any, epochs: int) -> Any:
    built.fit(X, Y, batch_size=4, epochs=epochs, verbose=0, shuffle=False)
    return built


def same(one: Any, other: Any) -> bool:
    mine, theirs = one.get_weights(), other.get_weights()
    return all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))


FEW = [("adam", False)]
MANY = [(name, inner) for name in OPTIMIZERS for inner in (False, True)]


@pytest.mark.parametrize(
    ("name", "parts"),
    [*FEW, *(pytest.param(*one, marks=pytest.mark.slow) for one in MANY if one not in FEW)],
)
def test_training_broken_off_and_taken_up_again_is_training(
    name: str, parts: bool, tmp_path: Path
) -> None:
    """Two epochs, the empty patch and three more are five epochs, bit by bit."""
    make = OPTIMIZERS[name]
    whole = train(model(make(), parts=parts), 5)
    base = train(model(make(), parts=parts), 2)
    base.save(tmp_path / "base.keras")
    live = patchspec.apply(base, patch_of(EMPTY))
    stored = patchspec.apply(tmp_path / "base.keras", patch_of(EMPTY))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = keras.saving.load_model(stored.save(tmp_path / "variant.keras"))
    assert not [f for f in (*live.findings, *stored.findings) if f.problem.code == "PS424"]
    for one in (live.model, stored.model, loaded):
        assert same(train(one, 3), whole)


def test_dropout_goes_on_where_it_was_from_live_to_live(tmp_path: Path) -> None:
    """E7, T34: a file keeps no state of generators, which is said (PS507)."""
    whole = train(model("adam", dropout=0.5), 4)
    base = train(model("adam", dropout=0.5), 2)
    base.save(tmp_path / "base.keras")
    assert same(train(patchspec.apply(base, patch_of(EMPTY)).model, 2), whole)
    stored = patchspec.apply(tmp_path / "base.keras", patch_of(EMPTY))
    assert [f.problem.code for f in stored.findings] == ["PS507"]


@pytest.mark.parametrize("kind", ["dense", "embedding"])
def test_training_with_lora_goes_on_where_it_was_from_live_to_live(kind: str) -> None:
    """E7, T46: a file holds the sum of kernel and matrices, a live model each of them."""
    one, other = (_with_lora(kind) for _ in range(2))
    data = np.arange(8).reshape(8, 1) % 4 if kind == "embedding" else X
    for built in (one, other):
        built.fit(data, Y, batch_size=4, epochs=2, verbose=0, shuffle=False)
    variant = patchspec.apply(other, patch_of("- {op: rename, layers: head, name: h}")).model
    for built in (one, variant):
        built.fit(data, Y, batch_size=4, epochs=2, verbose=0, shuffle=False)
    assert same(variant, one)


def _with_lora(kind: str) -> Any:
    keras.utils.set_random_seed(0)
    if kind == "dense":
        x = keras.Input((4,), name="x")
        y = L.Dense(5, name="body")(x)
    else:
        x = keras.Input((1,), name="x", dtype="int32")
        y = L.Flatten(name="flat")(L.Embedding(4, 5, name="body")(x))
    built = keras.Model(x, L.Dense(3, name="head")(y))
    built.get_layer("body").enable_lora(2)
    built.compile("adam", "mse")
    return built


def test_what_a_file_does_not_hold_of_lora_is_reported(tmp_path: Path) -> None:
    """E7: and the optimizer's steps are counted on all the same."""
    base = _with_lora("dense")
    train(base, 2).save(tmp_path / "base.keras")
    variant = patchspec.apply(tmp_path / "base.keras", patch_of(EMPTY))
    [finding] = variant.findings
    assert finding.problem.code == "PS507"
    assert "LoRA" in finding.problem.message
    assert int(variant.model.optimizer.iterations) == 4
    assert np.array_equal(variant.model.predict(X, verbose=0), base.predict(X, verbose=0))


def test_the_state_of_every_kind_of_layer_goes_from_live_to_live() -> None:
    """E7: what is adapted, looked up, drawn and remembered is the same in the variant."""
    words = keras.Input(batch_shape=(2, 3), name="words", dtype="string")
    lookup = L.StringLookup(name="lookup")
    lookup.adapt(np.array(["a", "b", "c", "a"]))
    norm = L.Normalization(name="norm")
    norm.adapt(RANDOM.normal(5, 2, (32, 4)).astype("float32"))
    y = norm(L.Embedding(lookup.vocabulary_size(), 4, name="embed")(lookup(words)))
    y = L.Dropout(0.5, seed=3, name="drop")(L.LSTM(5, stateful=True, name="lstm")(y))
    base = keras.Model(words, L.Dense(2, name="head")(y))
    data = keras.ops.convert_to_tensor([["a", "b", "z"], ["c", "a", "b"]])
    base(data, training=True)
    variant = patchspec.apply(base, patch_of("- {op: rename, layers: lstm, name: memory}")).model
    for _ in range(2):
        one, other = (np.asarray(m(data, training=True)) for m in (base, variant))
        assert np.array_equal(one, other)


HEAD = (
    "- {op: replace, layers: head, new: {class: Dense, name: cls, config: {units: 3}, "
    "weights: init}}\n"
)


def slots(built: Any) -> dict[tuple[str, str], np.ndarray[Any, Any]]:
    """The momenta of the optimizer by the variable that they are of: its layer, and its name."""
    owners = {id(v): (layer.name, v.name) for layer in built.layers for v in layer.variables}
    trained = built.optimizer._trainable_variables
    momenta = built.optimizer._momentums
    return {owners[id(v)]: np.asarray(m.numpy()) for v, m in zip(trained, momenta, strict=True)}


@pytest.mark.parametrize("from_file", [False, True], ids=["live", "file"])
@pytest.mark.parametrize("parts", [False, True], ids=["plain", "parts"])
def test_slots_follow_their_variables_and_new_ones_start_at_zero(
    from_file: bool, parts: bool, tmp_path: Path
) -> None:
    """E10: three steps, another head; the steps are counted on."""
    base = train(model("adam", parts=parts), 3)
    base.save(tmp_path / "base.keras")
    given: Any = tmp_path / "base.keras" if from_file else base
    steps = f"{HEAD}- {{op: insert, after: body, new: {{class: Dense, name: more, "
    steps += "config: {units: 5}}}\n- {op: rename, layers: norm, name: n}"
    variant = patchspec.apply(given, patch_of(steps))
    mine, theirs = slots(variant.model), slots(base)
    assert int(variant.model.optimizer.iterations) == int(base.optimizer.iterations) == 6
    for (layer, name), value in mine.items():
        if layer in ("cls", "more"):
            assert not value.any()
        else:
            origin = {"n": "norm"}.get(layer, layer)
            assert np.array_equal(value, theirs[origin, name])
            assert value.any()
    loaded = keras.saving.load_model(variant.save(tmp_path / "variant.keras"))
    again = slots(loaded)
    assert all(np.array_equal(again[key], value) for key, value in mine.items())


@pytest.mark.parametrize("from_file", [False, True], ids=["live", "file"])
def test_freezing_and_unfreezing_keep_slots_with_their_variables(
    from_file: bool, tmp_path: Path
) -> None:
    base = train(model("adam"), 2)
    before = slots(base)
    base.save(tmp_path / "base.keras")
    given: Any = tmp_path / "base.keras" if from_file else base
    frozen = patchspec.apply(given, patch_of("- {op: freeze, layers: body}"))
    mine = slots(frozen.model)
    assert ("body", "kernel") not in mine
    assert all(np.array_equal(value, before[key]) for key, value in mine.items())
    frozen.save(tmp_path / "frozen.keras")
    given = tmp_path / "frozen.keras" if from_file else frozen.model
    thawed = slots(patchspec.apply(given, patch_of("- {op: unfreeze, layers: body}")).model)
    assert not thawed["body", "kernel"].any()
    assert np.array_equal(thawed["head", "kernel"], before["head", "kernel"])
    assert list(thawed) == list(before)


def test_a_state_of_other_variables_is_dropped_and_said_so(tmp_path: Path) -> None:
    """A model that was frozen after it was compiled saves slots that its config does not tell."""
    for inner in (False, True):
        base = train(model("adam", parts=inner), 1)
        base.get_layer("body").trainable = False
        base.save(tmp_path / "base.keras")
        variant = patchspec.apply(tmp_path / "base.keras", patch_of(EMPTY))
        assert "PS424" in [finding.problem.code for finding in variant.findings]
        assert int(variant.model.optimizer.iterations) == 0
        live = patchspec.apply(base, patch_of(EMPTY))
        assert int(live.model.optimizer.iterations) == 2


def test_settings_of_compile_are_carried() -> None:
    """E9: how it is run too."""
    base = model("adam")
    base.compile("adam", "mse", run_eagerly=True, steps_per_execution=2, jit_compile=False)
    built = patchspec.apply(base, patch_of(HEAD)).model
    assert (built.run_eagerly, built.steps_per_execution, built.jit_compile) == (True, 2, False)


def test_the_base_trains_on_by_itself() -> None:
    """T38: what the variant learns, its base does not."""
    base = train(model("adam"), 1)
    values = base.get_weights()
    state = [np.asarray(v.numpy()) for v in base.optimizer.variables]
    train(patchspec.apply(base, patch_of(HEAD)).model, 2)
    assert all(np.array_equal(a, b) for a, b in zip(values, base.get_weights(), strict=True))
    now = [np.asarray(v.numpy()) for v in base.optimizer.variables]
    assert all(np.array_equal(a, b) for a, b in zip(state, now, strict=True))


@given(case=cases(), name=st.sampled_from(["adam", "adafactor", "loss scale"]))
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_for_every_graph_slots_follow_the_plan_live_through_files_and_rewritten(
    case: Any, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    document, steps = case
    folder = tmp_path_factory.mktemp("case")
    try:
        keras.backend.clear_session()
        base = keras.saving.deserialize_keras_object(copy.deepcopy(document))
    except ValueError as error:
        assert "disconnected" in str(error)
        return
    base.compile(OPTIMIZERS[name](), "mse")
    remembered = randomly_remembering(base)
    base.save(folder / "base.keras")
    try:
        plans = [patchspec.resolve(patch_of(steps), one) for one in (base, folder / "base.keras")]
    except PatchError:
        return
    variants = [patchspec.build(plan) for plan in plans]
    if not variants[0].model.compiled:
        return
    moves = {move.path: move for move in plans[0].moves if move.action != "dropped"}
    for variant in variants:
        paths = variable_paths(variant.model)
        for (what, path), value in parts(variant.model.optimizer, paths).items():
            move = moves.get(path)
            kept = move is None or move.action == "kept"
            before = remembered.get((what, move.sources[0][1] if move and kept else ""))
            if not kept or before is None:
                continue
            assert np.array_equal(value, before), (what, path)
    if obstacle(plans[1]) is None:
        one = patchspec.rewrite(plans[1], folder / "one.keras")
        assert one.read_bytes() == variants[1].save(folder / "other.keras").read_bytes()


def randomly_remembering(base: Any) -> dict[tuple[str, str], np.ndarray[Any, Any]]:
    """Give the optimizer of a model a state that no other has; by what each part of it is."""
    if not base.optimizer.built:
        base.optimizer.build(base.trainable_variables)
    held = parts(base.optimizer, variable_paths(base))
    for number, variable in enumerate(held.values()):
        variable.assign(np.full(variable.shape, number + 1, str(variable.dtype)))
    return {key: np.asarray(variable) for key, variable in held.items()}
