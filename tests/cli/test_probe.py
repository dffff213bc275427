"""The command `probe`: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import jsonschema
import keras
import numpy as np
import pytest

from patchspec.cli.main import main
from patchspec.cli.progress import SAMPLES, drawn, number
from patchspec.review.schemas import schema
from tests.probing import models
from tests.probing.feeding import feed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, another one that parts from it, and data."""
    made = tmp_path_factory.mktemp("probe")
    keras.utils.set_random_seed(0)
    model = models.picture()
    model.compile("sgd", "mse")
    model.save(made / "one.keras")
    np.save(made / "x.npy", feed(model, 9)["image"])
    np.save(made / "y.npy", np.zeros((9, 3), "float32"))
    norm = model.get_layer("norm")
    norm.moving_mean.assign(norm.moving_mean + 1.0)
    model.save(made / "two.keras")
    return made


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Any:
    """What a command line prints, its errors, and its exit code."""
    monkeypatch.chdir(folder)

    def ran(*words: str) -> tuple[int, str, str]:
        code = main(["probe", *words])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return ran


def test_arrays_are_written_and_the_last_line_is_the_path(run: Any, tmp_path: Path) -> None:
    out = str(tmp_path / "out.h5")
    said = ["one.keras", "--tensors", "conv:pre", "--tensors", "po*", "--data", "x.npy", "-o", out]
    code, shown, _ = run(*said)
    assert code == 0
    lines = shown.splitlines()
    assert lines[0] == "picture, 9 samples"
    assert lines[2].split() == ["tensor", "shape", "dtype"]
    assert lines[3].split() == ["conv:pre", "6x6x4", "float32"]
    assert lines[-1] == out
    with h5py.File(out) as file:
        assert sorted(file) == ["conv:pre", "pool"]
        assert file["pool"].shape == (9, 4)


def test_statistics_are_a_row_for_each_tensor_in_order(run: Any) -> None:
    code, shown, _ = run("one.keras", "--stats", "--data", "x.npy")
    assert code == 0
    rows = [line.split()[0] for line in shown.splitlines()[3:8]]
    assert rows == ["image", "conv", "norm", "pool", "head"]
    assert "no value is NaN or infinite" in shown


@pytest.mark.parametrize("more", [[], ["--grad", "loss", "--labels", "y.npy", "--weights", "*"]])
def test_statistics_as_json_have_every_channel_and_fit_the_schema(run: Any, more: Any) -> None:
    code, shown, _ = run("one.keras", "--stats", "--data", "x.npy", "--json", *more)
    assert code == 0
    said = json.loads(shown)
    jsonschema.Draft7Validator(schema("probe")).validate(said)
    conv = next(one for one in said["tensors"] if one["tensor"] == "conv")
    assert len(conv["channels"]["mean"]) == 4
    assert conv["overall"]["count"] == 9 * 6 * 6 * 4
    assert (conv["gradient_norm"] is not None) is bool(more)
    assert said["first_broken"] is None


def test_what_is_written_is_told_as_json(run: Any, tmp_path: Path) -> None:
    out = str(tmp_path / "out.npz")
    code, shown, _ = run("one.keras", "--tensors", "head", "--data", "x.npy", "-o", out, "--json")
    assert code == 0
    said = json.loads(shown)
    jsonschema.Draft7Validator(schema("probe")).validate(said)
    assert said["output"] == out
    assert [(one["tensor"], one["overall"]) for one in said["tensors"]] == [("head", None)]


def test_a_value_that_json_does_not_have_is_null(run: Any, folder: Path) -> None:
    values = np.load(folder / "x.npy")
    values[0, 0, 0, 0] = np.nan
    np.save(folder / "broken.npy", values)
    code, shown, _ = run("one.keras", "--stats", "--data", "broken.npy", "--json")
    assert code == 0
    said = json.loads(shown, parse_constant=pytest.fail)
    assert said["first_broken"] == "image"
    assert "NaN or infinite first in `image`" in run(
        "one.keras", "--stats", "--data", "broken.npy"
    )[1]  # fmt: skip


def test_weights_are_stored_without_data(run: Any, tmp_path: Path) -> None:
    out = tmp_path / "w.npz"
    code, shown, _ = run("one.keras", "--weights", "head", "-o", str(out))
    assert code == 0
    assert shown.splitlines()[0] == "picture"
    with np.load(out) as stored:
        assert stored.files == ["weights/head/vars/0", "weights/head/vars/1"]


def test_gradients_are_stored_beside_what_they_are_of(run: Any, tmp_path: Path) -> None:
    out = tmp_path / "g.npz"
    said = ["one.keras", "--tensors", "pool", "--data", "x.npy", "--grad", "$output"]
    assert run(*said, "-o", str(out))[0] == 0
    with np.load(out) as stored:
        assert stored.files == ["pool", "gradient/pool"]


def test_all_that_is_asked_for_comes_of_one_run(run: Any, tmp_path: Path) -> None:
    arrays, picture = str(tmp_path / "a.npz"), str(tmp_path / "h.png")
    said = ["one.keras", "--data", "x.npy", "--stats", "--weights", "*", "--grad", "$output"]
    said += ["--histograms", picture, "-o", arrays]
    code, shown, _ = run(*said)
    assert code == 0
    assert shown.splitlines()[-3:] == ["", arrays, picture]
    assert "no value is NaN or infinite" in shown
    assert Path(picture).read_bytes().startswith(b"\x89PNG")
    code, shown, _ = run(*said, "--json", "--force")
    assert code == 0
    told = json.loads(shown)
    jsonschema.Draft7Validator(schema("probe")).validate(told)
    assert (told["output"], told["histograms"]) == (arrays, picture)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "h.png"]


def test_an_existing_picture_is_drawn_over_with_force_alone(run: Any, tmp_path: Path) -> None:
    picture = tmp_path / "h.png"
    picture.write_text("precious")
    said = ["one.keras", "--data", "x.npy", "--histograms", str(picture)]
    code, _, err = run(*said)
    assert code == 1
    assert "error[PS904]" in err
    assert picture.read_text() == "precious"
    code, shown, _ = run(*said, "--force")
    assert code == 0
    assert shown.splitlines()[2].split() == ["tensor", "shape", "dtype"]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_run_that_fails_draws_nothing(run: Any, folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "h.png"
    picture.write_text("precious")
    said = ["one.keras", "--data", "y.npy", "--histograms", str(picture), "--force"]
    assert run(*said)[0] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["h.png"]
    assert picture.read_text() == "precious"


@pytest.mark.parametrize(
    ("option", "more"), [("--histograms", []), ("--plot", ["--compare", "two.keras"])]
)
def test_without_matplotlib_the_extra_is_named_before_a_model_is_opened(
    option: str, more: list[str], run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patchspec.review.plots.find_spec", lambda _: None)
    said = ["nowhere.keras", "--data", "x.npy", option, str(tmp_path / "h.png"), *more]
    code, _, err = run(*said)
    assert code == 1
    assert f"error[PS931] `{option}` needs" in err.replace(": ", " ")
    assert 'pip install "patchspec[plot]"' in err


def test_models_are_compared_up_to_where_they_part(run: Any) -> None:
    code, shown, _ = run("one.keras", "--compare", "two.keras", "--data", "x.npy")
    assert code == 0
    assert shown.startswith("one.keras against two.keras, 9 samples\n")
    assert "they part at `norm`" in shown
    assert "2 tensors before it alike, 3 of 5 differ" in shown


def test_a_comparison_ends_with_one_where_it_is_asked_to(run: Any) -> None:
    said = ["one.keras", "--data", "x.npy", "--exit-code", "--compare"]
    assert run(*said, "two.keras")[0] == 1
    assert run(*said, "one.keras")[0] == 0
    assert run(*said, "two.keras", "--atol", "10")[0] == 0


def test_a_comparison_as_json_fits_the_schema(run: Any) -> None:
    code, shown, _ = run("one.keras", "--compare", "two.keras", "--data", "x.npy", "--json")
    assert code == 0
    said = json.loads(shown)
    jsonschema.Draft7Validator(schema("comparison")).validate(said)
    assert said["first"] == "norm"


def test_a_comparison_is_drawn(run: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plot = tmp_path / "c.png"
    said = ["one.keras", "--compare", "two.keras", "--data", "x.npy", "--plot", str(plot)]
    code, shown, _ = run(*said)
    assert code == 0
    assert shown.splitlines()[-1] == str(plot)
    assert plot.read_bytes().startswith(b"\x89PNG")
    code, _, err = run(*said)
    assert code == 1
    assert "PS904" in err


@pytest.mark.parametrize(
    "words",
    [
        ["one.keras"],
        ["one.keras", "--data", "x.npy"],
        ["one.keras", "--compare", "two.keras"],
        ["one.keras", "--compare", "two.keras", "--data", "x.npy", "--stats"],
        ["one.keras", "--compare", "two.keras", "--data", "x.npy", "-o", "x.h5"],
        ["one.keras", "--compare", "two.keras", "--data", "x.npy", "--plot", "x.gif"],
        ["one.keras", "--compare", "two.keras", "--data", "x.npy", "--histograms", "x.png"],
        ["one.keras", "--data", "x.npy", "--histograms", "x.svg"],
        ["one.keras", "--data", "x.npy", "--histograms", "x"],
        ["one.keras", "--stats", "--data", "x.npy", "--plot", "x.png"],
        ["one.keras", "--stats", "--data", "x.npy", "--atol", "1"],
        ["one.keras", "--stats", "--data", "x.npy", "--batch-size", "many"],
        [],
    ],
    ids=" ".join,
)
def test_what_means_nothing_is_wrong_usage(run: Any, words: list[str]) -> None:
    assert run(*words)[0] == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nowhere.keras", "--stats", "--data", "x.npy"], "PS902"),
        (["one.keras", "--stats", "--data", "nowhere.npy"], "PS940"),
        (["one.keras", "--stats", "--data", "y.npy"], "PS941"),
        (["one.keras", "--stats"], "PS941"),
        (["one.keras", "--stats", "--data", "x.npy", "--tensors", "cnv"], "PS301"),
        (["one.keras", "--stats", "--data", "x.npy", "--tensors", "c*x"], "PS303"),
        (["one.keras", "--stats", "--data", "x.npy", "--tensors", "norm:pre"], "PS943"),
        (["one.keras", "--stats", "--data", "x.npy", "--tensors", "{clas: X}"], "PS201"),
        (["one.keras", "--stats", "--data", "x.npy", "--grad", "loss"], "PS951"),
        (["one.keras", "--stats", "--data", "x.npy", "--batch-size", "0"], "PS942"),
        (["one.keras", "--tensors", "head", "--data", "x.npy", "-o", "a.txt"], "PS947"),
        (["one.keras", "--tensors", "head", "--data", "x.npy", "-o", "no/a.h5"], "PS905"),
        (["one.keras", "--data", "x.npy", "-o", "x.npy"], "PS904"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_mistake_ends_with_one_and_its_code(run: Any, words: list[str], code: str) -> None:
    ended, _, err = run(*words)
    assert ended == 1
    assert f"[{code}]" in err


def test_the_bar_counts_samples() -> None:
    line = drawn("probing m.keras", 50, 200, 2.0, SAMPLES)
    assert line.endswith(" 25%  50 of 200 samples, 25/s, 6 s left")
    assert (number(0.25), number(12.5), number(1234)) == ("0.2", "12", "1,234")
