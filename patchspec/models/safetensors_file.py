"""safetensors: a header of JSON, then the bytes of every tensor.

The `safetensors` package checks the file: that the header is whole, and that the tensors lie side
by side in it, with the sizes that it says. The values are views of the file; they are not read
through the package, since its NumPy side does not know bfloat16.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from patchspec.models.base import Variable
from patchspec.models.content import opened
from patchspec.models.document import read_json
from patchspec.problems import refuse

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LENGTH = 8
_ALIGNMENT = 8
_DTYPES: Mapping[str, str] = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32",
    "I32": "int32", "U64": "uint64", "I64": "int64", "F16": "float16", "BF16": "bfloat16",
    "F32": "float32", "F64": "float64", "C64": "complex64",
}  # fmt: skip
"""The format's names (https://huggingface.co/docs/safetensors) and ours."""
_NAMES = {ours: theirs for theirs, ours in _DTYPES.items()}


def read_safetensors(path: Path) -> dict[str, Variable]:
    """The variables in a file by key, as views of it; PS920 without the package."""
    name = str(path)
    _check(path, name)
    content = opened(name).view
    length = int.from_bytes(content[:_LENGTH], "little")
    start = _LENGTH + length
    header = read_json(bytes(content[_LENGTH:start]), f"the header of {name}")
    found = {}
    for key, said in header.items():
        if key == "__metadata__":
            continue
        dtype = _DTYPES.get(said["dtype"])
        if dtype is None:
            refuse("PS921", f"`{key}` in `{name}` is of the dtype `{said['dtype']}`, unknown here")
        begin, end = said["data_offsets"]
        shape = tuple(said["shape"])
        found[key] = Variable(
            key, shape, dtype, _reader(content[start + begin : start + end], dtype, shape)
        )
    return found


def _check(path: Path, name: str) -> None:
    """Have the package read the header; nothing of the values."""
    require(name)
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415 (an extra)

    try:
        with safe_open(path, framework="np") as opened:
            opened.keys()
    except (SafetensorError, OSError) as error:
        refuse("PS903", f"`{name}` is not a whole safetensors file: {error}")


def require(name: str) -> None:
    """Refuse (PS920) where the package is missing."""
    if find_spec("safetensors") is None:
        refuse(
            "PS920",
            f"`{name}` needs the package `safetensors`, which is not installed",
            hint="pip install 'patchspec[safetensors]', or use `.npz`",
        )


def _reader(content: memoryview, dtype: str, shape: tuple[int, ...]) -> Callable[[], NDArray[Any]]:
    return lambda: np.frombuffer(content, _dtype(dtype)).reshape(shape)


def _dtype(name: str) -> np.dtype[Any]:
    if name == "bfloat16":
        import ml_dtypes  # noqa: PLC0415 (comes with Keras; only bfloat16 needs it)

        brain: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return brain
    return np.dtype(name).newbyteorder("<")


def write_safetensors(path: Path, variables: Iterable[Variable], target: str) -> None:
    """Write variables by path: the same values give the same bytes.

    Wider dtypes come first, then paths in order, so that every tensor is aligned. The package reads
    what was written before it counts as written. PS921 for a dtype that the format does not have.
    """
    listed = sorted(variables, key=lambda v: (-_dtype(v.dtype).itemsize, v.path))
    header: dict[str, Any] = {}
    at = 0
    for variable in listed:
        if variable.dtype not in _NAMES:
            refuse(
                "PS921",
                f"`{variable.path}` is {variable.dtype}, which safetensors does not have",
                hint="write a `.npz` file",
            )
        size = _dtype(variable.dtype).itemsize
        for n in variable.shape:
            size *= n
        said = {"dtype": _NAMES[variable.dtype], "shape": list(variable.shape)}
        header[variable.path] = {**said, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(_LENGTH, "little") + text)
        for variable in listed:
            file.write(np.asarray(variable.read(), dtype=_dtype(variable.dtype)).tobytes())
    _check(path, target)
