"""Files: written whole and the same each time, read without trust."""

from __future__ import annotations

import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import patchspec
from patchspec.models.content import opened
from patchspec.models.files import replacing
from patchspec.models.hdf5_heaps import adds_up
from patchspec.models.opening import open_base
from patchspec.problems import PatchError
from tests.conftest import SAMPLES, patch_of

GOOD = SAMPLES / "functional_linear.keras"


def code(path: Any) -> str:
    with pytest.raises(PatchError) as caught:
        open_base(path)
    return caught.value.problems[0].code


def rewritten(target: Path, **members: bytes | None) -> Path:
    """The good file with members replaced, added, or left out."""
    changed = {name.replace("__", "/").replace("_json", ".json"): v for name, v in members.items()}
    with zipfile.ZipFile(GOOD) as source, zipfile.ZipFile(target, "w") as out:
        for info in source.infolist():
            content = changed.pop(info.filename, source.read(info))
            if content is not None:
                out.writestr(info.filename, content)
        for name, content in changed.items():
            if content is not None:
                out.writestr(name, content)
    return target


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    patch = patch_of("- {op: insert, after: d1, new: {class: Dense, name: n, config: {units: 4}}}")
    one, other = tmp_path / "a.keras", tmp_path / "b.keras"
    for path in (one, other):
        patchspec.apply(GOOD, patch).save(path)
    assert one.read_bytes() == other.read_bytes()


def test_the_variant_carries_its_provenance_and_keras_loads_it(tmp_path: Path) -> None:
    pin = {"state": open_base(GOOD).state}
    patch = patch_of("- {op: rename, layers: d1, name: one}", name="renamed", base=pin)
    variant = patchspec.apply(GOOD, patch)
    path = variant.save(tmp_path / "v.keras")
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["model.weights.h5", "metadata.json", "config.json"]
        metadata = json.loads(archive.read("metadata.json"))
        config = json.loads(archive.read("config.json"))
    said = metadata["patchspec"]
    assert said["base"] == {
        "architecture": open_base(GOOD).architecture,
        "state": open_base(GOOD).state,
    }
    assert said["patches"][0]["text"] == patch.source.text
    assert said["plan"] == variant.plan.digest
    assert said["transfer"]["kept"]["variables"] == 4
    assert metadata["date_saved"] == open_base(GOOD).metadata["date_saved"]
    assert config == json.loads(json.dumps(variant.plan.written_document))
    assert keras.saving.load_model(path).get_layer("one")


def test_the_digest_of_weights_is_worked_out_only_where_a_patch_pins_it(tmp_path: Path) -> None:
    """It takes longer than copying the model."""
    variant = patchspec.apply(GOOD, patch_of([]))
    path = variant.save(tmp_path / "v.keras")
    with zipfile.ZipFile(path) as archive:
        said = json.loads(archive.read("metadata.json"))["patchspec"]
    assert said["base"] == {"architecture": open_base(GOOD).architecture, "state": None}
    assert "state" not in vars(variant.plan.base)


def test_an_existing_file_is_kept_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "v.keras"
    path.write_text("mine")
    variant = patchspec.apply(GOOD, patch_of([]))
    with pytest.raises(PatchError) as caught:
        variant.save(path)
    assert caught.value.problems[0].code == "PS904"
    assert path.read_text() == "mine"
    assert variant.save(path, force=True).stat().st_size > 1000


def test_a_place_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    variant = patchspec.apply(GOOD, patch_of([]))
    for path in (tmp_path / "none" / "v.keras", tmp_path):
        with pytest.raises(PatchError) as caught:
            variant.save(path, force=True)
        assert caught.value.problems[0].code == "PS905"


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """D11, T48: half a file is none."""
    variant = patchspec.apply(GOOD, patch_of([]))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(PatchError) as caught:
        variant.save(tmp_path / "v.keras")
    assert caught.value.problems[0].code == "PS905"
    assert "No space left" in caught.value.problems[0].message
    assert list(tmp_path.iterdir()) == []


def test_whatever_happens_while_writing_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")

    def half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_what_is_no_model_is_said_so(tmp_path: Path) -> None:
    text = tmp_path / "a.keras"
    text.write_text("hello")
    empty = tmp_path / "b.keras"
    empty.write_bytes(b"")
    cut = tmp_path / "c.keras"
    cut.write_bytes(GOOD.read_bytes()[:5000])
    listing = tmp_path / "d.json"
    listing.write_text("[1, 2]")
    broken = tmp_path / "e.json"
    broken.write_text('{"a": NaN}')
    for path in (text, empty, cut, listing, broken):
        assert code(path) == "PS903"
    assert code(tmp_path / "nowhere.keras") == "PS902"
    assert code(tmp_path) == "PS903"


def test_a_class_that_lists_no_layers_is_refused_with_what_to_do() -> None:
    assert code(SAMPLES / "hub_backbone.keras") == "PS917"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_that_would_mislead_is_not_read(tmp_path: Path) -> None:
    twice = tmp_path / "twice.keras"
    rewritten(twice)
    with zipfile.ZipFile(twice, "a") as archive:
        archive.writestr("config.json", "{}")
    assert code(twice) == "PS702"
    assert code(rewritten(tmp_path / "a.keras", **{"../evil": b"x"})) == "PS702"
    assert code(rewritten(tmp_path / "b.keras", **{"code.py": b"x"})) == "PS702"
    assert code(rewritten(tmp_path / "c.keras", config_json=b'{"a": 1, "a": 2}')) == "PS702"
    assert code(rewritten(tmp_path / "d.keras", config_json=None)) == "PS903"
    bomb = tmp_path / "bomb.keras"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (20 << 20))
    assert code(bomb) == "PS702"


def weights(path: Path, make: Any) -> Path:
    """The good file with other weights."""
    file = path.with_suffix(".h5")
    with h5py.File(file, "w") as out:
        make(out)
    return rewritten(path, **{"model.weights.h5": file.read_bytes()})


def test_weights_that_lead_out_of_the_file_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 1024)

    def soft(out: Any) -> None:
        out["layers/dense/vars/0"] = h5py.SoftLink("/other")

    def outside(out: Any) -> None:
        out["layers/dense/vars/0"] = h5py.ExternalLink(str(secret), "/x")

    def external(out: Any) -> None:
        group = out.create_group("layers/dense/vars")
        group.create_dataset("0", (8, 4), "f4", external=[(str(secret), 0, 128)])

    def words(out: Any) -> None:
        out.create_group("layers/dense/vars")["0"] = "text"

    for i, make in enumerate((soft, outside, external, words)):
        assert code(weights(tmp_path / f"{i}.keras", make)) == "PS703"


def test_weights_that_do_not_fit_the_config_are_refused(tmp_path: Path) -> None:
    def other(out: Any) -> None:
        out["layers/conv2d/vars/0"] = np.zeros((2, 2))

    def named(out: Any) -> None:
        group = out.create_group("layers/dense/vars")
        group.attrs["name"] = "somebody_else"

    def small(out: Any) -> None:
        out["layers/dense/vars/0"] = np.zeros((2, 2), "f4")

    assert code(weights(tmp_path / "a.keras", other)) == "PS508"
    assert code(weights(tmp_path / "b.keras", named)) == "PS508"
    with pytest.raises(PatchError) as caught:
        patchspec.apply(weights(tmp_path / "c.keras", small), patch_of([]))
    assert caught.value.problems[0].code in {"PS508", "PS501"}


def test_compressed_and_chunked_weights_are_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(GOOD) as archive:
        content = archive.read("model.weights.h5")
    plain = tmp_path / "plain.h5"
    plain.write_bytes(content)

    def chunked(out: Any) -> None:
        with h5py.File(plain) as source:

            def copy(name: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset):
                    out.create_dataset(name, data=item[()], compression="gzip")

            source.visititems(copy)

    assert open_base(weights(tmp_path / "z.keras", chunked)).state == open_base(GOOD).state
    deflated = tmp_path / "deflated.keras"
    with (
        zipfile.ZipFile(GOOD) as source,
        zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as out,
    ):
        for info in source.infolist():
            out.writestr(info.filename, source.read(info))
    assert open_base(deflated).state == open_base(GOOD).state


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: c["layers"].append(c["layers"][1]),
        lambda c: c["layers"][1]["config"].update(name="z"),
        lambda c: c["layers"][1]["inbound_nodes"][0]["args"][0]["config"].update(
            keras_history=["g", 0, 0]
        ),
        lambda c: c["layers"][1]["inbound_nodes"][0]["args"][0]["config"].update(
            keras_history=["x", 3, 0]
        ),
        lambda c: c["layers"][1]["inbound_nodes"][0]["args"][0]["config"].update(
            keras_history=["d2", 0, 0]
        ),
        lambda c: c.update(output_layers=["ghost", 0, 0]),
        lambda c: c.update(output_layers=["d1", 0, 0]),
    ],
)
def test_a_graph_that_is_not_whole_is_refused_before_anything_is_planned(
    spoil: Any, tmp_path: Path
) -> None:
    """D6, T5, T6, T7: Keras misreads such a graph, or speaks of loops for every fault."""
    document = json.loads(zipfile.ZipFile(GOOD).read("config.json"))
    spoil(document["config"])
    path = tmp_path / "m.json"
    path.write_text(json.dumps(document))
    assert code(path) == "PS425"


def test_reading_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    copy = tmp_path / "m.keras"
    copy.write_bytes(GOOD.read_bytes())
    tmp_path.chmod(0o500)
    try:
        assert open_base(copy).state
    finally:
        tmp_path.chmod(0o700)


def test_a_damaged_weight_is_not_taken_for_a_value(tmp_path: Path) -> None:
    """The weights are read from the archive as they lie there, so their checksum is compared."""
    damaged = tmp_path / "damaged.keras"
    content = bytearray((SAMPLES / "functional_linear.keras").read_bytes())
    with zipfile.ZipFile(SAMPLES / "functional_linear.keras") as archive:
        info = archive.getinfo("model.weights.h5")
    content[info.header_offset + info.file_size - 40] ^= 1
    damaged.write_bytes(content)
    base = open_base(damaged)
    with pytest.raises(PatchError) as caught:
        assert base.state
    assert caught.value.problems[0].code == "PS903"


def test_a_zip_that_names_its_weights_in_two_ways_is_refused(tmp_path: Path) -> None:
    """One reader would look at the directory, the next at the header."""
    content = bytearray(GOOD.read_bytes())
    with zipfile.ZipFile(GOOD) as archive:
        at = archive.getinfo("model.weights.h5").header_offset + 30
    content[at] ^= 1
    (tmp_path / "m.keras").write_bytes(content)
    assert code(tmp_path / "m.keras") == "PS702"


def test_assets_that_unpack_without_end_are_refused_together(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(GOOD.read_bytes())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"assets/{number}.txt", bytes(12 << 20))
    assert code(path) == "PS702"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d["config"].pop("layers"),
        lambda d: d.update(compile_config="adam"),
        lambda d: d.pop("class_name"),
        lambda d: d["config"].update(layers={"a": 1}),
        lambda d: d["config"]["layers"][1].update(config=None),
        lambda d: d["config"]["layers"][1]["inbound_nodes"][0].update(args=3),
        lambda d: d["config"].update(output_layers=7),
        lambda d: d["config"]["layers"][0]["config"].pop("dtype"),
        lambda d: d["config"]["layers"][1]["inbound_nodes"][0]["args"][0]["config"].update(
            keras_history="x"
        ),
    ],
)
def test_a_config_of_another_shape_than_keras_writes_is_refused(spoil: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(SAMPLES / "functional_linear.keras") as archive:
        document = json.loads(archive.read("config.json"))
    spoil(document)
    (tmp_path / "m.json").write_text(json.dumps(document))
    assert code(tmp_path / "m.json") in {"PS903", "PS909", "PS425"}


def test_a_full_disk_is_met_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int, start: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    variant = patchspec.apply(SAMPLES / "functional_linear.keras", patch_of([]))
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(PatchError) as caught:
        variant.save(tmp_path / "v.keras")
    [problem] = caught.value.problems
    assert problem.code == "PS905"
    assert "No space left" in problem.message
    assert list(tmp_path.iterdir()) == []


def test_a_heap_of_texts_that_does_not_add_up_is_refused_before_it_is_walked(
    tmp_path: Path,
) -> None:
    """libhdf5 would never come back: a free object of no size is one byte of damage."""
    with zipfile.ZipFile(GOOD) as archive:
        content = bytearray(archive.read("model.weights.h5"))
    heap = content.find(b"GCOL")
    assert heap % 8 == 0
    size = int.from_bytes(content[heap + 24 : heap + 32], "little")
    content[heap + 24 : heap + 32] = (size + 80).to_bytes(8, "little")
    damaged = rewritten(tmp_path / "m.keras", **{"model.weights.h5": bytes(content)})
    assert code(damaged) == "PS903"


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.h5")), ids=lambda path: path.name)
def test_the_heaps_of_real_files_add_up(path: Path) -> None:
    content = opened(path)
    found = [m.start() for m in re.finditer(b"GCOL\x01\0\0\0", content.view)]
    assert all(adds_up(content, start) for start in found)
