"""The client: a method for each use case."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any, Final, Self, TypedDict

from fovea_client.jobs import Job, Watch
from fovea_client.transport import Transport
from fovea_client.uploads import Image, parts, read

JSON = dict[str, Any]
RAW: Final = {"Content-Type": "application/octet-stream"}


class Answers(TypedDict):
    """What several classifiers say of one image, and why others cannot answer now; both by classifier."""

    answers: dict[str, JSON]
    unanswered: dict[str, str]


class Client:
    """Calls one Fovea service. Close it at the end, or use it in a `with` statement.

    `timeout`: seconds that one call may take. `retries`: how often a call that meets a busy service (503) is made
    again. Every method raises Problem when the service refuses, Unreachable when no answer comes.
    """

    def __init__(
        self, url: str = "http://127.0.0.1:8000", api_key: str | None = None, timeout: float = 60.0, retries: int = 4
    ) -> None:
        self._transport = Transport(url, api_key, timeout, retries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def predict(
        self, image: Image, classifier: str, *, version: str | None = None, explain: bool = False, similar: int = 0
    ) -> JSON:
        """Answer one image, a path or the bytes of a file; `similar` is how many training images like it to name."""
        return self._predict(image, classifier=classifier, version=version, **_asked(explain, similar))

    def predict_each(
        self, image: Image, classifiers: Iterable[str] | None = None, *, explain: bool = False, similar: int = 0
    ) -> Answers:
        """Answer one image for several classifiers, or for all: each answer is like that of `predict`, by classifier.

        The service looks at the image once for all of them. Of all classifiers, `unanswered` says of those that cannot
        answer now why.
        """
        names = "all" if classifiers is None else ",".join([*classifiers, ""])  # the comma makes also one name several
        found = self._predict(image, classifier=names, **_asked(explain, similar))
        return Answers(answers=found["answers"], unanswered=found["unanswered"])

    def bulk_predict(self, images: Iterable[Image], classifier: str) -> Job:
        """Send many images, or zip archives of them, and return the job that answers them.

        A row's `file` has the folders of the image below the nearest one that all of them share.
        """
        with ExitStack() as opened:
            return self._job("/api/bulk-predict", data={"classifier": classifier}, files=parts(images, opened))

    def predict_many(self, images: Iterable[Image], classifier: str, watch: Watch | None = None) -> list[JSON]:
        """Answer many images: send them, wait, and return a row for each, its answer or its `error`."""
        job = self.bulk_predict(images, classifier)
        job.wait(watch)
        return job.results()

    def upload(
        self, images: Iterable[Image], classifier: str, *, label: str | None = None, split: str | None = None
    ) -> JSON:
        """Add labelled images, or zip archives of them, to the classifier's dataset; return how many were accepted.

        Without `label` a table among the files, a folder or the beginning of a file's name says what it shows; without
        `split` a folder named train, val or test does.
        """
        with ExitStack() as opened:
            fields = _given(classifier=classifier, label=label, split=split)
            return self._json("POST", "/api/upload", data=fields, files=parts(images, opened))

    def retrain(
        self,
        classifier: str,
        *,
        backbone: str | None = None,
        mode: str | None = None,
        epochs: int | None = None,
        promote: str | None = None,
    ) -> Job:
        """Train a new model version and return the job; what is left out comes from the classifier's file."""
        wanted = _given(classifier=classifier, backbone=backbone, mode=mode, epochs=epochs, promote=promote)
        return self._job("/api/retrain", json=wanted)

    def feedback(self, prediction_id: str, label: str) -> JSON:
        """Correct a prediction: `label` is what the image shows."""
        return self._json("POST", f"/api/predictions/{prediction_id}/feedback", json={"label": label})

    def models(self, classifier: str | None = None) -> list[JSON]:
        """Return the model versions, of one classifier or of all, the newest first."""
        found: list[JSON] = self._transport.call("GET", "/api/models", params=_given(classifier=classifier)).json()
        return found

    def promote(self, classifier: str, version: int, reason: str = "By the client.") -> JSON:
        """Let a version serve."""
        return self._json("POST", f"/api/models/{classifier}/{version}/promote", json={"reason": reason})

    def rollback(self, classifier: str, reason: str = "By the client.") -> JSON:
        """Undo the last promotion."""
        return self._json("POST", f"/api/models/{classifier}/rollback", json={"reason": reason})

    def jobs(self, status: str | None = None, limit: int = 50) -> list[JSON]:
        """Return the newest jobs first."""
        found: list[JSON] = self._transport.call("GET", "/api/jobs", params=_given(status=status, limit=limit)).json()
        return found

    def job(self, job_id: str) -> Job:
        """Return a job by its id."""
        return Job(self._transport, job_id)

    def _predict(self, image: Image, **fields: Any) -> JSON:  # noqa: ANN401 - the call's own
        name, data = read(image)
        fields = _given(**fields)
        if name:
            return self._json("POST", "/api/predict", data=fields, files=[("file", (name, data))])
        return self._json("POST", "/api/predict", params=fields, content=data, headers=RAW)

    def _json(self, method: str, path: str, **sent: Any) -> JSON:  # noqa: ANN401 - httpx' own arguments
        found: JSON = self._transport.call(method, path, **sent).json()
        return found

    def _job(self, path: str, **sent: Any) -> Job:  # noqa: ANN401 - httpx' own arguments
        return self.job(self._json("POST", path, **sent)["job_id"])


def _given(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field's value
    return {name: value for name, value in fields.items() if value is not None}


def _asked(explain: bool, similar: int) -> dict[str, Any]:
    return {"explain": "true" if explain else None, "similar": similar or None}
