"""Refuses image files whose structure would cost far more to read than any photograph's does.

Each check reads the file's structure alone, before a decoder sees it, and costs an ordinary photograph microseconds.
The limits lie far above what cameras and editors write.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

import numpy as np

from app.errors import InvalidInput

SEGMENTS: Final = 2_000  # before the first scan of a JPEG; Pillow reads each in Python
SCANS: Final = 100  # of a JPEG; editors write about ten
SCANNED_PIXELS: Final = 640_000_000  # scans times pixels: an empty scan costs nearly as much as a full one
FILL: Final = 64_000  # bytes of filling between two segments
CHUNKS: Final = 20_000  # of a PNG
DIRECTORY: Final = 1_000  # tags of a TIFF
VALUES: Final = 200_000  # of all tags of a TIFF, such as where its strips begin; Pillow reads each strip in Python
SMALLEST_TILE: Final = 16  # pixels; the TIFF specification asks for multiples of it
PLAIN_PIXELS: Final = 4_000_000  # a file of few bytes may hold so many, such as a drawing of one colour
PIXELS_PER_BYTE: Final = 1_000

_NOT_FILL = re.compile(rb"[^\xff]")
_MARK, _SCAN, _END = 0xFF, 0xDA, 0xD9  # of a JPEG
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_FRAMES, _SINGLE_SCAN = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}, {0xC0, 0xC1}
_SAMPLES, _PIECE = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}, 1_000_000  # of a PNG: values of a pixel; bytes unpacked at once
_TILE_SIDES, _TAG_BYTES, _SHORT, _TEXT = (322, 323), 12, 3, (1, 2, 7)  # of a TIFF: tags, their size, forms of values


def check_structure(data: bytes, kind: str) -> None:
    """Raise InvalidInput for a file of that kind whose structure costs too much to read.

    Whether it is damaged is for the decoder to say.
    """
    check = _CHECKS.get(kind)
    if check is not None:
        with suppress(IndexError, struct.error):  # it ends within its header, so it costs nothing
            check(data)


def check_density(data: bytes, width: int, height: int, kind: str) -> None:
    """Raise InvalidInput where the file has far fewer bytes than an image of so many pixels takes."""
    pixels = width * height
    if pixels > PLAIN_PIXELS and pixels > PIXELS_PER_BYTE * len(data):
        raise _refused(kind, f"its {len(data):,} bytes claim {pixels:,} pixels")


def _check_jpeg(data: bytes) -> None:
    """Walk the segments up to the first scan; count the scans where there may be more than one."""
    frame, parts, pixels = 0, 0, 0
    for marker, at in _segments(data):
        if marker in _FRAMES:
            height, width, parts = struct.unpack_from(">HHB", data, at + 3)
            frame, pixels = marker, width * height
        elif marker == _SCAN:
            if frame in _SINGLE_SCAN and data[at + 2] == parts:
                return
            _check_scans(data, at, pixels)
            return


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the marker and the place after it of each segment up to the first scan."""
    at = 2
    for _ in range(SEGMENTS):
        found = _NOT_FILL.search(data, at, at + FILL)
        if found is None and at + FILL > len(data):
            return  # it ends here
        if found is None or data[at] != _MARK:
            raise _refused("JPEG", "it is filled up, or no segment follows another")
        marker, at = data[found.start()], found.end()
        yield marker, at
        if marker in (_SCAN, _END):
            return
        if marker not in _WITHOUT_LENGTH:
            at += max(2, struct.unpack_from(">H", data, at)[0])
    raise _refused("JPEG", f"it has more than {SEGMENTS:,} segments")


def _check_scans(data: bytes, start: int, pixels: int) -> None:
    rest = np.frombuffer(data, np.uint8, offset=start)
    scans = 1 + int(np.count_nonzero((rest[:-1] == _MARK) & (rest[1:] == _SCAN)))
    if scans > SCANS or scans * pixels > SCANNED_PIXELS:
        raise _refused("JPEG", f"its {scans} scans describe {pixels:,} pixels")


def _check_png(data: bytes) -> None:
    at = 8
    for _ in range(CHUNKS):
        if at + 8 > len(data):
            return  # the decoder says whether anything is missing
        (length,) = struct.unpack_from(">I", data, at)
        at += 12 + int(length)
    raise _refused("PNG", f"it has more than {CHUNKS:,} chunks")


def check_png_rows(data: bytes) -> None:
    """Raise InvalidInput for a PNG that has fewer rows than it claims; all of it is decompressed to tell."""
    width, height, bits, colours, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    if interlaced:
        return  # its rows have many lengths
    missing = height * (1 + (width * bits * _SAMPLES[colours] + 7) // 8)
    unpacker = zlib.decompressobj()
    for part in _png_pixels(data):
        while part and missing > 0:
            missing -= len(unpacker.decompress(part, _PIECE))
            part = unpacker.unconsumed_tail  # noqa: PLW2901 - what is left of it
    if missing > 0:
        raise _refused("PNG", "its last rows are missing")


def _png_pixels(data: bytes) -> Iterator[bytes]:
    at = 8
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"IDAT":
            yield data[at + 8 : at + 8 + length]
        at += 12 + length


def _check_tiff(data: bytes) -> None:
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (tags,) = struct.unpack_from(f"{order}H", data, at)
    if tags > DIRECTORY:
        raise _refused("TIFF", f"it has {tags:,} tags")
    values = 0
    for place in range(at + 2, at + 2 + _TAG_BYTES * tags, _TAG_BYTES):
        tag, form, count = struct.unpack_from(f"{order}HHI", data, place)
        values += 0 if form in _TEXT else count  # text and bytes are read in one piece
        if tag in _TILE_SIDES:
            (side,) = struct.unpack_from(f"{order}{'H' if form == _SHORT else 'I'}", data, place + 8)
            if side < SMALLEST_TILE:
                raise _refused("TIFF", f"its tiles have sides of {side} pixels")
    if values > VALUES:
        raise _refused("TIFF", f"its tags have {values:,} values")


def _refused(kind: str, why: str) -> InvalidInput:
    return InvalidInput(f"The {kind} file cannot be read safely: {why}. Open it in an image editor and save it again.")


_CHECKS: Final[dict[str, Callable[[bytes], None]]] = {"JPEG": _check_jpeg, "PNG": _check_png, "TIFF": _check_tiff}
