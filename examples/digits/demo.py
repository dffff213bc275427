"""The main job on a real trained model, told step by step.

    python examples/digits/demo.py

Each line that begins with `$` is a command as you would type it, with what it prints below.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from patchspec.cli.shared import quiet_backend

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

HERE = Path(__file__).parent
EPOCHS = 5
OUTPUTS = ["digit", "embedding"]
FROZEN = 12  # as `plan` says: kept


def say(text: str) -> None:
    print(f"\n\x1b[1m{text}\x1b[0m" if sys.stdout.isatty() else f"\n## {text}", flush=True)


def run(*arguments: str, expected: int = 0, shown: int | None = None) -> str:
    """Run a command of patchspec in this folder, print what it prints, and hold it to its code."""
    print(f"\n$ patchspec {' '.join(arguments)}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "patchspec", *arguments],
        cwd=HERE,
        check=False,
        capture_output=True,
        text=True,
    )
    lines = (done.stdout + done.stderr).splitlines()
    for line in lines[:shown]:
        print(line)
    if shown is not None and len(lines) > shown:
        print(f"... and {len(lines) - shown} lines more")
    sys.stdout.flush()
    if expected:
        print(f"(exit code {done.returncode})", flush=True)
    if done.returncode != expected:
        raise SystemExit(f"the command ended with {done.returncode}, expected was {expected}")
    return done.stdout


def check(claim: str, holds: bool) -> None:
    print(f"{'ok' if holds else 'FAILED'}: {claim}", flush=True)
    if not holds:
        raise SystemExit(1)


def embedding(folder: Path) -> None:
    say("2. A patch: Dropout behind the second block, and the embedding as an output")
    print((HERE / "embedding.patchspec.yaml").read_text())
    run("plan", "embedding.patchspec.yaml")
    say("   The same as an RFC 6902 document, which any JSON Patch tool can apply")
    document = run("plan", "embedding.patchspec.yaml", "--no-shapes", "--json-patch", shown=24)
    kinds = [operation["op"] for operation in json.loads(document)]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))
    print(f"{len(kinds)} RFC 6902 operations: {counts}", flush=True)
    variant = folder / "embedding.keras"
    run("apply", "embedding.patchspec.yaml", "-o", str(variant))

    import keras  # noqa: PLC0415 (after the commands, which start faster without)
    import numpy as np  # noqa: PLC0415
    from train import digits  # noqa: PLC0415

    _, _, unseen, _ = digits()
    before = keras.saving.load_model(HERE / "digits.keras", compile=False)
    after = keras.saving.load_model(variant, compile=False)
    predicted, features = after.predict(unseen, verbose=0)
    same = np.array_equal(predicted, before.predict(unseen, verbose=0))
    check(f"the predictions of {len(unseen)} digits are the base's, bit by bit", same)
    check("the variant has the outputs digit and embedding", after.output_names == OUTPUTS)
    check(f"the embedding has the shape {features.shape}", features.shape == (len(unseen), 32))


def parity(folder: Path) -> None:
    say("3. Another head: odd or even, on frozen features")
    run("plan", "parity.patchspec.yaml")
    variant = folder / "parity.keras"
    run("apply", "parity.patchspec.yaml", "-o", str(variant))

    import keras  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415
    from train import digits  # noqa: PLC0415

    keras.utils.set_random_seed(0)
    x, y, unseen, labels = digits()
    model = keras.saving.load_model(variant)
    model.compile(keras.optimizers.Adam(0.03), "binary_crossentropy", metrics=["accuracy"])
    _, untrained = model.evaluate(unseen, labels % 2, verbose=0)
    model.fit(x, y % 2, epochs=EPOCHS, batch_size=32, verbose=0)
    _, accuracy = model.evaluate(unseen, labels % 2, verbose=0)
    print(f"accuracy before training {untrained:.4f}, after {EPOCHS} epochs {accuracy:.4f}")
    base = keras.saving.load_model(HERE / "digits.keras", compile=False)
    pairs = [
        pair
        for layer in base.layers
        if layer.name != "digit"
        for pair in zip(layer.get_weights(), model.get_layer(layer.name).get_weights(), strict=True)
    ]
    check(
        f"after training, the {len(pairs)} frozen variables are still the base's, bit by bit",
        len(pairs) == FROZEN and all(np.array_equal(a, b) for a, b in pairs),
    )
    check("odd and even are told apart", accuracy > 0.95)


def main() -> None:
    sys.path.insert(0, str(HERE))
    say("1. The model: a small CNN, trained on the handwritten digits of scikit-learn")
    run("inspect", "digits.keras")
    with tempfile.TemporaryDirectory() as folder:
        embedding(Path(folder))
        parity(Path(folder))
    say("4. A broken patch is refused before anything is loaded")
    run("validate", "broken.patchspec.yaml", expected=1)
    say("Done.")


if __name__ == "__main__":
    with quiet_backend():
        main()
