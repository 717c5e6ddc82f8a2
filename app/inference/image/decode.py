"""Decodes the bytes of an image file to upright RGB pixels; the content decides the format, never a name."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import BmpImagePlugin, Image, PngImagePlugin, TiffImagePlugin

from app.errors import InvalidInput, TooLarge, UnsupportedMedia
from app.inference.arrays import Pixels
from app.inference.image.structure import check_density, check_png_rows, check_structure

MAX_PIXELS = 64_000_000
MAX_SIDE = 20_000

SIGNATURE_BYTES = 12  # at the beginning of a file; they tell its format
_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
)
_REDUCED = {  # OpenCV has no names for scales with IMREAD_COLOR_RGB, which replaces the grey scale of these
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    1: 0,
}
_ORIENTATION, _BITS_PER_SAMPLE = 0x0112, 0x0102  # tags of EXIF and TIFF
_STRIP = 512  # rows that are converted at once: a whole image in each form would take 20 bytes a pixel
_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height

Image.MAX_IMAGE_PIXELS = None  # our own limit refuses earlier, with a clear message
warnings.filterwarnings("ignore", module=r"PIL\.")  # the sender is told of a bad file; the operator need not be


@dataclass(frozen=True)
class Decoded:
    """Upright RGB `pixels`, perhaps at a reduced scale; `width` and `height` of the upright original.

    `scale`: the side of the original over that of the pixels; None where the file is read at no scale but its own.
    """

    pixels: Pixels
    width: int
    height: int
    format: str
    scale: int | None = None

    def suits(self, min_side: int) -> bool:
        """Say whether `decode` with this `min_side` gives the same pixels."""
        return self.scale is None or self.scale == _scale(min(self.width, self.height), min_side)


def decode(data: bytes, min_side: int | None = None) -> Decoded:
    """Decode a JPEG, PNG, BMP, TIFF or WebP file (of an animation, the first frame).

    With `min_side` a JPEG may come at 1/2, 1/4 or 1/8 of its size, as long as its shorter side keeps that
    many pixels. Raises UnsupportedMedia for other content, TooLarge above the limits, InvalidInput for a
    damaged file, or one that is built to cost more than a photograph does.
    """
    kind = sniff(data)
    check_structure(data, kind)
    try:
        return _decode(data, kind, min_side)
    except InvalidInput:
        raise
    except MemoryError:
        raise TooLarge("The image needs more memory than there is; send a smaller one.") from None
    except Exception as error:  # hostile bytes make Pillow's plugins raise nearly anything
        raise _damaged(kind) from error


def measure(data: bytes) -> tuple[int, int]:
    """Return the upright width and height of an image that can be read; raises as `decode` does.

    All of it is read; of a JPEG, only what an eighth of its size needs is computed.
    """
    decoded = decode(data, min_side=1)
    return decoded.width, decoded.height


def sniff(data: bytes) -> str:
    """Return the format that the first SIGNATURE_BYTES of a file, or all of it, say; raises as `decode` does."""
    if not data:
        raise InvalidInput("The file is empty; send a JPEG, PNG, BMP, TIFF or WebP image.")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return kind
    raise UnsupportedMedia("This is not an image that Fovea reads; send a JPEG, PNG, BMP, TIFF or WebP image.")


def _decode(data: bytes, kind: str, min_side: int | None) -> Decoded:
    with Image.open(io.BytesIO(data), formats=(kind,)) as image:  # reads the header only
        width, height = image.size
        _check_size(width, height)
        check_density(data, width, height, kind)
        orientation = _exif(image, data).get(_ORIENTATION, 1)
        scale = _scale(min(width, height), min_side) if kind == "JPEG" and image.mode in ("RGB", "L") else None
        if scale is not None:
            pixels = _read(data, kind, _REDUCED[scale] | cv2.IMREAD_COLOR_RGB)
        elif _is_plain(image, kind):
            pixels = _read(data, kind, cv2.IMREAD_COLOR_RGB)
        elif image.mode.startswith("I;16"):
            pixels = _scale_grey(image)
        else:
            pixels = _to_rgb(image)
    if kind == "PNG" and (pixels[-1] == pixels[-1, 0]).all():  # Pillow accepts one without its last rows
        check_png_rows(data)
    if orientation in _SIDEWAYS:
        width, height = height, width
    return Decoded(_turn_upright(pixels, orientation), width, height, kind, scale)


def _exif(image: Image.Image, data: bytes) -> Image.Exif:
    """What the file says of the image; for a PNG Pillow would read all pixels, in case that it follows them."""
    if isinstance(image, PngImagePlugin.PngImageFile) and b"eXIf" not in data:
        return Image.Image.getexif(image)
    return image.getexif()


def _damaged(kind: str) -> InvalidInput:
    return InvalidInput(f"The {kind} file is damaged or cut short; send it again or save it again.")


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise TooLarge(
            f"The image measures {width} x {height} pixels; send one of at most {MAX_SIDE} a side "
            f"and {MAX_PIXELS // 10**6} million in all."
        )


def _scale(side: int, min_side: int | None) -> int:
    """The largest scale of libjpeg, which rounds sides up, that leaves the shorter side this many pixels."""
    return next(scale for scale in _REDUCED if scale == 1 or (min_side and -(-side // scale) >= min_side))


def _is_plain(image: Image.Image, kind: str) -> bool:
    """Whether OpenCV reads the file as Pillow would, in a fraction of the time and memory."""
    if isinstance(image, BmpImagePlugin.BmpImageFile):
        return bool(image.tile[0].codec_name == "bmp_rle")  # Pillow reads these in Python
    still = not getattr(image, "is_animated", False)
    return kind == "WEBP" and still and image.mode == "RGB"


def _read(data: bytes, kind: str, flags: int) -> Pixels:
    rgb = cv2.imdecode(np.frombuffer(data, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION)
    if rgb is None:
        raise _damaged(kind)
    return np.asarray(rgb, np.uint8)


def _to_rgb(image: Image.Image) -> Pixels:
    """Convert strip by strip; what is transparent shows white."""
    if image.mode in ("I", "F"):
        raise UnsupportedMedia("Images with 32 bits a channel are not read; save it with 8 or 16 bits.")
    width, height = image.size
    image.load()
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _STRIP):
        strip = image.crop((0, top, width, min(top + _STRIP, height)))
        if image.has_transparency_data:
            strip = strip.convert("RGBA")
            strip = Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip)
        pixels[top : top + strip.height] = np.asarray(strip.convert("RGB"))
    return pixels


def _scale_grey(image: Image.Image) -> Pixels:
    """Scale grey of more than 8 bits by its nominal range; Pillow's own conversion would clip it."""
    bits = 16
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = image.tag_v2.get(_BITS_PER_SAMPLE, (bits,))[0]
    grey = np.asarray(image).astype(np.float32) * (255 / (2**bits - 1))
    return np.asarray(cv2.cvtColor(np.rint(grey).astype(np.uint8), cv2.COLOR_GRAY2RGB), np.uint8)


def _turn_upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF orientation of 1 to 8; anything else counts as upright."""
    if orientation in _SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
