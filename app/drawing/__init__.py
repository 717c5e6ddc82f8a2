"""Fovea's own images: drawn, seeded, their truth known. For demonstration and tests, never for diagnosis."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.random import Generator

from app.drawing import cats, dogs, eye, fundus
from app.drawing.drawing import Drawing
from app.errors import InvalidInput, NotFound

__all__ = ["DRAWERS", "MAX_SIZE", "MIN_SIZE", "Drawing", "check_subject", "draw"]

MIN_SIZE, MAX_SIZE = 64, 1024

GRADES_OF_RETINOPATHY = ("fundus_dr_mild", "fundus_dr_moderate", "fundus_dr_severe", "fundus_dr_proliferative")

DRAWERS: Mapping[str, Callable[[Generator, int], Drawing]] = MappingProxyType(
    {
        "fundus_normal": fundus.normal,
        "fundus_glaucoma": fundus.glaucoma,
        "fundus_diabetic_retinopathy": fundus.diabetic_retinopathy,
        "fundus_cataract": fundus.cataract,
        **{
            subject: partial(fundus.graded_retinopathy, grade, subject)
            for grade, subject in enumerate(GRADES_OF_RETINOPATHY, start=1)
        },
        "eye_normal": eye.normal,
        "eye_cataract": eye.cataract,
        "cat_face": cats.cat,
        "dog_face": dogs.dog,
    }
)


def check_subject(subject: str) -> None:
    """Raise NotFound for an unknown subject."""
    if subject not in DRAWERS:
        raise NotFound(f"Fovea cannot draw {subject!r}; choose one of: {', '.join(DRAWERS)}.")


def draw(subject: str, seed: int, size: int = 320) -> Drawing:
    """Draw one image, the same bytes for the same arguments; NotFound for an unknown subject."""
    check_subject(subject)
    if not MIN_SIZE <= size <= MAX_SIZE or seed < 0:
        raise InvalidInput(f"A drawing needs a size from {MIN_SIZE} to {MAX_SIZE} and a seed of 0 or more.")
    # The subject enters the seed, so that two subjects with one seed share no background.
    return DRAWERS[subject](np.random.default_rng([seed, zlib.crc32(subject.encode())]), size)
