"""From file to file: what is written is what building and saving writes, byte for byte."""

from __future__ import annotations

import json
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers as L

import patchspec
from patchspec.graph.graph import Graph
from patchspec.models.base import Base, Variable
from patchspec.models.content import opened
from patchspec.models.hdf5_out import lay_out
from patchspec.models.opening import open_base
from patchspec.models.weights_file import contents_of, variable_of
from patchspec.models.whole import WholeModel
from patchspec.models.writer import write_archive
from patchspec.problems import PatchError
from patchspec.rewriting.obstacles import obstacle
from tests.conftest import SAMPLES, patch_of
from tests.nested_models import outer, outputs, same, twice
from tests.zoo import randomised

MODELS = (
    "assets", "composite", "dtype_policies", "functional_dict_io",
    "functional_linear", "functional_list_io", "functional_onelist_io", "lstm_state_mask",
    "mha_kwargs", "nested", "nested_multi_call", "ops_nodes", "seeded", "sequential", "shared",
    "training_kwarg",
)  # fmt: skip


def written(plan: Any, folder: Path) -> tuple[bytes, bytes]:
    """What is written from file to file, and what the built model saves."""
    assert obstacle(plan) is None
    one = patchspec.rewrite(plan, folder / "rewritten.keras")
    other = patchspec.build(plan).save(folder / "built.keras")
    return one.read_bytes(), other.read_bytes()


def check(base: Path | Base, steps: str | list[Any], folder: Path, **header: Any) -> Any:
    """The model that Keras loads from the rewritten file, which is the built one's file.

    It computes what the built one computes.
    """
    plan = patchspec.resolve(patch_of(steps, **header), base)
    assert obstacle(plan) is None
    one, variant = patchspec.rewrite(plan, folder / "rewritten.keras"), patchspec.build(plan)
    assert one.read_bytes() == variant.save(folder / "built.keras").read_bytes()
    loaded = keras.saving.load_model(one)
    inputs = [random_input(tensor) for tensor in loaded.inputs]
    assert same(outputs(loaded, inputs), outputs(variant.model, inputs))
    return loaded


def random_input(tensor: Any) -> Any:
    random = np.random.default_rng(0)
    shape = [n or 2 for n in tensor.shape]
    whole = "int" in str(tensor.dtype)
    return random.integers(0, 3, shape) if whole else random.normal(size=shape).astype("float32")


def saved(model: Any, folder: Path) -> Path:
    path = folder / "base.keras"
    model.save(path)
    return path


@pytest.mark.parametrize("name", MODELS)
def test_the_empty_patch_is_written_as_it_is_built(name: str, tmp_path: Path) -> None:
    plan = patchspec.resolve(patch_of([]), SAMPLES / f"{name}.keras")
    one, other = written(plan, tmp_path)
    assert one == other


def images() -> Any:
    """Convolutions with normalization, two branches of equal depth, and a head."""
    x = keras.Input((8, 8, 3), name="image")
    y = L.Conv2D(4, 3, padding="same", name="stem")(x)
    a = L.Conv2D(4, 3, padding="same", name="a")(y)
    b = L.BatchNormalization(name="norm")(L.Conv2D(4, 3, padding="same", name="b")(y))
    y = L.GlobalAveragePooling2D(name="pool")(L.Add(name="add")([a, b]))
    return randomised(keras.Model(x, L.Dense(5, name="head")(y), name="images"))


STEPS = {
    "insert": "- {op: insert, after: a, new: {class: BatchNormalization, name: more}}",
    "initialised": "- {op: insert, after: pool, new: {class: Dense, name: d, config: {units: 7, "
    "kernel_initializer: he_normal}}}\n- {op: set, layers: head, weights: init}",
    "replace": "- {op: replace, layers: head, new: {class: Dense, name: head, config: {units: 2}, "
    "weights: init}}",
    "ruled": "- {op: set, layers: head, config: {units: 9}, weights: {kernel: {pad: {axis: -1, "
    "with: mean}}, bias: {pad: {axis: 0, with: init}}}}",
    "frozen": "- {op: freeze, layers: {class: Conv2D}}",
    "renamed": "- {op: rename, layers: stem, name: first}\n- {op: rename, layers: a, name: stem}",
    "exposed": "- {op: expose-output, outputs: {features: add}, form: dict}",
    "removed": "- {op: remove, layers: norm}",
}


@pytest.mark.parametrize("step", STEPS)
def test_each_kind_of_change_is_written_as_it_is_built(step: str, tmp_path: Path) -> None:
    check(saved(images(), tmp_path), STEPS[step], tmp_path, seed=7)


@pytest.mark.parametrize("chained", ["a", "b"])
def test_a_longer_branch_moves_weights_to_other_paths_and_none_to_another_layer(
    chained: str, tmp_path: Path
) -> None:
    """Keras's paths count layers in graph order, which the insertion turns round."""
    x = keras.Input((8,), name="x")
    a, b = L.Dense(8, name="a")(x), L.Dense(8, name="b")(x)
    base = randomised(keras.Model(x, L.Add(name="add")([a, b])))
    new = [{"class": "Dropout", "name": f"d{i}", "config": {"rate": 0.1}} for i in range(2)]
    steps = [{"op": "insert", "after": chained, "new": new}]
    made = check(saved(base, tmp_path), steps, tmp_path)
    for name in ("a", "b"):
        kernels = [m.get_layer(name).kernel for m in (made, base)]
        assert np.array_equal(*kernels)
    with h5py.File(tmp_path / "rewritten.keras") as file:
        names = [file[f"layers/{group}/vars"].attrs["name"] for group in ("dense", "dense_1")]
    assert names == ([chained, "ab".replace(chained, "")])


NESTED = {
    "reached into": (
        outer,
        """
- {op: rename, layers: inner/id, name: other}
- {op: insert, after: block/sd1, new: {class: LayerNormalization, name: n}}
""",
    ),
    "called twice": (twice, "- {op: rename, layers: twin, name: both}"),
}


@pytest.mark.parametrize("kind", NESTED)
def test_nested_models_are_written_as_they_are_built(kind: str, tmp_path: Path) -> None:
    make, steps = NESTED[kind]
    check(saved(make(), tmp_path), steps, tmp_path)


def rezipped(source: Path, target: Path, **parts: Callable[[bytes], bytes]) -> Path:
    """The archive with members changed, deflated."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            change = parts.get(info.filename.partition(".")[0], bytes)
            new.writestr(info.filename, change(old.read(info)))
    return target


def test_a_deflated_archive_gives_the_same_file(tmp_path: Path) -> None:
    base = saved(images(), tmp_path)
    plain = patchspec.resolve(patch_of([]), base)
    packed = patchspec.resolve(patch_of([]), rezipped(base, tmp_path / "packed.keras"))
    assert (
        written(plain, tmp_path)[0] == patchspec.rewrite(packed, tmp_path / "p.keras").read_bytes()
    )


def stored_otherwise(content: bytes, folder: Path, how: dict[str, Any], *, named: bool) -> bytes:
    """The weights stored with other options; and without names, as before Keras 3.6."""
    (folder / "old.h5").write_bytes(content)
    with h5py.File(folder / "old.h5") as old, h5py.File(folder / "new.h5", "w") as new:

        def copy(path: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                options = how if item.shape else {}
                new.create_dataset(path, data=item[()], **options)
            else:
                group = new.require_group(path)
                if named and "name" in item.attrs:
                    group.attrs["name"] = item.attrs["name"]

        old.visititems(copy)
    return (folder / "new.h5").read_bytes()


@pytest.mark.parametrize("how", [{"chunks": True}, {"compression": "gzip"}, {"dtype": ">f4"}])
@pytest.mark.parametrize("named", [True, False])
def test_other_ways_of_storing_give_the_same_file(
    how: dict[str, Any], named: bool, tmp_path: Path
) -> None:
    base = saved(images(), tmp_path)
    other = rezipped(
        base,
        tmp_path / "other.keras",
        model=lambda content: stored_otherwise(content, tmp_path, how, named=named),
    )
    plan = patchspec.resolve(patch_of(STEPS["insert"]), other)
    one, built = written(plan, tmp_path)
    assert one == built
    assert patchspec.rewrite(patchspec.resolve(patch_of(STEPS["insert"]), base),
                             tmp_path / "b.keras").read_bytes() == one  # fmt: skip


def test_bfloat16_and_integers_go_over_as_they_are(tmp_path: Path) -> None:
    x = keras.Input((4,), dtype="int32", name="x")
    y = L.Embedding(9, 4, dtype="bfloat16", name="e")(x)
    y = L.LSTM(3, dropout=0.5, seed=3, name="lstm")(y)
    made = check(saved(keras.Model(x, y), tmp_path), "- {op: rename, layers: e, name: f}", tmp_path)
    assert made.get_layer("f").dtype_policy.name == "bfloat16"


@pytest.mark.parametrize("kind", ["folder", "h5", "shards", "weights.h5"])
def test_every_kind_of_base_on_disk_is_written_as_it_is_built(kind: str, tmp_path: Path) -> None:
    model = images()
    weights = None
    if kind == "folder":
        base = tmp_path / "base"
        keras.saving.save_model(model, base, zipped=False)
    elif kind == "h5":
        base = tmp_path / "base.h5"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras calls the format old.
            model.save(base)
    else:
        base = tmp_path / "base.json"
        base.write_text(model.to_json())
        suffix = "weights.json" if kind == "shards" else "weights.h5"
        weights = tmp_path / f"base.{suffix}"
        model.save_weights(weights, **({"max_shard_size": 1e-6} if kind == "shards" else {}))
    opened = open_base(base, weights)
    made = check(opened, STEPS["insert"], tmp_path)
    assert np.array_equal(made.get_layer("stem").kernel, model.get_layer("stem").kernel)


@pytest.mark.parametrize(
    ("name", "layer", "kept"),
    [("hub_task", "cls", "bb/"), ("custom_registered", "x", "blk/")],
)
def test_what_only_classes_know_that_nobody_gave_goes_over_as_it_is(
    name: str, layer: str, kept: str, tmp_path: Path
) -> None:
    """No code of the model runs: a closed backbone, or a layer of one's own, is copied whole."""
    base = SAMPLES / f"{name}.keras"
    steps = f"- {{op: rename, layers: {layer}, name: again}}"
    patchspec.rewrite(patchspec.resolve(patch_of(steps), base), tmp_path / "v.keras")
    was, now = open_base(base).variables or {}, open_base(tmp_path / "v.keras").variables or {}
    own = [path for path in was if path.startswith(kept)]
    assert own
    assert all(np.array_equal(was[path].read(), now[path].read()) for path in own)


def test_a_vocabulary_moves_with_its_layer(tmp_path: Path) -> None:
    base = SAMPLES / "assets.keras"
    plan = patchspec.resolve(patch_of([]), base)
    one, other = written(plan, tmp_path)
    assert one == other
    with zipfile.ZipFile(tmp_path / "rewritten.keras") as archive:
        assert any(name.startswith("assets/") for name in archive.namelist())


def test_a_compiled_model_keeps_its_optimizer_s_state(tmp_path: Path) -> None:
    """T45: renaming a layer leaves every slot where it was."""
    base = SAMPLES / "compiled_adam.keras"
    name = next(x.name for x in open_base(base).graph.in_order if x.class_name == "Dense")
    plan = patchspec.resolve(patch_of([{"op": "rename", "layers": name, "name": "again"}]), base)
    one, other = written(plan, tmp_path)
    assert one == other
    made = keras.saving.load_model(tmp_path / "rewritten.keras")
    theirs = keras.saving.load_model(base)
    assert int(made.optimizer.iterations) == int(theirs.optimizer.iterations) > 0
    for mine, other_value in zip(made.optimizer.variables, theirs.optimizer.variables, strict=True):
        assert np.array_equal(mine, other_value)


def test_what_only_a_live_model_can_do_is_said_and_done_by_building(tmp_path: Path) -> None:
    live = patchspec.resolve(patch_of([]), images())
    base = saved(images(), tmp_path)
    compiled = patchspec.resolve(
        patch_of([], compile={"optimizer": {"class": "Adafactor"}, "loss": "mse"}), base
    )
    compared = patchspec.resolve(patch_of([], expect={"same": [{"tensor": "head"}]}), base)
    for plan, said in (
        (live, "the base is a live model"),
        (compiled, "only Keras knows"),
        (compared, "compares values"),
    ):
        with pytest.raises(PatchError) as caught:
            patchspec.rewrite(plan, tmp_path / "v.keras")
        assert [problem.code for problem in caught.value.problems] == ["PS928"]
        assert said in caught.value.problems[0].message
        assert patchspec.build(plan).save(tmp_path / "v.keras", force=True).exists()
        (tmp_path / "v.keras").unlink()


def test_a_model_of_more_than_4_gib_is_written_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zip64, with nothing stored but holes."""
    monkeypatch.setattr("os.posix_fallocate", lambda *_: None)
    x = keras.Input((1,), dtype="int32", name="x")
    document = json.loads(keras.Model(x, L.Embedding(4, 8, name="e")(x), name="m").to_json())
    rows = (9 << 27) + 3
    for entry in document["config"]["layers"][1:]:
        entry["config"]["input_dim"] = rows
    name, shape = "e/vars/0", (rows, 8)
    sparse = tmp_path / "sparse.h5"
    empty = Variable(name, shape, "float32", lambda: np.zeros(0, "float32"))
    [slot] = lay_out(sparse, Graph.of(document), [empty], {})
    last = slot.offset + slot.size - 4
    with sparse.open("r+b") as file:
        file.seek(last)
        file.write(np.float32(7).tobytes())
    [found] = contents_of(opened(sparse), "sparse").stored.values()
    base = tmp_path / "large.keras"
    write_archive(base, WholeModel(document, [variable_of(found, name)], {}))
    plan = patchspec.resolve(patch_of("- {op: rename, layers: e, name: f}"), base, shapes=True)
    out = patchspec.rewrite(plan, tmp_path / "out.keras")
    assert out.stat().st_size > 32 * rows
    assert out.stat().st_blocks * 512 < 1 << 26
    with zipfile.ZipFile(out) as archive:
        assert archive.getinfo("model.weights.h5").file_size > 1 << 32
    [moved] = open_base(out).variables.values()
    assert moved.path == "f/vars/0"
    with h5py.File(out) as file:
        assert file["layers/embedding/vars/0"][-1].tolist() == [0] * 7 + [7]


def test_a_damaged_base_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    """The checksum is compared on the way, for large values and for small ones."""
    x = keras.Input((1024,), name="x")
    model = keras.Model(x, L.Dense(2, name="small")(L.Dense(512, name="large")(x)))
    base = saved(model, tmp_path)
    content = base.read_bytes()
    for kind in ("large", "small"):
        value = np.asarray(model.get_layer(kind).kernel).tobytes()
        at = content.find(value) + len(value) // 2
        damaged = tmp_path / "damaged.keras"
        damaged.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        plan = patchspec.resolve(patch_of("- {op: rename, layers: small, name: s}"), damaged)
        with pytest.raises(PatchError) as caught:
            patchspec.rewrite(plan, tmp_path / "v.keras")
        assert [problem.code for problem in caught.value.problems] == ["PS903"]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["base.keras", "damaged.keras"]


def test_a_stop_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        assert 0 < done <= total
        raise KeyboardInterrupt

    base = saved(images(), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        patchspec.rewrite(
            patchspec.resolve(patch_of([]), base), tmp_path / "v.keras", progress=stop
        )
    assert [path.name for path in tmp_path.iterdir()] == ["base.keras"]


def test_the_base_is_not_changed_and_may_lie_in_a_folder_that_cannot_be_written(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "read"
    folder.mkdir()
    base = saved(images(), folder)
    before = base.read_bytes()
    folder.chmod(0o500)
    try:
        patchspec.rewrite(patchspec.resolve(patch_of([]), base), tmp_path / "v.keras")
    finally:
        folder.chmod(0o700)
    assert base.read_bytes() == before
    shutil.rmtree(folder)


def respelled(base: Path, target: Path, change: Callable[[h5py.File], None]) -> Path:
    """The archive with its weights changed through h5py."""

    def changed(content: bytes) -> bytes:
        own = target.with_suffix(".h5")
        own.write_bytes(content)
        with h5py.File(own, "r+") as file:
            change(file)
        return own.read_bytes()

    return rezipped(base, target, model=changed)


KERNEL = "layers/dense/vars/0"


def other_kernel(value: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[KERNEL]
        file[KERNEL] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        other_kernel(np.ones((9, 9), "f4")),
        other_kernel(np.ones(20, "f4")),
        lambda file: file.__delitem__("layers/dense/vars/1"),
        lambda file: file.__setitem__("layers/dense/vars/7", np.ones(3, "f4")),
    ],
)
def test_weights_that_are_not_those_of_the_config_are_not_copied(
    change: Any, tmp_path: Path
) -> None:
    base = respelled(saved(images(), tmp_path), tmp_path / "other.keras", change)
    plan = patchspec.resolve(patch_of("- {op: rename, layers: stem, name: first}"), base)
    with pytest.raises(PatchError) as caught:
        patchspec.rewrite(plan, tmp_path / "v.keras")
    assert [problem.code for problem in caught.value.problems] == ["PS928"]
    with pytest.raises(PatchError) as caught:
        patchspec.build(plan)
    assert [problem.code for problem in caught.value.problems] == ["PS508"]


@pytest.mark.parametrize("dtype", ["f8", "i4"])
def test_values_of_another_dtype_than_the_config_says_are_left_to_keras(
    dtype: str, tmp_path: Path
) -> None:
    value = np.arange(20).reshape(4, 5).astype(dtype)
    base = respelled(saved(images(), tmp_path), tmp_path / "o.keras", other_kernel(value))
    plan = patchspec.resolve(patch_of([]), base)
    assert obstacle(plan) == "the variables of `head` are not those that its config says"
    built = patchspec.build(plan).model.get_layer("head").kernel
    assert np.array_equal(built, value.astype("f4"))


def test_what_is_odd_beside_the_weights_is_a_refusal_and_no_traceback(tmp_path: Path) -> None:
    base = saved(images(), tmp_path)
    listed = rezipped(base, tmp_path / "listed.keras", metadata=lambda _: b"[1]")
    plan = patchspec.resolve(patch_of([]), listed)
    assert patchspec.rewrite(plan, tmp_path / "v.keras").exists()

    def odd(file: h5py.File) -> None:
        file["layers/dense/vars/\u00b2"] = np.ones(3, "f4")

    plan = patchspec.resolve(patch_of([]), respelled(base, tmp_path / "odd.keras", odd))
    with pytest.raises(PatchError):
        patchspec.rewrite(plan, tmp_path / "w.keras")
