"""No image file costs its reader much more than a photograph does."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hostile_images import BUILT, jpeg_of_scans, mutated
from images import cost
from PIL import Image

from app.errors import FoveaError, InvalidInput
from app.inference.image.decode import decode
from app.inference.image.structure import PIXELS_PER_BYTE, SCANS, check_density, check_structure

READ = {"runs of one pixel.bmp", "transparent, 16 million pixels.png"}
REFUSED = sorted(name for name in BUILT if name not in READ and "64 million" not in name)


@pytest.mark.parametrize("name", REFUSED)
def test_what_costs_much_is_refused_by_its_structure(name: str) -> None:
    with pytest.raises(InvalidInput):
        decode(BUILT[name]())


@pytest.mark.parametrize("name", sorted(READ))
def test_what_only_looks_costly_is_read(name: str) -> None:
    answer, _, _ = cost(BUILT[name]())
    assert answer == "read"


def test_a_file_of_few_bytes_that_claims_many_pixels_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(InvalidInput, match="2,502 bytes claim 64,000,000 pixels"):
        decode(BUILT["one colour of 64 million pixels.webp"]())
    check_density(bytes(8_000), 4000, 2000, "PNG")
    with pytest.raises(InvalidInput):
        check_density(bytes(4000 * 2000 // PIXELS_PER_BYTE - 1), 4000, 2000, "PNG")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "I;16"])
def test_a_png_without_its_last_rows_is_refused_and_a_black_one_read(mode: str) -> None:
    whole = io.BytesIO()
    Image.new(mode, (61, 40)).save(whole, "PNG")
    assert decode(whole.getvalue()).height == 40
    data = bytearray(whole.getvalue())
    at = data.index(b"IDAT")
    (length,) = struct.unpack_from(">I", data, at - 4)
    rows = zlib.decompress(data[at + 4 : at + 4 + length])
    short = zlib.compress(rows[: len(rows) * 3 // 4])
    chunk = struct.pack(">I", len(short)) + b"IDAT" + short + struct.pack(">I", zlib.crc32(b"IDAT" + short))
    with pytest.raises(InvalidInput):
        decode(bytes(data[: at - 4] + chunk + data[at + 8 + length :]))


def test_ordinary_progressive_photographs_are_read_and_many_scans_are_not() -> None:
    noise = np.random.default_rng(5).integers(0, 256, (500, 700, 3), np.uint8)
    usual = cv2.imencode(".jpg", noise, (cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_QUALITY, 95))[1].tobytes()
    assert decode(usual).pixels.shape == (500, 700, 3)
    written = jpeg_of_scans(0, 64).count(b"\xff\xda")
    check_structure(jpeg_of_scans(SCANS - written, 64), "JPEG")
    with pytest.raises(InvalidInput, match="scans"):
        check_structure(jpeg_of_scans(SCANS - written + 1, 64), "JPEG")


def test_damaged_files_are_read_or_refused_and_never_break_the_reader() -> None:
    for name, data in mutated(300, seed=7):
        try:
            decode(data, 64)
        except FoveaError:
            continue
        except Exception as error:  # noqa: BLE001 - whatever it is, its file must be named
            pytest.fail(f"{name}: {error!r}")
