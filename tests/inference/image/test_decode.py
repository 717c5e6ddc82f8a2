from __future__ import annotations

import io
import struct
import sys
import time
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from app.errors import InvalidInput, TooLarge, UnsupportedMedia
from app.inference.arrays import Pixels
from app.inference.image.decode import decode

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")


def scene(width: int = 90, height: int = 60) -> Pixels:
    """A smooth picture whose corners differ, so that a turn or a swap of channels shows."""
    y, x = np.mgrid[:height, :width]
    red, green, blue = 255 * x / (width - 1), 255 * y / (height - 1), 60 + 0 * x
    return np.asarray(np.rint(np.dstack([red, green, blue])), np.uint8)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def scene_file(kind: str, **options: object) -> bytes:
    return encode(Image.fromarray(scene()), kind, **options)


def difference(first: Pixels, second: Pixels) -> float:
    assert first.shape == second.shape
    return float(np.abs(first.astype(int) - second).mean())


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_known_by_its_content(kind: str) -> None:
    decoded = decode(scene_file(kind))
    assert (decoded.format, decoded.width, decoded.height) == (kind, 90, 60)
    assert decoded.pixels.dtype == np.uint8
    assert decoded.pixels.flags.c_contiguous
    assert difference(decoded.pixels, scene()) < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_photographs_are_turned_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = scene_file(kind, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    decoded = decode(data)
    assert (decoded.width, decoded.height) == upright.size
    assert difference(decoded.pixels, np.asarray(upright)) == 0


def test_an_unknown_orientation_counts_as_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 99
    assert decode(scene_file("JPEG", exif=exif)).pixels.shape == (60, 90, 3)


@pytest.mark.parametrize(("min_side", "shape"), [(150, (150, 200, 3)), (151, (300, 400, 3)), (700, (1200, 1600, 3))])
def test_a_jpeg_comes_at_the_smallest_scale_that_keeps_the_side(min_side: int, shape: tuple[int, ...]) -> None:
    decoded = decode(encode(Image.fromarray(scene(1600, 1200)), "JPEG"), min_side)
    assert decoded.pixels.shape == shape
    assert (decoded.width, decoded.height) == (1600, 1200)
    assert difference(decoded.pixels, scene(shape[1], shape[0])) < 3


def test_grey_and_progressive_jpegs_are_read() -> None:
    grey = decode(encode(Image.fromarray(scene()).convert("L"), "JPEG")).pixels
    assert np.ptp(grey, axis=2).max() == 0
    assert difference(decode(scene_file("JPEG", progressive=True)).pixels, scene()) < 4


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_keeps_its_colours(kind: str) -> None:
    assert difference(decode(encode(Image.fromarray(scene()).convert("CMYK"), kind)).pixels, scene()) < 4


@pytest.mark.parametrize("extension", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_scaled_and_not_clipped(extension: str, channels: int) -> None:
    deep = scene().astype(np.uint16) * 257
    bgra = np.dstack([deep[..., ::-1], np.full(deep.shape[:2], 65535, np.uint16)])
    file = cv2.imencode(extension, deep[..., 0] if channels == 1 else np.ascontiguousarray(bgra[..., :channels]))[1]
    expected = scene() if channels > 1 else np.repeat(scene()[..., :1], 3, axis=2)
    assert difference(decode(file.tobytes()).pixels, expected) < 0.5


def test_twelve_bit_tiff_is_scaled_by_its_own_range() -> None:
    grey = [0, 2048, 4095, 4095]
    packed = b"".join(bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255]) for a, b in (grey[:2], grey[2:]))
    tags = [(256, 2), (257, 2), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 2), (279, len(packed))]
    directory = b"".join(struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in tags)
    header = b"II*\0" + struct.pack("<I", 8 + len(packed))
    file = header + packed + struct.pack("<H", len(tags)) + directory + bytes(4)
    assert decode(file).pixels[..., 0].tolist() == [[0, 128], [255, 255]]


@pytest.mark.parametrize("mode", ["F", "I"])
def test_thirty_two_bit_tiff_is_refused_with_advice(mode: str) -> None:
    with pytest.raises(UnsupportedMedia, match="8 or 16 bits"):
        decode(encode(Image.fromarray(scene()).convert("L").convert(mode), "TIFF"))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_pixels_become_white(mode: str) -> None:
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 4, 8))
    expected = np.repeat(np.array([[0] * 4 + [255] * 4] * 8, np.uint8)[..., None], 3, axis=2)
    kind = "TIFF" if mode == "PA" else "PNG"
    assert difference(decode(encode(image.convert(mode), kind)).pixels, expected) == 0


def test_palette_with_a_transparent_colour_and_one_bit_images_are_read() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((0, 0), 0)
    pixels = decode(encode(image, "PNG", transparency=0)).pixels
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[1, 1].tolist() == [200, 100, 50]
    assert decode(encode(Image.new("1", (4, 4), 1), "PNG")).pixels.min() == 255


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_the_first_frame_of_several_is_read(kind: str) -> None:
    first, second = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    pixels = decode(encode(first, kind, save_all=True, append_images=[second])).pixels
    assert pixels[8, 8, 0] > 240
    assert pixels[8, 8, 2] < 15


def test_bytes_after_the_end_of_a_jpeg_do_no_harm() -> None:
    assert difference(decode(scene_file("JPEG") + b"\0" * 500 + b"trailer").pixels, scene()) < 4


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.7, 0.97])
@pytest.mark.parametrize("min_side", [None, 100])
def test_files_cut_short_are_refused(kind: str, share: float, min_side: int | None) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (240, 240, 3), np.uint8)
    whole = encode(Image.fromarray(noise), kind)
    with pytest.raises(InvalidInput, match=r"damaged|empty|no image"):
        decode(whole[: int(len(whole) * share)], min_side)


def test_a_jpeg_with_a_thumbnail_that_is_cut_after_it_is_refused() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x927C] = scene_file("JPEG")  # a whole JPEG inside the metadata, as cameras write it
    whole = encode(Image.fromarray(scene(900, 600)), "JPEG", exif=exif)
    assert whole.count(b"\xff\xd9") == 2
    assert decode(whole).width == 900
    with pytest.raises(InvalidInput, match="damaged"):
        decode(whole[:-500])


@pytest.mark.parametrize("data", [b"", b"\0" * 64, b"GIF89a" + bytes(64), b"<svg></svg>", b"%PDF-1.7", b"RIFFxxxxWAVE"])
def test_other_content_is_refused_with_the_formats_that_are_read(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="send a JPEG, PNG, BMP, TIFF or WebP image"):
        decode(data)


def png_of(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(2000)))


def jpeg_of(width: int, height: int) -> bytes:
    data = scene_file("JPEG")
    frame = data.index(b"\xff\xc0") + 5
    return data[:frame] + struct.pack(">HH", height, width) + data[frame + 4 :]


def webp_of(width: int, height: int) -> bytes:
    data = scene_file("WEBP", lossless=True)
    bits = (width - 1) | (height - 1) << 14
    return data[:21] + struct.pack("<I", bits) + data[25:]


@pytest.mark.parametrize(
    "data",
    [
        png_of(50_000, 50_000),
        png_of(20_001, 10),
        png_of(10_000, 7000),
        jpeg_of(60_000, 60_000),
        webp_of(16_383, 16_383),
    ],
    ids=["png", "side", "pixels", "jpeg", "webp"],
)
def test_a_bomb_is_refused_before_it_is_decoded(data: bytes) -> None:
    start = time.perf_counter()
    with pytest.raises(TooLarge, match="at most 20000 a side and 64 million"):
        decode(data)
    assert time.perf_counter() - start < 0.2


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(FORMATS), seed=st.integers(0, 2**32 - 1), changes=st.integers(1, 30))
def test_no_damage_escapes_as_another_error(kind: str, seed: int, changes: int) -> None:
    """Any bytes give pixels or InvalidInput; most changes of a header hit something that a parser trusts."""
    rng = np.random.default_rng(seed)
    data = np.frombuffer(scene_file(kind), np.uint8).copy()
    reach = len(data) if seed % 2 else min(len(data), 200)
    data[rng.integers(4, reach, changes)] = rng.integers(0, 256, changes)
    try:
        decoded = decode(data.tobytes(), 40)
    except InvalidInput:
        return
    assert decoded.pixels.ndim == 3
    assert decoded.pixels.shape[2] == 3


def test_refusing_a_damaged_png_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    for kind in ("JPEG", "PNG", "BMP", "WEBP"):
        data = scene_file(kind)
        with pytest.raises(InvalidInput):
            decode(data[: len(data) * 2 // 3])
    sys.stderr.flush()
    assert capfd.readouterr().err == ""
