"""CRC-32, the checksum of zip archives, of pieces: summed apart and combined.

A CRC is linear over the field of two elements: that of two pieces after each other is that of the
first, times x to the number of bits that follow, plus that of the second. (`crc32_combine` of zlib
computes the same.) So pieces may be summed in parallel and in any order, and a stretch of
zeros need not be read.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import lru_cache

_POLYNOMIAL = 0xEDB88320
"""Of CRC-32, the lowest bit standing for the highest power."""
_ONE = 1 << 31


def checksum(pieces: Iterable[bytes | bytearray | memoryview], before: int = 0) -> int:
    """The CRC-32 of pieces after each other, and after what has the sum `before`."""
    for piece in pieces:
        before = zlib.crc32(piece, before)
    return before


def combined(first: int, second: int, size: int) -> int:
    """The CRC-32 of two pieces after each other, of which the second has `size` bytes."""
    return _times(_power(size), first) ^ second


@lru_cache(maxsize=256)
def of_zeros(size: int) -> int:
    """The CRC-32 of that many zero bytes."""
    if size < 1 << 12:
        return zlib.crc32(bytes(size))
    half = size // 2
    return combined(of_zeros(size - half), of_zeros(half), half)


def _times(first: int, second: int) -> int:
    """The product of two polynomials, modulo that of the CRC."""
    product = 0
    while first:
        if first & _ONE:
            product ^= second
        first = first << 1 & 0xFFFFFFFF
        second = second >> 1 ^ (_POLYNOMIAL if second & 1 else 0)
    return product


@lru_cache(maxsize=4096)
def _power(size: int) -> int:
    """x to the number of bits in `size` bytes."""
    power, square = _ONE, 1 << 23  # one, and x to the eighth
    while size:
        if size & 1:
            power = _times(power, square)
        square = _times(square, square)
        size >>= 1
    return power
