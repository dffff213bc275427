"""Protocol buffers' wire format, as far as Keras's metadata needs it.

A message is a sequence of fields: a key (number and kind) as a varint, then a varint, 8 bytes, a
length and as many bytes, or 4 bytes (https://protobuf.dev/programming-guides/encoding).
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_MAX_VARINT = 10


def fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message in order, by number; ValueError where it is not whole."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(content, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(content, at)
        elif kind in (_EIGHT, _FOUR):
            size = 8 if kind == _EIGHT else 4
        else:
            raise ValueError(f"a field of the kind {kind} at byte {at}")
        if number == 0 or at + size > len(content):
            raise ValueError(f"the field {number} ends after the message does")
        yield number, content[at : at + size]
        at += size


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for i in range(_MAX_VARINT):
        if at + i >= len(content):
            break
        byte = content[at + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:  # noqa: PLR2004 (the bit that says whether another byte follows)
            return value, at + i + 1
    raise ValueError(f"a number at byte {at} does not end")
