"""Small pictures of the images that a model was trained on, to show beside an answer."""

from __future__ import annotations

from typing import Final

from app.errors import NotFound
from app.inference.image.thumbnail import thumbnail
from app.runners import Run
from app.services.serving.predict import Predict
from app.store.files import Files
from app.training.data.drawn import redraw

THUMBNAILS: Final = "thumbnails"


class TrainingImages:
    """The use case of looking at one of a model's training images."""

    def __init__(self, files: Files, predict: Predict, run_cpu_bound: Run) -> None:
        self._files = files
        self._predict = predict
        self._run_cpu_bound = run_cpu_bound

    def picture(self, classifier: str, version: int, sha256: str) -> bytes:
        """Return a small JPEG of an image that the version keeps; NotFound when it does not, or the image is gone."""
        name = self._predict.training_images(classifier, version).find(sha256)
        if name is None:
            raise NotFound(f"Version {version} of {classifier} keeps no training image {sha256!r}.")
        made: bytes = self._run_cpu_bound(lambda: self._thumbnail(sha256, name))
        return made

    def _thumbnail(self, sha256: str, name: str) -> bytes:
        """Make it from the stored file; what Fovea drew can be drawn again."""
        try:
            return self._files.derived(sha256, THUMBNAILS, thumbnail)
        except NotFound:
            drawn = redraw(name)
            if drawn is None:
                raise NotFound(f"The training image {sha256} is no longer on this machine.") from None
            return thumbnail(drawn)
