"""What holds for every patch: again, in a file, on another base, and for what it leaves alone."""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import keras
import numpy as np
import pytest
from keras import layers as L

import patchspec
from patchspec.cli.main import main
from patchspec.problems import PatchError
from patchspec.review.plans import plan_json
from patchspec.weights.rules import rules
from tests.applications.test_asks import outputs, patch
from tests.conftest import SAMPLES, patch_of
from tests.zoo import image, values, zoo

SCHEMAS = Path(__file__).parents[2] / "schemas"


def apply(model: Any, steps: str, **header: Any) -> Any:
    return patchspec.apply(model, patch_of(steps, **header))


def codes(model: Any, steps: str, **header: Any) -> set[str]:
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(patch_of(steps, **header), model)
    assert all(p.span for p in caught.value.problems)
    return {p.code for p in caught.value.problems}


@pytest.mark.parametrize("name", ["MobileNetV2", "EfficientNetB0"])
def test_one_patch_is_for_many_bases(name: str) -> None:
    """C9: what it matches differs, what it says holds for each."""
    model = zoo(name)
    text = (
        "patchspec: 1\noperations:\n"
        "  - {op: freeze, layers: '**'}\n"
        "  - {op: unfreeze, layers: {last: 1}}\n"
        "  - op: insert\n    before: {class: Dense, last: 1}\n"
        "    new: {class: Dropout, name: late, config: {rate: 0.5}}\n"
        "expect: {layers: {added: [late]}, same: [{tensor: $output, atol: 0, rtol: 0}]}\n"
    )
    variant = patchspec.apply(model, text)
    assert all(check.holds for check in variant.checks)
    assert {v.path for v in variant.model.trainable_variables} <= {
        v.path for v in variant.model.layers[-1].variables
    }


AGAIN = {
    "- {op: freeze, layers: '**'}": None,
    "- {op: unfreeze, layers: '**', batchnorm: include}": None,
    "- {op: set, layers: Conv1_relu, config: {max_value: 3}}": None,
    "- {op: set, layers: $input, config: {shape: [null, null, 3]}}": None,
    "- {op: set, layers: Conv1, config: {kernel_regularizer: l2}}": None,
    "- {op: set, layers: Dropped, arguments: {training: true}}": None,
    "- {op: extract, outputs: block_6_project_BN}": None,
    "- {op: extract, outputs: {a: block_6_project_BN, b: block_5_add}}": None,
    "- {op: rewire, layers: block_2_add, inputs: {0: block_2_project_BN}}\n- {op: extract}": None,
    "- {op: json, layers: Conv1_relu, patch: [{op: replace, path: /max_value, value: 3.0}]}": None,
    "- {op: rename, layers: Conv1, name: stem}": "PS301",
    "- {op: remove, layers: Conv1_relu}": "PS301",
    "- {op: insert, after: Conv1, new: {class: Dropout, name: d, config: {rate: 0.1}}}": "PS306",
    "- {op: expose-output, outputs: {e: out_relu}}": "PS409",
    "- {op: extract, inputs: Conv1_relu}": None,
    "- {op: replace, layers: predictions, new: {class: Dense, name: s, config: {units: 3}}}":
        "PS301",
    "- {op: replace, layers: predictions, new: {class: Dense, config: {units: 3}}}": "PS503",
    "- {op: set, layers: predictions, config: {units: 3}, weights: "
    "{'*': {take: {axis: -1, indices: [7, 8, 9]}}}}": "PS509",
}  # fmt: skip
"""Patches, and the code with which each is refused on its own variant; none where it is a no-op."""


@pytest.mark.parametrize("steps", AGAIN)
def test_a_patch_on_its_own_variant_does_nothing_or_is_refused(steps: str) -> None:
    """C16: nothing is done twice in silence."""
    model = zoo("MobileNetV2")
    if "Dropped" in steps:
        new = "{class: Dropout, name: Dropped, config: {rate: 0.1}}"
        model = apply(model, f"- {{op: insert, after: Conv1, new: {new}}}").model
    first = apply(model, steps)
    assert not first.plan.is_identity or steps.startswith("- {op: unfreeze")
    expected = AGAIN[steps]
    if expected is not None:
        assert codes(first.model, steps) == {expected}
        return
    second = patchspec.resolve(patch_of(steps), first.model)
    assert second.is_identity
    assert (second.json_patch, {move.action for move in second.moves}) == ([], {"kept"})
    assert second.architecture == first.plan.architecture


def test_a_patch_that_would_count_twice_is_bound_to_its_base() -> None:
    """C16: scaling has no mark of its own, so the digest of the base tells that it was done."""
    model = zoo("MobileNetV2")
    steps = "- {op: set, layers: predictions, weights: {kernel: {scale: 2}}}"
    base = {"state": patchspec.open_base(model).state}
    variant = apply(model, steps, base=base)
    assert codes(variant.model, steps, base=base) == {"PS908"}


NEUTRAL = {
    "rename": "- {op: rename, layers: '*', name: n_$(target)}",
    "no Identity": "- {op: remove, layers: {class: Identity}}",
    "Dropout": "- {op: insert, after: {class: Add}, "
    "new: {class: Dropout, name: $(target)_drop, config: {rate: 0.5}}}",
}


@pytest.fixture(scope="module")
def idle() -> Any:
    """MobileNetV2 with an Identity and a Dropout before its head."""
    new = "[{class: Identity, name: one}, {class: Dropout, name: late, config: {rate: 0.1}}]"
    return apply(zoo("MobileNetV2"), f"- {{op: insert, before: predictions, new: {new}}}").model


@pytest.mark.parametrize("kind", NEUTRAL)
def test_an_edit_that_must_not_show_is_proven_not_to(kind: str, idle: Any) -> None:
    """D9: `expect: same` runs base and variant, to the last bit."""
    tensor = "n_predictions" if kind == "rename" else "predictions"
    same = {"tensor": tensor, "as": "predictions", "atol": 0, "rtol": 0}
    variant = apply(idle, NEUTRAL[kind], expect={"same": [same]})
    assert not variant.plan.is_identity
    assert [check.holds for check in variant.checks] == [True]
    x = image(idle)
    assert np.array_equal(outputs(variant.model, x), outputs(idle, x))


@pytest.mark.parametrize(
    "steps",
    [
        "- {op: remove, layers: block_6_expand_relu}",
        "- {op: insert, after: Conv1, new: {class: Rescaling, name: r, config: {scale: 1.01}}}",
    ],
)
def test_an_edit_that_shows_fails_the_same_proof(steps: str) -> None:
    """D9: a proof that nothing could fail would prove nothing."""
    same = {"tensor": "predictions", "atol": 1e-9, "rtol": 0}
    with pytest.raises(PatchError) as caught:
        apply(zoo("MobileNetV2"), steps, expect={"same": [same]})
    [problem] = caught.value.problems
    assert problem.code == "PS602"
    assert "largest difference" in problem.message


def hashed(model: Any) -> str:
    """A digest of all that a model is: config, values, flags, links between layers."""
    said = hashlib.sha256(model.to_json().encode())
    for path, value in sorted(values(model).items()):
        said.update(path.encode() + value.tobytes())
    for layer in model._flatten_layers():
        links = (len(layer._inbound_nodes), len(layer._outbound_nodes))
        said.update(f"{layer.name} {layer.trainable} {links}".encode())
    return said.hexdigest()


def test_neither_a_live_base_nor_a_file_changes_by_what_is_done_with_the_variant(
    tmp_path: Path,
) -> None:
    """D10, T38: hashed before and after planning, building, training, and a patch that fails."""
    model = patchspec.apply(zoo("MobileNetV2"), patch("identity")).model
    model.save(tmp_path / "m.keras")
    content = (tmp_path / "m.keras").read_bytes()
    before = hashed(model)
    steps = (
        "- {op: insert, after: Conv1, new: {class: BatchNormalization, name: more}}\n"
        "- {op: rename, layers: out_relu, name: end}\n- {op: freeze, layers: bn_Conv1}\n"
        "- {op: set, layers: predictions, config: {units: 2}, weights: init}"
    )
    for base in (model, tmp_path / "m.keras"):
        variant = apply(base, steps).model
        variant.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
        variant.train_on_batch(image(model) / 255, np.zeros(2))
        assert codes(base, f"{steps}\n- {{op: remove, layers: block_2_add}}") == {"PS403"}
    assert hashed(model) == before
    assert (tmp_path / "m.keras").read_bytes() == content


CHECK = """
import sys, keras, numpy as np
assert not any(name.split(".")[0] == "patchspec" for name in sys.modules)
for path in sys.argv[1:]:
    data = np.load(path + ".npz")
    model = keras.saving.load_model(path)
    out = keras.tree.flatten(model([data[k] for k in data if k.startswith("x")]
                             if len(model.inputs) > 1 else data["x0"], training=False))
    wanted = [data[k] for k in data if k.startswith("y")]
    assert all(np.array_equal(a, b) for a, b in zip(out, wanted, strict=True)), path
assert not any(name.split(".")[0] == "patchspec" for name in sys.modules)
print("same")
"""
FILES = ("insert-dropout", "mixed-precision")


def test_a_saved_variant_computes_the_same_in_keras_alone(tmp_path: Path) -> None:
    """D15: in a process that knows nothing of patches."""
    paths = []
    for name in FILES:
        variant = patchspec.apply(zoo("MobileNetV2"), patch(name))
        path = variant.save(tmp_path / f"{name}.keras")
        x = image(variant.model)
        found = keras.tree.flatten(outputs(variant.model, x))
        np.savez(f"{path}.npz", x0=x, **{f"y{n}": value for n, value in enumerate(found)})
        paths.append(str(path))
    command = [sys.executable, "-c", CHECK, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout.splitlines()[-1:] == ["same"], done.stderr[-2000:]


BASE = str(SAMPLES / "functional_linear.keras")


@pytest.mark.parametrize(
    ("expect", "selector"),
    [
        ("{parameters: {delta: 1}}", "d1"),
        ("{parameters: {trainable: 12}}", "d1"),
        ("{outputs: {d2: [null, 3]}}", "d1"),
        ("{layers: {total: 4}}", "d1"),
        ("{weights: {kept: 3}}", "d1"),
        ("{parameters: {delta: 0}}", "{class: Dense, count: 3}"),
    ],
)
def test_a_wrong_number_in_a_patch_fails_the_plan_before_anything_is_built(
    expect: str, selector: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D16, D12: with exit code 1 and the place of the number; the right number passes."""

    def built(*_: Any, **__: Any) -> None:
        raise AssertionError("built")

    monkeypatch.setattr("patchspec.building.variant.build_model", built)
    path = tmp_path / "p.yaml"
    text = "patchspec: 1\noperations:\n  - {{op: freeze, layers: {}}}\nexpect: {}\n"
    path.write_text(text.format(selector, expect))
    assert main(["plan", BASE, str(path)]) == 1
    shown = capsys.readouterr().err
    line = 3 if "count" in selector else 4
    assert f"--> {path}:{line}:" in shown
    assert ("PS302" if "count" in selector else "PS601") in shown
    right = "{parameters: {delta: 0, trainable: 10}, outputs: {d2: [null, 2]}, layers: {total: 3}}"
    path.write_text(text.format("{class: Dense, first: 1, count: [1, 2]}", right))
    assert main(["plan", BASE, str(path)]) == 0, capsys.readouterr().err


def test_an_error_has_its_file_line_and_column_the_operation_and_both_values(
    tmp_path: Path, capsys: Any
) -> None:
    """D13: golden; expected and found, the layer, the id, and what to do."""
    path = tmp_path / "p.patchspec.yaml"
    path.write_text(
        "patchspec: 1\n"
        "operations:\n"
        "  - op: freeze\n"
        "    id: norms\n"
        "    layers: {class: Dense, count: 5}\n"
    )
    assert main(["plan", BASE, str(path)]) == 1
    assert capsys.readouterr().err == (
        "error[PS302]: the selector matches 2 layers, `count` says 5\n"
        f" --> {path}:5:35\n"
        "  |\n"
        "5 |     layers: {class: Dense, count: 5}\n"
        "  |                                   ^\n"
        "  = matched: d1, d2\n"
        "  = the operation is `norms`\n"
        "\n"
        "1 problem; `patchspec explain PS302` says more\n"
    )


def test_a_rule_for_every_kind_of_mismatch_is_declared_and_reported() -> None:
    """E4: refused, begun anew, sliced, padded, averaged, resized; each as the plan says."""
    i = keras.Input((8, 4), name="x")
    position = L.Dense(6, name="d")(i)
    model = keras.Model(i, position)
    kernel, _ = model.get_layer("d").get_weights()
    cases: dict[str, tuple[int, Any]] = {
        "{take: {axis: -1, indices: [5, 0]}}": (2, lambda k: k[:, [5, 0]]),
        "{pad: {axis: -1, with: zeros}}": (8, lambda k: np.pad(k, ((0, 0), (0, 2)))),
        "{pad: {axis: -1, with: mean}}": (
            7, lambda k: np.concatenate([k, k.mean(1, keepdims=True)], 1)),
        "{mean: -1}": (1, lambda k: k.mean(1, keepdims=True)),
        "{resize: {axes: [1], method: nearest}}": (3, lambda k: k[:, [1, 3, 5]]),
        "init": (3, None),
    }  # fmt: skip
    for rule, (units, expected) in cases.items():
        step = f"- {{op: set, layers: d, config: {{units: {units}}}"
        assert codes(model, f"{step}}}") == {"PS501"}
        variant = apply(model, f"{step}, weights: {{kernel: {rule}, bias: init}}}}")
        [move] = [m for m in variant.plan.moves if m.path == "d/vars/0" and m.action != "dropped"]
        mine = np.asarray(variant.model.get_layer("d").kernel)
        if expected is None:
            assert move.action == "initialised"
            assert not np.isin(mine, kernel).any()
        else:
            assert move.action == "adapted"
            assert next(iter(rule.strip("{").split(":"))) in str(move.rule)
            assert np.allclose(mine, expected(kernel), atol=1e-6), rule
    assert {"take", "pad", "mean", "resize", "init", "keep"} <= set(rules())


def test_the_report_fits_the_published_schema_and_its_sums_are_those_of_the_models() -> None:
    """E5, E6: variables, values and bytes by action; base and variant both add up."""
    model = zoo("MobileNetV2")
    steps = (
        "- {op: replace, layers: predictions, new: {class: Dense, name: few, config: {units: 3}}}\n"
        "- {op: set, layers: $input, config: {shape: [32, 32, 5]}}\n"
        "- {op: set, layers: Conv1, weights: {kernel: {pad: {axis: -2, with: mean}}}}\n"
        "- {op: remove, layers: block_1_expand_BN}"
    )
    variant = apply(model, steps)
    said = json.loads(json.dumps(plan_json(variant.plan)))
    published = json.loads((SCHEMAS / "plan.schema.json").read_text())
    jsonschema.Draft7Validator(published).validate(said)
    report = said["transfer"]
    assert report == variant.report
    for action, row in report.items():
        rows = [one for one in said["weights"] if one["action"] == action]
        sizes = [math.prod(one["shape"]) for one in rows]
        widths = [np.dtype(one["dtype"]).itemsize for one in rows]
        assert row == {
            "variables": len(rows),
            "values": sum(sizes),
            "bytes": sum(size * width for size, width in zip(sizes, widths, strict=True)),
        }
    assert {action: row["variables"] for action, row in report.items()} == {
        "kept": len(model.weights) - 7, "adapted": 1, "loaded": 0, "initialised": 2, "dropped": 6
    }  # fmt: skip
    there = sum(row["bytes"] for action, row in report.items() if action != "dropped")
    assert there == sum(np.asarray(v).nbytes for v in variant.model.weights)
    sources = [s["path"] for one in said["weights"] for s in one["sources"]]
    dropped = [one["path"] for one in said["weights"] if one["action"] == "dropped"]
    assert sorted(sources + dropped) == sorted(patchspec.open_base(model).variables or {})


def test_a_variable_that_nobody_drops_on_purpose_is_an_error_with_its_path() -> None:
    """E6: one of a layer that stays, and those of a layer that would fall out of the graph."""
    model = zoo("ResNet50")
    step = "- {op: set, layers: conv1_conv, config: {use_bias: false}}"
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(patch_of(step), model)
    [problem] = caught.value.problems
    assert problem.code == "PS502"
    assert "conv1_conv" in problem.message
    assert "bias" in problem.message
    lost = "- {op: rewire, layers: conv2_block1_out, inputs: conv2_block1_0_bn}"
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(patch_of(lost), model)
    [problem] = caught.value.problems
    assert problem.code == "PS402"
    assert "9 layers no longer lead to an output" in problem.message
    assert "conv2_block1_1_conv/vars/0, conv2_block1_1_conv/vars/1" in problem.notes[0]


SEEDED = """
import json, sys, keras, numpy as np, patchspec
i = keras.Input((4,), name="x")
model = keras.Model(i, keras.layers.Dense(3, name="d")(i))
model.set_weights([np.ones((4, 3)), np.ones(3)])
variant = patchspec.apply(model, sys.argv[1])
own = keras.layers.Dense(5)
own.build((None, 3))
print(json.dumps({"state": variant.state, "keras": np.asarray(own.kernel).tolist()}))
"""


def test_two_processes_make_the_same_new_values(tmp_path: Path) -> None:
    """E12: of one patch and seed the same bits, where Keras makes others each time."""
    new = (
        "[{class: Dense, name: a, config: {units: 5}}, "
        "{class: Dense, name: b, config: {units: 5, kernel_initializer: orthogonal}}, "
        "{class: Dense, name: c, config: {units: 2, kernel_initializer: "
        "{class: TruncatedNormal, config: {stddev: 0.5}}}}]"
    )
    path = tmp_path / "p.yaml"
    steps = f"  - {{op: insert, after: d, new: {new}}}\n"
    path.write_text(f"patchspec: 1\nseed: 3\noperations:\n{steps}")
    command = [sys.executable, "-c", SEEDED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout.splitlines()[-1])
    i = keras.Input((4,), name="x")
    model = keras.Model(i, L.Dense(3, name="d")(i))
    model.set_weights([np.ones((4, 3)), np.ones(3)])
    assert patchspec.apply(model, path).state == said["state"]
    own = L.Dense(5)
    own.build((None, 3))
    assert np.asarray(own.kernel).tolist() != said["keras"]
    path.write_text(path.read_text().replace("seed: 3", "seed: 4"))
    assert patchspec.apply(model, path).state != said["state"]


def test_what_a_layer_is_called_with_survives_an_edit_around_it(tmp_path: Path) -> None:
    """D8: `training`, a mask and an initial state, after an insertion, a rename, a replacement."""
    i, m = keras.Input((5, 4), name="x"), keras.Input((5,), dtype="bool", name="m")
    h, c = L.Dense(3, name="h")(m), L.Dense(3, name="c")(m)
    kept = L.Dropout(0.5, name="always", seed=1)(i, training=False)
    model = keras.Model(
        [i, m], L.LSTM(3, name="lstm")(kept, mask=m, initial_state=[h, c], training=False)
    )
    keras.utils.set_random_seed(1)
    model.set_weights([np.random.normal(size=w.shape) for w in model.get_weights()])
    steps = (
        "- {op: insert, after: always, new: {class: Activation, name: a, "
        "config: {activation: linear}}}\n"
        "- {op: rename, layers: h, name: first_state}\n"
        "- {op: replace, layers: lstm, new: {class: LSTM, name: again, like: lstm, weights: keep}}"
    )
    variant = apply(model, steps)
    [call] = variant.plan.graph.layers["again"].calls
    reads = {slot.key: str(slot.tensor) for slot in call.slots}
    assert sorted(reads.values()) == ["a", "c", "first_state", "m"]
    assert call.data["kwargs"]["training"] is False
    [always] = variant.plan.graph.layers["always"].calls
    assert always.data["kwargs"]["training"] is False
    random = np.random.default_rng(0)
    x = [random.normal(size=(2, 5, 4)).astype("float32"), np.arange(10).reshape(2, 5) % 4 > 0]
    loaded = keras.saving.load_model(variant.save(tmp_path / "v.keras"))
    for built in (variant.model, loaded):
        assert np.array_equal(outputs(built, x), outputs(model, x))
    unmasked = [x[0], np.ones_like(x[1])]
    assert not np.array_equal(outputs(loaded, unmasked), outputs(loaded, x))
    declared = apply(model, "- {op: set, layers: always, arguments: {training: true}}")
    again = patchspec.open_base(declared.save(tmp_path / "declared.keras"))
    [always] = again.graph.layers["always"].calls
    assert always.data["kwargs"]["training"] is True
    dense = "- {op: replace, layers: lstm, new: {class: GlobalMaxPooling1D, name: p}}"
    assert codes(model, dense) == {"PS419"}


def test_a_dropped_mask_is_told_with_the_layer_and_the_reader() -> None:
    """D7: which layer carries none, and which still used it."""
    i = keras.Input((8,), name="ids")
    x = L.Embedding(20, 4, mask_zero=True, name="embed")(i)
    model = keras.Model(i, L.LSTM(3, name="lstm")(L.Dropout(0.1, name="drop")(x)))
    same = "{class: Conv1D, name: conv1d, config: {filters: 4, kernel_size: 1}}"
    plan = patchspec.resolve(patch_of(f"- {{op: insert, after: drop, new: {same}}}"), model)
    [finding] = plan.findings
    assert finding.problem.code == "PS414"
    assert "`conv1d`" in finding.problem.message
    assert "`lstm`" in finding.problem.message
    carries = "{class: Activation, name: act, config: {activation: tanh}}"
    plan = patchspec.resolve(patch_of(f"- {{op: insert, after: drop, new: {carries}}}"), model)
    assert plan.findings == ()


def test_a_loop_is_told_layer_by_layer_and_at_its_step() -> None:
    """D2: not as `loops or disconnected`."""
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(
            patch_of("- {op: freeze, layers: Conv1}\n"
                     "- {op: rewire, layers: block_2_add, inputs: {0: block_4_expand}}"),
            zoo("MobileNetV2"),
        )  # fmt: skip
    [problem] = caught.value.problems
    assert (problem.code, problem.span and problem.span.line) == ("PS401", 4)
    around = problem.notes[0].removeprefix("around it: ").split(" -> ")
    assert {"block_2_add", "block_3_expand", "block_4_expand"} <= set(around)


def test_a_width_that_does_not_fit_its_readers_is_refused_and_one_that_does_can_be_held() -> None:
    """D3, D4: by shape, at the step, before anything is built; `expect` declares what comes out."""
    model = zoo("MobileNetV2")
    new = "new: {{class: Conv2D, name: p, config: {{filters: {}, kernel_size: 1}}{}}}"
    step = "- {op: replace, layers: block_2_project, " + new
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(patch_of(step.replace("{op", "{{op").format(9, "") + "}"), model)
    [problem] = caught.value.problems
    assert problem.code == "PS411"
    assert "(8, 8, 24) and (8, 8, 9)" in problem.message
    text = step.replace("{op", "{{op").format(24, ", weights: init") + "}"
    plan = patchspec.resolve(patch_of(text), model)
    assert str(plan.outputs[0].spec) == "float32[?, 1000]"
    head = "- {op: set, layers: predictions, config: {units: 7}, weights: init}"
    assert codes(model, head, expect={"outputs": {"predictions": [None, 1000]}}) == {"PS601"}
