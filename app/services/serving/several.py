"""Several classifiers of one photograph."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, NamedTuple

from app.classifiers.catalog import Catalog
from app.errors import InvalidInput, NotFound
from app.services.serving.predict import Predict, PredictionRequest

ALL: Final = "all"
MOST: Final = 16  # classifiers of one call


class Asked(NamedTuple):
    """The classifiers of a call, and why others that `all` means cannot answer now, by their names."""

    names: list[str]
    unanswered: dict[str, str]


class Several:
    """The use case of asking several classifiers at once."""

    def __init__(self, catalog: Catalog, predict: Predict) -> None:
        self._catalog = catalog
        self._predict = predict

    def is_meant(self, text: str) -> bool:
        """Say whether the text asks for several classifiers: names with commas between them, or `all`."""
        return "," in text or (text == ALL and ALL not in self._catalog)

    def asked(self, text: str, version: str | None) -> Asked:
        """Return the classifiers that the text means; of `all`, those that can answer.

        NotFound names a classifier that there is not, or says that none can answer; InvalidInput where there are too
        many, or none, or their version is a number.
        """
        if version is not None and version.isdecimal():
            raise InvalidInput(
                "A version number belongs to one classifier; leave 'version' out for the champions, or ask for one."
            )
        given = list(self._catalog) if text == ALL else [name.strip() for name in text.split(",")]
        names = [name for name in dict.fromkeys(given) if name]
        if not 1 <= len(names) <= MOST:
            raise InvalidInput(f"Name 1 to {MOST} classifiers, with commas between them, not {len(names)}.")
        if text != ALL:
            return Asked([self._catalog[name].name for name in names], {})
        unanswered = {name: reason for name in names if (reason := self._predict.answerable(name)) is not None}
        if len(unanswered) == len(names):
            raise NotFound(f"No classifier can answer: {next(iter(unanswered.values()))}")
        return Asked([name for name in names if name not in unanswered], unanswered)

    def predict(self, request: PredictionRequest, asked: Asked) -> dict[str, dict[str, Any]]:
        """Answer an image for each classifier, and log all answers or none; return them by name.

        The request's own classifier is not used.
        """
        answers = self._predict.predict_each([replace(request, classifier=name) for name in asked.names])
        return dict(zip(asked.names, answers, strict=True))
