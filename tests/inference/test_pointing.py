"""The pointing game (Zhang et al., IJCV 2018): does the hottest point of an explanation fall on what was drawn?"""

from __future__ import annotations

import base64
import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from app.config import CHECKOUT
from app.drawing import draw
from app.inference.predictor import Predictor

TOLERANCE = 0.03  # of the side: the customary 15 of 500 pixels
DRAWINGS, SEED = 30, 5_000_000  # none of a training
LESIONS = [
    ("diabetic_retinopathy", "dr", "fundus_diabetic_retinopathy", 0.9),
    ("glaucoma", "glaucoma", "fundus_glaucoma", 0.9),
    ("eye_diseases", "diabetic_retinopathy", "fundus_diabetic_retinopathy", 0.9),
    ("eye_diseases", "glaucoma", "fundus_glaucoma", 0.9),
    ("cataract", "cataract", "eye_cataract", 0.5),  # a view of 11 pixels does not tell a clouded lens from a grey iris
    ("cat_dog", "cat", "cat_face", 0.9),
]


@pytest.mark.parametrize(("classifier", "label", "subject", "least"), LESIONS)
def test_the_hottest_point_falls_on_the_evidence(classifier: str, label: str, subject: str, least: float) -> None:
    hits, answers = pointing(CHECKOUT / "models" / classifier / "1", label, subject)
    assert answers >= 0.9 * DRAWINGS
    assert hits >= least * answers


def pointing(bundle: Path, label: str, subject: str) -> tuple[int, int]:
    """How often the hottest point falls on the lesion, and how many drawings were answered right."""
    predictor = Predictor(bundle)
    hits = answers = 0
    for seed in range(SEED, SEED + DRAWINGS):
        drawing = draw(subject, seed)
        answer = predictor.predict(drawing.jpeg(), explain=True)
        if answer.predicted_class != label:
            continue
        assert answer.explanation is not None
        png = base64.b64decode(answer.explanation.partition(",")[2])
        with Image.open(io.BytesIO(png)) as picture:
            opacity = np.asarray(picture)[..., 3]
        assert opacity.shape == drawing.mask.shape
        y, x = np.unravel_index(opacity.argmax(), opacity.shape)
        away = cv2.distanceTransform((~drawing.mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        hits += int(away[y, x] <= TOLERANCE * opacity.shape[0])
        answers += 1
    return hits, answers
