from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.drawing import DRAWERS, Drawing, draw
from app.errors import InvalidInput, NotFound

EVIDENCE = sorted(set(DRAWERS) - {"fundus_normal", "eye_normal"})
PAIRS = [
    ("fundus_normal", "fundus_glaucoma"),
    ("fundus_normal", "fundus_diabetic_retinopathy"),
    ("eye_normal", "eye_cataract"),
    ("cat_face", "dog_face"),
]


def brightness(drawing: Drawing) -> npt.NDArray[np.float64]:
    grey: npt.NDArray[np.float64] = drawing.image.mean(axis=2)
    return grey


def surround(mask: npt.NDArray[np.bool_], near: int, far: int) -> npt.NDArray[np.bool_]:
    """A ring around the mask, from `near` to `far` pixels away from it."""
    inner, outer = (
        cv2.dilate(mask.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
        for reach in (near, far)
    )
    return np.asarray(outer & ~inner)


@pytest.mark.parametrize("subject", DRAWERS)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(subject: str) -> None:
    first, again, other = draw(subject, 5, 96), draw(subject, 5, 96), draw(subject, 6, 96)
    assert first.image.tobytes() == again.image.tobytes()
    assert first.mask.tobytes() == again.mask.tobytes()
    assert first.image.tobytes() != other.image.tobytes()


@pytest.mark.parametrize("subject", DRAWERS)
@pytest.mark.parametrize("size", [64, 101, 1024])
def test_every_size_is_a_colour_image_with_its_mask(subject: str, size: int) -> None:
    drawing = draw(subject, 1, size)
    assert drawing.subject == subject
    assert drawing.image.shape == (size, size, 3)
    assert drawing.image.dtype == np.uint8
    assert drawing.image.flags.c_contiguous
    assert drawing.mask.shape == (size, size)
    assert drawing.mask.dtype == np.bool_


@pytest.mark.parametrize("subject", DRAWERS)
def test_a_seed_means_the_same_picture_at_every_size(subject: str) -> None:
    small, large = draw(subject, 3, 128).image, draw(subject, 3, 384).image
    shrunk = cv2.resize(large, (128, 128), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - shrunk.astype(int)).mean() < 6


@pytest.mark.parametrize("subject", EVIDENCE)
def test_evidence_is_marked(subject: str) -> None:
    assert all(draw(subject, seed, 128).mask.any() for seed in range(15))


@pytest.mark.parametrize("subject", ["fundus_normal", "eye_normal"])
def test_a_healthy_eye_has_no_evidence(subject: str) -> None:
    assert not any(draw(subject, seed, 128).mask.any() for seed in range(5))


def test_lesions_differ_from_the_retina_around_them() -> None:
    for seed in range(15):
        drawing = draw("fundus_diabetic_retinopathy", seed)
        assert 0.0005 < drawing.mask.mean() < 0.08
        retina = surround(drawing.mask, 3, 12) & (brightness(drawing) > 20)
        usual = np.median(drawing.image[retina], axis=0)
        off = np.abs(drawing.image - usual).sum(axis=2)
        assert off[drawing.mask].mean() > 1.5 * off[retina].mean()


def test_the_disc_that_glaucoma_marks_is_brighter_than_the_retina_around_it() -> None:
    for seed in range(15):
        drawing = draw("fundus_glaucoma", seed)
        grey = brightness(drawing)
        assert grey[drawing.mask].mean() > grey[surround(drawing.mask, 15, 30)].mean() + 10


def test_a_glaucomatous_cup_is_larger_than_any_healthy_one() -> None:
    sick = [draw("fundus_glaucoma", seed, 64).facts["cup_to_disc"] for seed in range(30)]
    for subject in ("fundus_normal", "fundus_diabetic_retinopathy", "fundus_cataract"):
        assert max(draw(subject, seed, 64).facts["cup_to_disc"] for seed in range(30)) < 0.5 < min(sick)


def test_a_cataract_hides_the_vessels() -> None:
    def contrast(subject: str, seed: int) -> float:
        drawing = draw(subject, seed, 256)
        inside = cv2.erode((brightness(drawing) > 25).astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
        green = drawing.image[..., 1].astype(np.float32)
        vessels = cv2.GaussianBlur(green, (0, 0), 1.5) - cv2.GaussianBlur(green, (0, 0), 6)
        return float(vessels[inside].std())

    clear = [contrast("fundus_normal", seed) for seed in range(15)]
    assert np.median([contrast("fundus_cataract", seed) for seed in range(15)]) < 0.5 * np.median(clear)


def middle(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The inner half of a disc."""
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(depth > depth.max() / 2)


def test_the_pupil_that_a_cataract_marks_is_clouded() -> None:
    """Darker than the white of the eye, brighter in its middle than a clear pupil's black; the margin may be clear."""
    drawings = [draw("eye_cataract", seed, 160) for seed in range(20)]
    inside = [float(np.median(brightness(drawing)[middle(drawing.mask)])) for drawing in drawings]
    assert min(inside) > 25
    assert np.median(inside) > 60
    assert np.corrcoef(inside, [drawing.facts["opacity"] for drawing in drawings])[0, 1] > 0.4


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_light_colour_and_background_do_not_tell_the_classes_apart(pair: tuple[str, str]) -> None:
    """A linear model on mean colours of the image, its border and its quarters finds little to learn."""
    features = [nuisance(draw(subject, seed, 64)) for subject in pair for seed in range(100)]
    labels = np.repeat([0, 1], 100)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    assert cross_val_score(model, np.array(features), labels, cv=5).mean() < 0.7


def nuisance(drawing: Drawing) -> list[float]:
    image = drawing.image.astype(float)
    halves = [image[:32], image[32:], image[:, :32], image[:, 32:]]
    border = np.concatenate([image[:6].reshape(-1, 3), image[-6:].reshape(-1, 3)])
    return [*image.mean(axis=(0, 1)), *border.mean(axis=0), *[half.mean() for half in halves], image.std()]


def test_a_jpeg_shows_the_image() -> None:
    drawing = draw("cat_face", 2)
    decoded = np.asarray(cv2.imdecode(np.frombuffer(drawing.jpeg(), np.uint8), cv2.IMREAD_COLOR_RGB))
    assert np.abs(decoded.astype(int) - drawing.image.astype(int)).mean() < 6
    assert len(drawing.jpeg(40)) < len(drawing.jpeg())


def test_an_unknown_subject_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotFound, match=r"unicorn.*cat_face"):
        draw("unicorn", 1)


@pytest.mark.parametrize(("seed", "size"), [(1, 63), (1, 1025), (-1, 320)])
def test_a_size_or_seed_out_of_range_is_refused(seed: int, size: int) -> None:
    with pytest.raises(InvalidInput, match="64 to 1024"):
        draw("cat_face", seed, size)
