"""Photographs of the retina: normal, glaucoma, diabetic retinopathy, cataract."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from app.drawing import lesions, vessels
from app.drawing.canvas import Canvas, Colour, Image, Mask, Pose
from app.drawing.drawing import HALF, Drawing
from app.drawing.texture import (
    blend,
    blur,
    bump,
    chance,
    expose,
    flat,
    fractal,
    mix,
    noise,
    radius_of,
    shade,
    shot,
    step,
    tint,
)

_FOVEA = np.array([1.0, 0.08])
_PALE, _DARK = (0.86, 0.47, 0.24), (0.62, 0.25, 0.11)
_BLACK: Colour = (0.018, 0.014, 0.014)
_VEIN, _ARTERY = (-0.48, -0.70, -0.66), (-0.26, -0.54, -0.60)


@dataclass(frozen=True)
class Retina:
    """One eye before one camera. `pose` has the disc at the origin and the fovea near (1, 0)."""

    pose: Pose
    field: Pose
    trim: float
    notch: float
    disc: float
    cup_to_disc: float
    pallor: float
    haze: float


def normal(rng: Generator, size: int) -> Drawing:
    """Draw a healthy retina."""
    retina = _retina(rng)
    return _photograph(rng, retina, _paint(rng, retina, size), "fundus_normal", None)


def glaucoma(rng: Generator, size: int) -> Drawing:
    """Draw a large pale cup whose rim the vessels climb; the mask is the disc."""
    retina = replace(_retina(rng), cup_to_disc=rng.uniform(0.65, 0.9), pallor=rng.uniform(0.15, 0.85))
    mask = radius_of(*retina.pose.grid(size)) < retina.disc
    return _photograph(rng, retina, _paint(rng, retina, size), "fundus_glaucoma", mask)


def diabetic_retinopathy(rng: Generator, size: int) -> Drawing:
    """Draw microaneurysms, haemorrhages, hard exudates, cotton wool spots; the mask is the lesions."""
    retina = _retina(rng)
    image = _paint(rng, retina, size)
    mask = lesions.paint(rng, image, retina.pose, retina.field)
    return _photograph(rng, retina, image, "fundus_diabetic_retinopathy", mask)


def graded_retinopathy(grade: int, subject: str, rng: Generator, size: int) -> Drawing:
    """Draw the lesions of a grade of diabetic retinopathy, 1 to 4; the mask is the lesions."""
    retina = _retina(rng)
    image = _paint(rng, retina, size)
    mask = lesions.paint_grade(rng, image, retina.pose, retina.field, grade)
    return _photograph(rng, retina, image, subject, mask)


def cataract(rng: Generator, size: int) -> Drawing:
    """Draw the retina behind a clouded lens: blur and a milky veil; the mask is the field of view."""
    retina = replace(_retina(rng), haze=rng.uniform(0.34, 0.8))
    image = blur(_paint(rng, retina, size), 0.003 + 0.03 * retina.haze * rng.uniform(0.4, 1.2))
    return _photograph(rng, retina, image, "fundus_cataract", np.ones((size, size), bool))


def _retina(rng: Generator) -> Retina:
    """Sample a healthy eye; what says nothing about a disease stays as it is for all classes."""
    scale, mirror, tilt = rng.uniform(0.58, 0.72), float(rng.choice([-1.0, 1.0])), rng.normal(0, 0.08)
    field = Pose(rng.normal(0, 0.02), rng.normal(0, 0.02), rng.uniform(0.88, 0.97))
    # The camera points between disc and fovea, mostly near the fovea.
    aim = Pose(scale=scale, tilt=tilt, mirror=mirror).to_view(_FOVEA * rng.uniform(0.45, 0.95))
    x, y = field.x - aim[0] + rng.normal(0, 0.03), field.y - aim[1] + rng.normal(0, 0.04)
    return Retina(
        pose=Pose(x, y, scale, tilt, mirror),
        field=field,
        trim=rng.uniform(0.8, 0.95) if chance(rng, 0.25) else 1.0,
        notch=float(rng.choice([0.0, 0.7, -0.7], p=[0.7, 0.15, 0.15])),
        disc=rng.uniform(0.21, 0.26),
        cup_to_disc=rng.uniform(0.2, 0.45),
        pallor=rng.uniform(0, 0.55),
        # Any lens veils a little, so that only a thick veil means cataract.
        haze=0.3 * rng.beta(1, 2),
    )


def _paint(rng: Generator, retina: Retina, size: int) -> Image:
    """Paint background, macula, disc, vessels and light, with no field of view yet."""
    x, y = retina.pose.grid(size)
    macula = (x - _FOVEA[0].item(), y - _FOVEA[1].item())
    image = _background(rng, size)
    shade(image, bump(*macula, rng.uniform(0.3, 0.45)) * -rng.uniform(0.22, 0.4), (0.75, 1.0, 1.0))
    _disc(rng, image, retina, x, y)
    _vessels(rng, image, retina, radius_of(x, y))
    blend(image, (1.0, 0.85, 0.6), bump(*macula, 0.035) * rng.uniform(0.05, 0.35))
    _light(rng, image, retina)
    return image


def _background(rng: Generator, size: int) -> Image:
    """Paint pigment, the choroid's mottle and its faint broad vessels."""
    mottle = fractal(rng, size, 5, 4) * 0.03
    # Ridges of noise look like the choroidal vessels of a lightly pigmented eye.
    ridges = np.exp(np.abs(fractal(rng, size, 11, 2)) * -4) - 0.3
    mottle += ridges * max(0.0, rng.uniform(-0.05, 0.12))
    image = flat(mix(_PALE, _DARK, rng.beta(2, 2)), mottle)
    shade(image, mottle, (0.7, 1.3, 1.2))
    return image


def _disc(rng: Generator, image: Image, retina: Retina, x: Image, y: Image) -> None:
    """Paint the optic disc with its cup, a little taller than wide, with a soft glow around."""
    disc, cup = retina.disc, retina.disc * retina.cup_to_disc
    blend(image, (0.95, 0.62, 0.36), bump(x, y, disc * 2) * rng.uniform(0.1, 0.3))
    narrow = rng.uniform(1.02, 1.14)
    # Pale atrophy beside the disc is common in healthy eyes too.
    crescent = step(radius_of((x - rng.uniform(0, 0.07)) * narrow, y), disc * rng.uniform(1, 1.15), 0.05)
    blend(image, (0.93, 0.70, 0.47), crescent * rng.uniform(0, 0.6))
    rim = mix((0.91, 0.58, 0.34), (0.95, 0.74, 0.52), retina.pallor)
    blend(image, rim, step(radius_of(x * narrow, y), disc, 0.045) * rng.uniform(0.85, 0.97))
    inside = radius_of((x - 0.12 * (disc - cup)) * narrow, y + rng.normal(0, 0.006))
    pale = mix((1.0, 0.88, 0.66), (1.0, 0.95, 0.82), retina.pallor)
    blend(image, pale, step(inside, cup, rng.uniform(0.05, 0.08)) * rng.uniform(0.5, 0.95))


def _vessels(rng: Generator, image: Image, retina: Retina, radius: Image) -> None:
    """Paint arteries over veins, with the light's reflex along the trunks; a deep cup hides both."""
    size, calibre, cup = image.shape[1], rng.uniform(0.036, 0.047), retina.disc * retina.cup_to_disc
    seen = rng.uniform(0.75, 0.95) * (1 - step(radius, cup * 0.9, 0.06) * max(0.0, retina.cup_to_disc - 0.3))
    for share, colour, gloss in ((1.0, _VEIN, 0.15), (0.72, _ARTERY, 0.35)):
        generations = vessels.tree(rng, _FOVEA, calibre * share, cup)
        canvas, reflex = Canvas(size, retina.pose), Canvas(size, retina.pose)
        for branches in generations:
            branches.paint(canvas)
        generations[0].paint(reflex, 0.3)
        cover = canvas.read() * seen
        shade(image, cover, colour)
        blend(image, (0.9, 0.55, 0.4), reflex.read() * cover * gloss)


def _light(rng: Generator, image: Image, retina: Retina) -> None:
    """Apply uneven illumination, exposure, the camera's colour cast, and a crescent of stray light."""
    x, y = retina.field.grid(image.shape[1])
    turn, off = rng.uniform(0, 2 * math.pi), rng.uniform(0, 0.35)
    cos, sin = math.cos(turn), math.sin(turn)
    falloff = (x - off * cos) ** 2 + (y - off * sin) ** 2
    light = rng.uniform(0.92, 1.12) - falloff * rng.uniform(0.15, 0.42)
    expose(image, light, tint(rng, 0.1))
    stray = np.clip(radius_of(x, y) - 0.85, 0, 1) * np.clip(x * cos + y * sin, 0, 1)
    blend(image, (1.0, 0.9, 0.8), stray * max(0.0, rng.uniform(-0.6, 1.5)))


def _veil(rng: Generator, image: Image, haze: float) -> None:
    """Lay an uneven milky veil over the image, as bright as the light that it scatters."""
    bright = min(1.2, max(0.7, float(image.mean()) / 0.45))
    colour = mix((0.62, 0.57, 0.50), (0.72, 0.58, 0.38), rng.random())
    uneven = 1 + noise(rng, image.shape[1], 3) * rng.uniform(0.06, 0.25)
    blend(image, mix((0, 0, 0), colour, bright), np.clip(uneven * haze, 0, 0.92))


def _field(retina: Retina, size: int) -> Image:
    """Paint the camera's round aperture, sometimes trimmed above and below or notched; 0 to 1."""
    x, y = retina.field.grid(size)
    edge = 0.012
    shape = step(radius_of(x, y), 1.0, edge) * step(np.abs(y), retina.trim, edge)
    if retina.notch:
        away = np.maximum(np.abs(x - 0.72), np.abs(y - retina.notch))
        shape = np.maximum(shape, step(away, 0.06, edge))
    return shape


def _photograph(rng: Generator, retina: Retina, image: Image, subject: str, mask: Mask | None) -> Drawing:
    """Look through the lens, cut the field of view out of black, and take the picture."""
    _veil(rng, image, retina.haze)
    field = _field(retina, image.shape[1])
    blend(image, _BLACK, 1 - field)
    seen = field > HALF
    facts = {"cup_to_disc": retina.cup_to_disc, "haze": retina.haze}
    return Drawing(shot(rng, image), subject, np.zeros_like(seen) if mask is None else mask & seen, facts)
