"""Print what editors show of Keras's layer classes: `patchspec/layers/texts.json`.

The texts are the first sentences of Keras's own docstrings (Apache-2.0). A parameter of which no
docstring speaks has no text.

    python tools/layer_texts.py            writes the texts
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import keras

LAYERS = Path(__file__).parent.parent / "patchspec" / "layers"
SECTION = re.compile(r"^(?:Args|Arguments):[ ]*\n", re.MULTILINE)
ENTRY = re.compile(r"( +)\*{0,2}`?([a-z_0-9, `]+?)`?:(?: +(.*))?$")
SENTENCE = re.compile(r".*?(?<!ie)(?<!i\.e)(?<!e\.g)\.(?=\s+[A-Z`\"(-]|$)|.+$", re.DOTALL)
ENOUGH = 60
LONGEST = 200


def entries(doc: str) -> dict[str, str]:
    """The parameters that a docstring describes, and the text of each."""
    section = SECTION.search(doc)
    if section is None:
        return {}
    found: dict[str, str] = {}
    names: list[str] = []
    indent = 0
    for line in doc[section.end() :].splitlines():
        if line and not line.startswith(" "):
            break
        entry = ENTRY.match(line)
        if entry and (not names or len(entry[1]) <= indent):
            indent = len(entry[1])
            names = [name.strip(" `") for name in entry[2].split(",")]
            found.update(dict.fromkeys(names, entry[3] or ""))
        else:
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
    return found


def beginning(text: str) -> str:
    """The first sentences, until they say something, in one line."""
    said = ""
    for sentence in SENTENCE.findall(" ".join(text.split())):
        if said and len(said) + len(sentence) > LONGEST:
            break
        said = f"{said} {sentence.strip()}".strip()
        if len(said) >= ENOUGH:
            break
    if len(said) > LONGEST:
        said = said[:LONGEST].rpartition(" ")[0] + " ..."
    return re.split(r"(?<=[.:,]) - |:$", said)[0].strip()


def texts(cls: type, parameters: list[str]) -> dict[str, Any]:
    described: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("keras"):
            described.update(entries(inspect.cleandoc(base.__dict__.get("__doc__") or "")))
    summary = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0]
    return {
        "summary": beginning(summary),
        "parameters": {
            name: beginning(described[name])
            for name in parameters
            if described.get(name, "").strip()
        },
    }


def main() -> None:
    table = json.loads((LAYERS / "table.json").read_text(encoding="utf-8"))
    said = {
        name: texts(getattr(keras.layers, name), list(facts["parameters"]))
        for name, facts in table["layers"].items()
    }
    target = LAYERS / "texts.json"
    target.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
