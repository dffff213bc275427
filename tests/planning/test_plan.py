"""The plan: guards, digests, pins, shapes, findings, and what is left of the compile config."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonpatch
import jsonschema
import keras
import pytest

import patchspec
from patchspec.models.base import Base
from patchspec.models.opening import open_base
from patchspec.planning.saved import check_fresh, read_saved, saved_json
from patchspec.problems import PatchError
from patchspec.review.plans import plan_json, plan_text
from patchspec.review.schemas import schema
from tests import configs
from tests.conftest import lower, patch_of

DROP = "- {op: insert, after: a, new: {class: Dropout, name: drop, config: {rate: 0.5}}}"
SAMPLES = Path(__file__).parents[1] / "samples"


def codes(model: Any, steps: str, **header: Any) -> list[str]:
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(patch_of(steps, **header), model)
    return [p.code for p in caught.value.problems]


def test_every_group_of_edits_stands_behind_a_test_of_the_name() -> None:
    """T65: an index means nothing in a list that has moved."""
    plan = lower(configs.diamond(), f"{DROP}\n- {{op: rename, layers: b, name: bb}}")
    guarded = None
    for edit in plan.json_patch:
        path = edit["path"].split("/")
        if edit["op"] == "test":
            guarded = path[3]
        elif path[1:3] == ["config", "layers"] and path[3] != "-":
            assert path[3] == guarded


def test_the_document_refuses_a_model_whose_layers_stand_elsewhere() -> None:
    """T65: `add` and `remove` would succeed at the wrong layer."""
    plan = lower(configs.diamond(), DROP)
    moved = configs.diamond()
    moved["config"]["layers"].insert(1, configs.dense("new", "x"))
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        jsonpatch.apply_patch(moved, plan.json_patch)


def test_a_chain_may_be_deeper_than_python_recurses() -> None:
    names = [f"l{i}" for i in range(5_000)]
    steps = (
        "- {op: insert, after: l4989, new: {class: ReLU, name: r}}\n"
        "- {op: remove, layers: {name: l4988, before: l4999}}\n"
        "- {op: freeze, layers: {after: l4990}}"
    )
    plan = patchspec.resolve(patch_of(steps), Base(configs.chain(*names)), shapes=False)
    assert len(plan.origins) == 5_001
    assert len(plan.changes) == 12


def test_only_four_operations_of_rfc_6902_are_used() -> None:
    plan = lower(configs.diamond(), f"{DROP}\n- {{op: remove, layers: drop}}")
    assert {edit["op"] for edit in plan.json_patch} <= {"test", "add", "remove", "replace"}


def test_a_plan_can_be_made_twice_and_changes_nothing() -> None:
    document = configs.diamond()
    before = copy.deepcopy(document)
    assert lower(document, DROP).digest == lower(document, DROP).digest
    assert document == before


def test_a_layer_added_and_taken_away_again_leaves_no_trace() -> None:
    plan = lower(configs.diamond(), f"{DROP}\n- {{op: remove, layers: drop}}")
    assert plan.architecture == plan.base.architecture
    assert not plan.layers


def test_a_second_patch_is_resolved_on_what_the_first_left() -> None:
    """C9: a stack has an order, and another order is another stack."""
    base = open_base(SAMPLES / "functional_linear.keras")
    first = patch_of("- {op: rename, layers: d1, name: one}")
    second = patch_of("- {op: insert, after: one, new: {class: ReLU, name: r}}", seed=4)
    plan = patchspec.resolve([first, second], base, shapes=False)
    assert "r" in plan.graph.layers
    with pytest.raises(PatchError) as caught:
        patchspec.resolve([second, first], base, shapes=False)
    assert caught.value.problems[0].code == "PS301"


def test_the_architecture_is_the_same_with_and_without_shapes() -> None:
    path = SAMPLES / "functional_linear.keras"
    steps = "- {op: insert, after: d1, new: {class: Dense, name: n, config: {units: 4}}}"
    bare = patchspec.resolve(patch_of(steps), path, shapes=False)
    full = patchspec.resolve(patch_of(steps), path)
    assert bare.architecture == full.architecture
    assert not bare.weights_known
    assert full.weights_known


def test_digests_bind_the_base() -> None:
    base = open_base(SAMPLES / "functional_linear.keras")
    assert base.state is not None
    good = {"architecture": base.architecture, "state": base.state, "keras": ">=3.15, <4"}
    assert patchspec.resolve(patch_of([], base=good), base, shapes=False).is_identity
    for key in ("architecture", "state"):
        bad = {**good, key: "sha256:" + "0" * 64}
        with pytest.raises(PatchError) as caught:
            patchspec.resolve(patch_of([], base=bad), base, shapes=False)
        assert caught.value.problems[0].code == "PS908"
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(patch_of([], base={"keras": "<3"}), base, shapes=False)
    assert caught.value.problems[0].code == "PS901"


def test_the_architecture_ignores_the_order_of_layers_and_what_keras_derives() -> None:
    one, other = configs.diamond(), configs.diamond()
    other["config"]["layers"].reverse()
    other["config"]["layers"][0]["build_config"] = {"input_shape": [None, 4]}
    other["compile_config"] = {"loss": "mse"}
    assert lower(one, []).architecture == lower(other, []).architecture
    other["config"]["layers"][0]["config"]["units"] = 5
    assert lower(one, []).architecture != lower(other, []).architecture


def test_shapes_behind_a_change_are_made_true() -> None:
    """D5, T1: a `build_config` of the old width would be checked against the new input."""
    path = SAMPLES / "functional_linear.keras"
    steps = "- {op: replace, layers: d1, new: {class: Dense, name: wide, config: {units: 9}}}\n"
    steps += (
        "- {op: replace, layers: d2, new: {class: Dense, name: head, config: {units: 2}, "
        "weights: init}}"
    )
    plan = patchspec.resolve(patch_of(steps), path)
    head = plan.graph.layers["head"]
    assert head.calls[0].slots[0].spec.shape == (None, 9)
    assert head.entry["build_config"] == {"input_shape": [None, 9]}


def test_without_shapes_stale_build_configs_go() -> None:
    """T1: Keras works them out anew."""
    plan = patchspec.resolve(
        patch_of("- {op: insert, after: d1, new: {class: ReLU, name: r}}"),
        SAMPLES / "functional_linear.keras",
        shapes=False,
    )
    assert "build_config" not in plan.graph.layers["d2"].entry
    assert plan.graph.layers["d2"].calls[0].data["args"][0]["config"]["shape"] == []
    assert plan.outputs[0].spec is None


def test_a_shape_that_does_not_fit_names_the_step_that_caused_it() -> None:
    steps = "- {op: insert, after: d1, new: {class: Reshape, name: r, config: {target_shape: [3]}}}"
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(patch_of(steps), SAMPLES / "functional_linear.keras")
    [problem] = caught.value.problems
    assert problem.code == "PS411"
    assert problem.span is not None
    assert problem.span.line == 3
    assert "Traceback" not in problem.message


def test_a_changed_width_without_a_rule_names_variable_and_shapes() -> None:
    steps = "- {op: set, layers: d1, config: {units: 9}}"
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(patch_of(steps), SAMPLES / "functional_linear.keras")
    problems = caught.value.problems
    assert {p.code for p in problems} == {"PS501"}
    assert any("`kernel`" in p.message and "(8, 9)" in p.message for p in problems)


def test_a_bias_that_is_switched_off_has_no_home() -> None:
    steps = "- {op: set, layers: d1, config: {use_bias: false}}"
    assert codes(SAMPLES / "functional_linear.keras", steps) == ["PS502"]


def test_a_value_that_keras_refuses_is_told_in_keras_s_words() -> None:
    """T69: what only Keras can say is said with a place, and without a traceback."""
    steps = (
        "- {op: set, layers: d1, config: {kernel_constraint: {class: MaxNorm, config: {axis: x}}}}"
    )
    steps = "- {op: insert, after: d1, new: {class: Reshape, name: r, config: {target_shape: a}}}"
    assert codes(SAMPLES / "functional_linear.keras", steps)[0] in {"PS411", "PS412"}


def test_every_variable_of_both_models_is_accounted_for() -> None:
    steps = """
- {op: rename, layers: d1, name: one}
- {op: replace, layers: d2, new: {class: Dense, name: head, config: {units: 3}}}
"""
    plan = patchspec.resolve(patch_of(steps), SAMPLES / "functional_linear.keras")
    found = {m.path: (m.action, m.sources) for m in plan.moves}
    assert found["one/vars/0"] == ("kept", (("base", "d1/vars/0"),))
    assert found["head/vars/0"] == ("initialised", ())
    assert found["d2/vars/0"] == ("dropped", ())
    sources = [s for m in plan.moves for s in m.sources]
    dropped = [m.path for m in plan.moves if m.action == "dropped"]
    assert sorted([p for _, p in sources] + dropped) == sorted(plan.base.variables)


def test_a_mask_that_passes_a_layer_without_masks_is_a_finding_that_can_be_allowed() -> None:
    """D7, T26: Keras would compute something else and at most warn."""
    ids = keras.Input((6,), name="ids", dtype="int32")
    embedded = keras.layers.Embedding(9, 4, mask_zero=True, name="emb")(ids)
    model = keras.Model(ids, keras.layers.LSTM(3, name="lstm")(embedded))
    conv = "class: Conv1D, name: conv, config: {filters: 4, kernel_size: 1}"
    plan = patchspec.resolve(patch_of(f"- {{op: insert, after: emb, new: {{{conv}}}}}"), model)
    assert [f.problem.code for f in plan.findings] == ["PS414"]
    assert "`conv`" in plan.findings[0].problem.message
    allowed = patchspec.resolve(
        patch_of(f"- {{op: insert, after: emb, allow: [PS414], new: {{{conv}}}}}"), model
    )
    assert [f.allowed for f in allowed.findings] == [True]
    stretched = "class: Conv1D, name: conv, config: {filters: 4, kernel_size: 3}"
    assert codes(model, f"- {{op: insert, after: emb, new: {{{stretched}}}}}") == ["PS413"]
    gone = patchspec.resolve(patch_of("- {op: extract, outputs: emb}"), model)
    assert "not_equal" not in gone.graph.layers


def test_a_mask_s_own_nodes_go_with_their_last_reader() -> None:
    ids = keras.Input((6,), name="ids", dtype="int32")
    embedded = keras.layers.Embedding(9, 4, mask_zero=True, name="emb")(ids)
    states = keras.layers.LSTM(4, return_sequences=True, name="lstm")(embedded)
    model = keras.Model(ids, keras.layers.Dense(2, name="d")(states))
    plan = patchspec.resolve(patch_of("- {op: remove, layers: lstm}"), model)
    assert [x.class_name for x in plan.graph.layers.values() if x.is_operation] == []


def test_the_compile_config_is_dropped_and_said_so_where_it_cannot_fit() -> None:
    base = open_base(SAMPLES / "compiled_adam.keras")
    steps = f"- {{op: expose-output, outputs: {{e: {next(iter(base.graph.layers))}}}}}"
    name = list(base.graph.layers)[1]
    steps = f"- {{op: expose-output, outputs: {{e: {name}}}}}"
    plan = patchspec.resolve(patch_of(steps), base, shapes=False)
    assert plan.document["compile_config"]["loss"] == ["mse", None]
    assert not plan.findings
    plan = patchspec.resolve(patch_of(f"- {{op: extract, outputs: {name}}}"), base, shapes=False)
    assert plan.document["compile_config"] == {}
    assert [f.problem.code for f in plan.findings] == ["PS423"]


def test_the_json_of_a_plan_fits_its_schema_and_sums_up() -> None:
    steps = (
        "- {op: replace, layers: d2, id: head, why: w, "
        "new: {class: Dense, name: h, config: {units: 3}}}"
    )
    plan = patchspec.resolve(patch_of(steps), SAMPLES / "functional_linear.keras")
    said = json.loads(json.dumps(plan_json(plan, with_config=True)))
    jsonschema.Draft7Validator(schema("plan")).validate(said)
    assert said["config"] == plan.document
    after = sum(m.size for m in plan.moves if m.action != "dropped")
    assert said["parameters"]["after"]["total"] == after
    text = plan_text(plan)
    assert "d2 -> h" in text
    assert "1 to replace" in text


def test_a_saved_plan_is_stale_when_the_base_or_the_outcome_changed() -> None:
    """T71: a plan holds for the base that it was made for."""
    base = open_base(SAMPLES / "functional_linear.keras")
    plan = patchspec.resolve(patch_of("- {op: rename, layers: d1, name: n}"), base)
    said = json.loads(json.dumps(saved_json(plan, plan_json(plan))))
    saved = read_saved(said, "plan.json")
    again = patchspec.resolve(list(saved.patches), base)
    check_fresh(saved, again, "plan.json")
    for key in ("architecture", "weights"):
        other = read_saved({**said, key: []}, "plan.json")
        with pytest.raises(PatchError) as caught:
            check_fresh(other, again, "plan.json")
        assert caught.value.problems[0].code == "PS907"
    for wrong in ([], {"format": 1}, {"format": 9, "saved": {}}, {"format": 1, "saved": {}}):
        with pytest.raises(PatchError) as caught:
            read_saved(wrong, "plan.json")
        assert caught.value.problems[0].code == "PS910"


def test_no_shapes_of_a_json_without_weights_can_be_planned() -> None:
    base = patchspec.Base(configs.diamond(), origin="m.json")
    plan = patchspec.resolve(patch_of(DROP), base, shapes=False)
    assert plan.moves == ()
    assert plan.parameters["before"]["total"] is None


def test_a_structure_alone_is_planned_with_shapes_too() -> None:
    document = json.loads(json.dumps(dict(open_base(SAMPLES / "functional_linear.keras").document)))
    plan = patchspec.resolve(
        patch_of("- {op: insert, after: d1, new: {class: Dense, name: n, config: {units: 4}}}"),
        patchspec.Base(document, origin="m.json"),
    )
    assert [m.action for m in plan.moves] == ["kept", "kept", "initialised", "initialised"] or {
        m.action for m in plan.moves
    } == {"kept", "initialised"}
    with pytest.raises(PatchError) as caught:
        patchspec.build(plan)
    assert caught.value.problems[0].code == "PS910"
