"""The card of a bundle: everything that serving and comparing a model version needs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from app.classifiers.spec import ClassifierSpec, Frozen, OperatingPointSpec, Preprocessing

CARD_NAME = "card.json"
DEMO_NOTICE = "Demonstration model, trained on drawn images: its answers say nothing about real photographs."
MEDICAL_NOTICE = "Not a medical device: for research and education, never for diagnosis."


class Thresholds(Frozen):
    """Where the answers change; probabilities are those before they are adjusted to a clinic's prevalence.

    `prediction_sets`: of each class, the probability from which it is in the prediction set (class-conditional
    conformal, for the spec's coverage). `prediction_set`: the highest of them; of older bundles, which have no other,
    that of every class. `operating_point`: the positive class's probability from which a screening refers; None where
    the classifier has no positive class. `novelty`: distance above which an image is out of distribution.
    """

    prediction_set: float
    prediction_sets: dict[str, float] = Field(default={})
    operating_point: float | None
    novelty: float

    def of(self, classes: tuple[str, ...]) -> tuple[float, ...]:
        """The threshold of each class."""
        return tuple(self.prediction_sets.get(name, self.prediction_set) for name in classes)


class Calibration(Frozen):
    """What makes the probabilities mean what they say, beside the temperature.

    `images`: of each class, those that it was fitted on, none of which the network behind their answers learned from;
    their shares are the class mix that the calibrated probabilities are for. `bias`: what is added to each logit after
    the temperature. `prevalence`: the mix that answers are adjusted to; None where they are not. `method`: `split`
    where the network that serves answered for the images, `cross` where heads of a cross-validation did, and the one
    that serves was fitted to all of them.
    """

    method: Literal["split", "cross"]
    images: dict[str, int]
    bias: dict[str, float]
    prevalence: dict[str, float] | None = None

    @property
    def prior(self) -> dict[str, float]:
        """The shares of the classes among the images."""
        return {name: count / sum(self.images.values()) for name, count in self.images.items()}


class OperatingPoint(Frozen):
    """How the operating point was chosen: what was asked, and the threshold's figures on the validation images.

    `assured`: False if the requested sensitivity cannot be guaranteed with so few positive images.
    """

    asked: OperatingPointSpec
    threshold: float
    assured: bool
    validation: dict[str, Any]


class Int8(Frozen):
    """Whether the eight-bit network serves instead of float32, and how the two compare on the test images.

    `agreement`: share of test images with the same answer. `accuracy_change`: of the share of right answers.
    `float_layers`: convolutions left in float32. Times are medians of an answer to one image.
    """

    kept: bool
    reason: str
    agreement: float
    accuracy_change: float
    float_layers: int
    float32_ms: float
    int8_ms: float


class Origin(Frozen):
    """Where a network of the user's is from, in the words of its description."""

    title: str
    source: str
    licence: str


class DataFingerprint(Frozen):
    """The data of a training run: `sha256` is the id of its dataset version; counts by split and class."""

    sha256: str
    counts: dict[str, dict[str, int]]
    source: str


class Reference(Frozen):
    """Statistics of the training images, to notice images that differ.

    `quality`: of each measure of `app.inference.image.quality` the [1st, 50th, 99th] percentile, of all together
    (`together`) the [3rd, 50th, 97th].
    `histograms`: by name (`confidence` and the quality measures), bin `edges` and the `share` of images in each bin,
    for drift. `sizes`: by the same names, how many images that were. `classes`: the share of each class among the
    answers to the images whose confidence is kept. Older cards lack the last two.
    """

    quality: dict[str, tuple[float, float, float]]
    histograms: dict[str, dict[str, list[float]]]
    sizes: dict[str, int] = Field(default_factory=dict)
    classes: dict[str, float] = Field(default_factory=dict)


class Card(Frozen):
    """`card.json`. `metrics` holds the figures of `app.training.evaluation` on the test split.

    `job` is the job that made it: a registration that was cut off is completed by it. `map_offset`: how far the
    activation maps lie to the right of and below what they show, in shares of the square's side.
    """

    format: int = 1
    classifier: str
    created_at: datetime
    demo: bool
    job: str | None = None
    spec: ClassifierSpec
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    backbone: str
    origin: Origin | None = None
    mode: str
    epochs: int = Field(ge=0)
    seed: int
    parameters: int
    engine: str = "onnx"
    map_offset: tuple[float, float] = (0.0, 0.0)
    temperature: float = Field(gt=0)
    calibration: Calibration | None = None
    thresholds: Thresholds
    operating_point: OperatingPoint | None = None
    int8: Int8 | None = None
    metrics: dict[str, Any]
    history: list[dict[str, float]]
    data: DataFingerprint
    reference: Reference
    code_revision: str
    libraries: dict[str, str]
    files: dict[str, str]

    @property
    def bias(self) -> tuple[float, ...]:
        """What is added to each class's logit; nothing in older bundles."""
        return tuple(self.calibration.bias[name] if self.calibration else 0.0 for name in self.classes)

    @property
    def adjustment(self) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """The class mixes from which and to which answers are adjusted; None where they are not."""
        found = self.calibration
        if found is None or found.prevalence is None:
            return None
        return tuple(found.prior[name] for name in self.classes), tuple(found.prevalence[name] for name in self.classes)

    @property
    def notice(self) -> str | None:
        """The sentence that must accompany every answer of this model, if any."""
        parts = [MEDICAL_NOTICE] if self.spec.medical else []
        parts += [DEMO_NOTICE] if self.demo else []
        return " ".join(parts) or None
