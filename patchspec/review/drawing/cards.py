"""What stands on a node, and so how large it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from patchspec.review.drawing.layout import Size
from patchspec.review.drawing.scene import Node
from patchspec.review.drawing.text import clipped, columns, shown
from patchspec.review.style import number

LINE = 16.0
PADDING = 10.0
_COLUMN = 7.9
"""How wide a letter is: no font of equal letters is wider for its size than this allows for."""
_MOST = 44
_NARROWEST = 88.0
_FAMILIES = (
    ("attention", r"Attention"),
    ("recurrent", r"LSTM|GRU|RNN|Bidirectional|Recurrent"),
    ("pool", r"Pool|UpSampling|Crop|Padding"),
    ("convolution", r"Conv"),
    ("normalization", r"Norm|Dropout|Noise"),
    ("activation", r"ReLU|Softmax|Activation|Sigmoid|PReLU|ELU|Gelu|Relu|Tanh|Swish|Silu"),
    ("merge", r"^(Add|Subtract|Multiply|Average|Maximum|Minimum|Concatenate|Dot)"),
    ("dense", r"Dense|Embedding|Einsum|MatMul"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text, and what it is for."""

    text: str
    role: str


def lines_of(node: Node) -> tuple[Line, ...]:
    """The name, the class with its parameters, and the shapes of what is made."""
    name = Line(clipped(shown(node.label), _MOST), "name")
    what = [node.kind if node.kind in ("input", "output") else shown(node.class_name)]
    if node.parameters:
        what.append(f"{number(node.parameters)} parameters")
    several = len(node.shapes) > 1
    shapes = [f":{i} {shape}" if several else shape for i, shape in enumerate(node.shapes)]
    if len(shapes) > 4:  # noqa: PLR2004
        shapes = [*shapes[:3], f"and {len(shapes) - 3} more"]
    if node.kind in ("model", "wrapper") and node.call:
        shapes.append("its layers: see @0")
    return (
        name,
        Line(clipped(" \u00b7 ".join(what), _MOST), "class"),
        *(Line(clipped(shown(shape), _MOST), "shape") for shape in shapes),
    )


def size_of(lines: tuple[Line, ...]) -> Size:
    """How large a node is that holds these lines."""
    widest = max(columns(line.text) for line in lines)
    width = max(_NARROWEST, widest * _COLUMN + 2 * PADDING + 6)
    return float(round(width)), len(lines) * LINE + 2 * PADDING - 4


def family_of(node: Node) -> str:
    """The kind of computation, for the colour."""
    if node.kind in ("input", "output"):
        return "end"
    found = (family for family, words in _FAMILIES if re.search(words, node.class_name))
    return next(found, "other")
