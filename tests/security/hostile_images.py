"""Image files that no camera writes: each tries to cost its reader far more time or memory than a photograph does."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final

import cv2
import numpy as np

SMALL, LARGE = 96, 4096
ZEROS: Final = np.zeros((SMALL, SMALL, 3), np.uint8)
FORMATS: Final = (".jpg", ".png", ".bmp", ".tiff", ".webp")
MOST_CHANGES = 12


def crafted() -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each file that is built to cost much."""
    for name, build in BUILT.items():
        yield name, build()


def mutated(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield ordinary small files with random damage: bytes changed, cut out, repeated, the end cut off."""
    pick = random.Random(seed)  # noqa: S311 - no secret
    noise = np.random.default_rng(seed)
    for number in range(count):
        suffix = FORMATS[number % len(FORMATS)]
        image = noise.integers(0, 256, (pick.randint(8, SMALL), pick.randint(8, SMALL), 3), np.uint8)
        flags = [cv2.IMWRITE_JPEG_PROGRESSIVE, pick.randint(0, 1)] if suffix == ".jpg" else []
        yield f"mutated-{seed}-{number}{suffix}", _damage(_encode(suffix, image, *flags), pick)


def _damage(data: bytes, pick: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(pick.randint(1, MOST_CHANGES)):
        # half of the damage goes to the header, where sizes and counts are
        at = pick.randrange(min(len(changed), 128) if pick.random() < 0.5 else len(changed))
        kind = pick.randrange(5)
        if kind == 0:
            changed[at] = pick.choice((0, 1, 0x7F, 0x80, 0xFF, pick.randrange(256)))
        elif kind == 1:
            changed[at : at + 4] = struct.pack(">I", pick.choice((0, 1, 2**31 - 1, 2**32 - 1, pick.randrange(2**16))))
        elif kind == 2:
            del changed[at : at + pick.randint(1, 16)]
        elif kind == 3:
            changed[at:at] = changed[at : at + pick.randint(1, 64)] * pick.randint(1, 50)
        else:
            del changed[max(2, at) :]
        if not changed:
            break
    return bytes(changed)


def _encode(suffix: str, image: np.ndarray, *flags: int) -> bytes:
    return cv2.imencode(suffix, image, flags)[1].tobytes()


def jpeg_of_scans(scans: int, side: int = LARGE) -> bytes:
    """Return a progressive JPEG whose last scan is announced again and again, without any content."""
    data = _encode(".jpg", np.zeros((side, side, 3), np.uint8), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    last = data.rindex(b"\xff\xda")
    (length,) = struct.unpack_from(">H", data, last + 2)
    header = data[last : last + 2 + length]
    return data[:-2] + header * scans + b"\xff\xd9"


def _jpeg_with(inserted: bytes) -> bytes:
    data = _encode(".jpg", ZEROS)
    return data[:2] + inserted + data[2:]


def png_of_chunks(chunks: int) -> bytes:
    """Return a PNG with so many empty chunks that nobody knows."""
    data = _encode(".png", ZEROS)
    first = 8 + 25  # the signature and the header
    return data[:first] + _chunk(b"prVt", b"") * chunks + data[first:]


def png_of_rows(height: int, rows: int) -> bytes:
    """Return a PNG that claims `height` rows and holds fewer."""
    header = struct.pack(">IIBBBBB", SMALL, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes((1 + 3 * SMALL) * rows))
    parts = _chunk(b"IHDR", header), _chunk(b"IDAT", body), _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def bmp_of_runs(side: int) -> bytes:
    """Return a bitmap in run-length coding: runs of one pixel."""
    pixels = b"\x01\x00" * side + b"\x00\x00"
    body = pixels * side + b"\x00\x01"
    palette = bytes(4 * 256)
    offset = 14 + 40 + len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(body), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", offset + len(body), 0, 0, offset) + info + palette + body


def tiff_of_tiles(side: int, tile: int) -> bytes:
    """Return a TIFF whose image is cut into tiny tiles that all lie in the same place."""
    count = (side // tile) ** 2
    tags = [
        (256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1),
        (322, 3, 1, tile), (323, 3, 1, tile), (324, 4, count, 512), (325, 4, count, 512),
    ]  # fmt: skip
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    return (b"II*\0" + struct.pack("<I", 8) + directory).ljust(512, b"\0") + bytes(4 * count)


BUILT: Final[dict[str, Callable[[], bytes]]] = {
    "one colour of 64 million pixels.webp": lambda: _encode(".webp", np.zeros((8000, 8000, 3), np.uint8), 64, 101),
    "one colour of 64 million pixels.png": lambda: _encode(".png", np.zeros((8000, 8000, 3), np.uint8), 16, 9),
    "one colour of 64 million pixels.jpg": lambda: _encode(".jpg", np.zeros((8000, 8000, 3), np.uint8), 1, 5),
    "one colour of 64 million pixels, progressive.jpg": lambda: jpeg_of_scans(0, 8000),
    "transparent, 16 million pixels.png": lambda: _encode(".png", np.zeros((LARGE, LARGE, 4), np.uint8)),
    "3,000 empty scans.jpg": lambda: jpeg_of_scans(3000),
    "50 empty scans.jpg": lambda: jpeg_of_scans(50),
    "9 empty scans of 64 million pixels.jpg": lambda: jpeg_of_scans(9, 8000),
    "filled up.jpg": lambda: _jpeg_with(b"\xff" * 15_000_000),
    "3.9 million markers.jpg": lambda: _jpeg_with(b"\xff\xfe\x00\x02" * 3_900_000),
    "3.9 million restarts.jpg": lambda: _jpeg_with(b"\xff\xd0" * 3_900_000),
    "zeros for markers.jpg": lambda: _jpeg_with(bytes(15_000_000)),
    "a million chunks.png": lambda: png_of_chunks(1_000_000),
    "10 of 8,000 rows.png": lambda: png_of_rows(8000, 10),
    "runs of one pixel.bmp": lambda: bmp_of_runs(2800),
    "tiles of one pixel.tiff": lambda: tiff_of_tiles(2048, 1),
    "tiles of four pixels.tiff": lambda: tiff_of_tiles(8000, 4),
    "tiles of sixteen pixels.tiff": lambda: tiff_of_tiles(8000, 16),
}
