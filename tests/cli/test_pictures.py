"""`patchspec inspect` draws, and so does `patchspec.draw`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import patchspec
from patchspec.cli.main import main
from patchspec.problems import PatchError
from tests import configs
from tests.conftest import SAMPLES

BASE = str(SAMPLES / "nested.keras")
FORMATS = {".svg": "<svg ", ".html": "<!doctype html>", ".mmd": "flowchart TB"}


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_graph_is_drawn_and_only_its_path_is_printed(
    suffix: str, tmp_path: Path, capsys: Any
) -> None:
    out = tmp_path / f"graph{suffix}"
    assert main(["inspect", BASE, "--graph", str(out)]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{out}\n"
    assert shown.err == ""
    assert out.read_text(encoding="utf-8").startswith(FORMATS[suffix])


@pytest.mark.parametrize("name", ["graph.md", "graph.png", "graph", "graph.SVG"])
def test_another_suffix_is_wrong_usage_that_names_the_three(
    name: str, tmp_path: Path, capsys: Any
) -> None:
    assert main(["inspect", BASE, "--graph", str(tmp_path / name)]) == 2
    said = capsys.readouterr().err
    assert all(suffix in said for suffix in FORMATS)
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_drawn_over_with_force_alone(tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "graph.svg"
    out.write_text("precious")
    assert main(["inspect", BASE, "--graph", str(out)]) == 1
    assert "error[PS904]" in capsys.readouterr().err
    assert out.read_text() == "precious"
    assert main(["inspect", BASE, "--graph", str(out), "--force"]) == 0
    assert out.read_text(encoding="utf-8").startswith("<svg ")
    assert [path.name for path in tmp_path.iterdir()] == ["graph.svg"]


@pytest.mark.parametrize("option", ["--graph", "--histograms"])
def test_what_cannot_be_written_is_refused_before_the_model_is_read(
    option: str, tmp_path: Path, capsys: Any
) -> None:
    suffix = ".svg" if option == "--graph" else ".png"
    assert main(["inspect", "nowhere.keras", option, str(tmp_path / "no" / f"x{suffix}")]) == 1
    assert "error[PS905]" in capsys.readouterr().err


def test_the_model_is_never_drawn_over(tmp_path: Path, capsys: Any) -> None:
    model = tmp_path / "model.svg"
    model.write_bytes(Path(BASE).read_bytes())
    assert main(["inspect", str(model), "--graph", str(model), "--force"]) == 1
    assert "error[PS904]" in capsys.readouterr().err
    assert model.read_bytes() == Path(BASE).read_bytes()


def test_an_architecture_is_drawn_without_its_weights_and_without_keras(tmp_path: Path) -> None:
    model, out = tmp_path / "model.json", tmp_path / "graph.svg"
    model.write_text(json.dumps(configs.nested()))
    code = (
        "import sys; from patchspec.cli.main import main;"
        "assert main(['inspect', '--no-shapes', sys.argv[1], '--graph', sys.argv[2]]) == 0;"
        "print(sorted({'keras', 'tensorflow', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(model), str(out)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [str(out), "[]"]
    assert "parameters" not in out.read_text(encoding="utf-8")


def test_shapes_are_those_of_the_table(tmp_path: Path) -> None:
    """The output of the last layer is recorded nowhere: only inference knows it."""
    out = tmp_path / "graph.svg"
    assert main(["inspect", BASE, "--graph", str(out)]) == 0
    inferred = out.read_text(encoding="utf-8")
    assert main(["inspect", BASE, "--no-shapes", "--graph", str(out), "--force"]) == 0
    recorded = out.read_text(encoding="utf-8")
    assert inferred.count("float32[") > recorded.count("float32[")


def test_a_folded_flowchart_says_so_on_stderr(tmp_path: Path, capsys: Any) -> None:
    model, out = tmp_path / "model.json", tmp_path / "graph.mmd"
    model.write_text(json.dumps(configs.chain(*(f"layer_{i}" for i in range(1200)))))
    assert main(["inspect", "--no-shapes", str(model), "--graph", str(out)]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{out}\n"
    assert "1,200 calls folded together" in shown.err


def test_histograms_are_drawn_of_the_layers_that_are_asked_for(tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "weights.png"
    assert main(["inspect", BASE, "--histograms", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    whole = out.read_bytes()
    asked = ["inspect", BASE, "--histograms", str(out), "--layers", "inner/*", "--force"]
    assert main(asked) == 0
    assert out.read_bytes() != whole


@pytest.mark.parametrize(
    ("selector", "code"), [("nosuch", "PS30"), ("{clas: Dense}", "PS2"), ("{class: Foo}", "PS3")]
)
def test_a_selector_that_is_wrong_is_a_problem(
    selector: str, code: str, tmp_path: Path, capsys: Any
) -> None:
    out = str(tmp_path / "weights.png")
    assert main(["inspect", BASE, "--histograms", out, "--layers", selector]) == 1
    assert f"error[{code}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--layers", "d"],
        ["--force"],
        ["--config", "--graph", "x.svg"],
        ["--histograms", "weights.svg"],
    ],
)
def test_options_that_mean_nothing_together_are_wrong_usage(arguments: list[str]) -> None:
    assert main(["inspect", BASE, *arguments]) == 2


def test_histograms_without_matplotlib_name_the_extra(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patchspec.review.plots.find_spec", lambda _: None)
    assert main(["inspect", BASE, "--histograms", str(tmp_path / "w.png")]) == 1
    said = capsys.readouterr().err
    assert "error[PS931]" in said
    assert 'pip install "patchspec[plot]"' in said


def test_both_pictures_are_written_at_once_and_told_as_json(tmp_path: Path, capsys: Any) -> None:
    graph, weights = str(tmp_path / "g.svg"), str(tmp_path / "w.png")
    assert main(["inspect", BASE, "--graph", graph, "--histograms", weights, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"format": 1, "graph": graph, "histograms": weights}


def test_draw_does_the_same_from_python(tmp_path: Path) -> None:
    one, other = tmp_path / "one.svg", tmp_path / "other.svg"
    assert main(["inspect", BASE, "--graph", str(one)]) == 0
    assert patchspec.draw(BASE, other) == other
    assert one.read_bytes() == other.read_bytes()
    with pytest.raises(PatchError) as caught:
        patchspec.draw(BASE, other)
    assert [problem.code for problem in caught.value.problems] == ["PS904"]
    bare = patchspec.draw(patchspec.open_base(BASE), other, shapes=False, force=True)
    assert bare.read_bytes() != one.read_bytes()


def test_draw_refuses_another_format(tmp_path: Path) -> None:
    with pytest.raises(PatchError) as caught:
        patchspec.draw(BASE, tmp_path / "graph.md")
    [problem] = caught.value.problems
    assert problem.code == "PS930"
    assert all(suffix in (problem.hint or "") for suffix in FORMATS)


def test_a_live_model_is_drawn(tmp_path: Path) -> None:
    import keras  # noqa: PLC0415 (only this test needs it)

    x = keras.Input((4,), name="x")
    model = keras.Model(x, keras.layers.Dense(2, name="d")(x))
    text = patchspec.draw(model, tmp_path / "live.mmd").read_text(encoding="utf-8")
    assert "d<br>Dense \u00b7 10 parameters<br>float32[?, 2]" in text
