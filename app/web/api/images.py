"""The images of a dataset: browsing and changing them, and taking changes back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response
from flask_openapi3 import APIBlueprint, Tag

from app.context import services
from app.services.datasets.curation.changes import Edit, Outcome
from app.services.datasets.curation.listing import Place, Wanted
from app.store.tables import DatasetChange, Image
from app.web import forms
from app.web.docs import body, operation_id, problems
from app.web.schemas import curation as schemas
from app.web.schemas.images import ImagePath
from app.web.schemas.requests import ClassifierPath

blueprint = APIBlueprint("images", __name__, abp_tags=[Tag(name="Data")], operation_id_callback=operation_id)


@blueprint.get("/api/datasets/<classifier>/images", responses={200: schemas.DatasetImages, **problems(400, 404)})
def images(path: ClassifierPath, query: schemas.ImagesQuery) -> dict[str, Any]:
    """List a dataset's images, the newest first: follow `next_cursor`; `offset` skips rows, more slowly."""
    given = query.model_dump()
    wanted = Wanted(**{name: given[name] for name in Wanted.__dataclass_fields__})
    found = services().gallery.page(path.classifier, wanted, Place(query.sort, query.cursor, query.offset, query.limit))
    rows = [_as_image(row, found.tags[row.id]) for row in found.images]
    return {"total": found.total, "next_cursor": found.next_cursor, "images": rows}


@blueprint.get("/api/datasets/<classifier>/images/<sha256>", responses=problems(404))
def image(path: ImagePath) -> Response:
    """Give an image of a dataset, as a small JPEG."""
    answer = Response(services().gallery.picture(path.classifier, path.sha256), mimetype="image/jpeg")
    answer.headers["Cache-Control"] = "private, max-age=86400, immutable"
    return answer


@blueprint.patch(
    "/api/datasets/<classifier>/images",
    responses={200: schemas.Changed, **problems(400, 404, 409)},
    openapi_extensions=body(schemas.BulkEditForm, json=True),
)
def change_many(path: ClassifierPath) -> dict[str, Any]:
    """Relabel, move or tag up to 1,000 images, all or none: one change, which can be undone."""
    wanted = forms.fields(schemas.BulkEditForm)
    return asdict(_change(path.classifier, wanted.sha256, wanted))


@blueprint.delete(
    "/api/datasets/<classifier>/images",
    responses={200: schemas.Changed, **problems(400, 404)},
    openapi_extensions=body(schemas.RemoveForm, json=True),
)
def remove_many(path: ClassifierPath) -> dict[str, Any]:
    """Remove up to 1,000 images from a dataset, all or none: one change, which can be undone."""
    wanted = forms.fields(schemas.RemoveForm)
    return asdict(services().curation.remove(path.classifier, wanted.sha256, wanted.reason))


@blueprint.patch(
    "/api/datasets/<classifier>/images/<sha256>",
    responses={200: schemas.ChangedImage, **problems(400, 404, 409)},
    openapi_extensions=body(schemas.EditForm, json=True),
)
def change(path: ImagePath) -> dict[str, Any]:
    """Relabel, move or tag an image."""
    done = _change(path.classifier, [path.sha256], forms.fields(schemas.EditForm))
    row, tags = services().gallery.image(path.classifier, path.sha256)
    return _as_image(row, tags) | {"revision": done.revision, "changed": bool(done.changed)}


@blueprint.delete(
    "/api/datasets/<classifier>/images/<sha256>",
    responses={200: schemas.Changed, **problems(400, 404)},
    openapi_extensions=body(schemas.ReasonField, json=True),
)
def remove(path: ImagePath) -> dict[str, Any]:
    """Remove an image from a dataset; versions that learned from it stay as they are."""
    wanted = forms.fields(schemas.ReasonField)
    return asdict(services().curation.remove(path.classifier, [path.sha256], wanted.reason))


@blueprint.post(
    "/api/datasets/<classifier>/undo",
    responses={200: schemas.Changed, **problems(400, 404, 409)},
    openapi_extensions=body(schemas.ReasonField, json=True),
)
def undo(path: ClassifierPath) -> dict[str, Any]:
    """Take back the last change of a dataset's images; again, the one before it."""
    return asdict(services().changes.undo(path.classifier, forms.fields(schemas.ReasonField).reason))


@blueprint.get("/api/datasets/<classifier>/changes", responses={200: schemas.DatasetChanges, **problems(400, 404)})
def changes(path: ClassifierPath, query: schemas.ChangesQuery) -> dict[str, Any]:
    """List the changes of a dataset's images, the newest first."""
    found, cursor = services().changes.list(path.classifier, query.cursor, query.limit)
    return {"changes": [as_change(row) for row in found], "next_cursor": cursor}


@blueprint.get(
    "/api/datasets/<classifier>/changes/<int:number>",
    responses={200: schemas.DatasetChangeInFull, **problems(404)},
)
def one_change(path: schemas.ChangePath) -> dict[str, Any]:
    """Give a change with what it did to each image."""
    row, found = services().changes.get(path.classifier, path.number)
    details = [{"sha256": each.sha256, "before": each.before, "after": each.after} for each in found]
    return as_change(row) | {"details": details}


@blueprint.get(
    "/api/datasets/<classifier>/versions/<version>/compare/<other>",
    responses={200: schemas.ComparedVersions, **problems(404)},
)
def compare(path: schemas.ComparePath, query: schemas.CompareQuery) -> dict[str, Any]:
    """Compare two dataset versions: the images added, removed, relabelled and moved; `present` is the dataset now."""
    return services().version_comparison.compare(path.classifier, path.version, path.other, query.limit)


def as_change(row: DatasetChange) -> dict[str, Any]:
    """Return a change as the interfaces give it."""
    return {
        "number": row.number, "action": row.action, "actor": row.actor, "reason": row.reason, "images": row.images,
        "at": row.created_at.isoformat(), "undoes": row.undoes, "undone_by": row.undone_by,
    }  # fmt: skip


def _change(classifier: str, hashes: list[str], wanted: schemas.EditForm) -> Outcome:
    edit = Edit(wanted.label, wanted.split, wanted.tags, tuple(wanted.tags_added), tuple(wanted.tags_removed))
    return services().curation.change(classifier, hashes, edit, wanted.reason, whole_groups=wanted.whole_groups)


def _as_image(row: Image, tags: list[str]) -> dict[str, Any]:
    at = row.created_at.isoformat()
    return {
        "sha256": row.sha256, "file": row.filename, "label": row.label, "split": row.split, "placed": row.placed,
        "tags": tags, "source": row.source, "group": row.group,
        "patient": None if row.group == row.sha256 else row.group, "width": row.width, "height": row.height,
        "used": row.used, "used_in_training": row.used in ("train", "val"),
        "thumbnail": f"/api/datasets/{row.classifier}/images/{row.sha256}", "added_at": at, "at": at,
    }  # fmt: skip
