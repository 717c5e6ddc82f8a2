"""Changing images by hand: what is allowed, what is written down, and what undo brings back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from conftest import ON_BOTH
from sqlalchemy import select, update

from app.actor import acting_as
from app.drawing import draw
from app.errors import Conflict, InvalidInput, NotFound, TooLarge
from app.services.datasets.curation.changes import Edit
from app.services.datasets.curation.listing import Place, Wanted
from app.services.datasets.intake import LabelledImage
from app.services.wiring import Services
from app.store.db import db, now
from app.store.tables import AuditEntry, DatasetChange, Image, NearDuplicate, RemovedImage
from app.training.progress import silent

NAME = "cat_dog"


def add(services: Services, number: int, label: str = "cat", group: str | None = None, split: str | None = None) -> str:
    """Add a drawn image and return its SHA-256."""
    data = draw(f"{label}_face", number, 64).jpeg()
    image = LabelledImage(data, f"{label}.{number}.jpg", label, split, "clinic", group)  # type: ignore[arg-type]
    services.intake.add(services.catalog[NAME], image)
    return services.files.put(data)


def drawn(services: Services, count: int) -> list[str]:
    """Add drawings, none of which counts as a copy of another, a cat first; return their SHA-256."""
    services.datasets.synth(NAME, count, 1, silent)
    return list(db.session.scalars(select(Image.sha256).order_by(Image.id)))


def pair(one: str, other: str) -> None:
    """Note that two images show the same."""
    first, second = sorted((one, other))
    db.session.add(
        NearDuplicate(
            classifier=NAME, first=first, second=second, similarity=1.0, unmoved=1.0, turn=0.0, mirrored=False
        )
    )
    db.session.commit()


def row(sha256: str) -> Image:
    return db.session.scalars(select(Image).where(Image.sha256 == sha256)).one()


def use(sha256: str, split: str) -> None:
    """Let a dataset version have used an image."""
    db.session.execute(update(Image).where(Image.sha256 == sha256).values(used=split))
    db.session.commit()


def numbers(services: Services) -> list[int]:
    return [each.number for each in services.changes.list(NAME, None, 50)[0]]


@ON_BOTH
def test_changes_are_written_down_and_undone_one_after_the_other(services: Services) -> None:
    one, other = add(services, 1), add(services, 2)
    before = services.versions.preview(NAME).version
    with acting_as("key of Ada"):
        done = services.curation.change(NAME, [one, other], Edit(label="dog", tags_added=["Doubt"]), "second reader")
        assert (done.revision, done.action, done.unchanged) == (1, "changed", 0)
        services.curation.change(NAME, [one], Edit(split="train"))
        services.curation.remove(NAME, [other], "blurred")
    assert [each.action for each in services.changes.list(NAME, None, 9)[0]] == ["removed", "moved", "changed"]
    assert {each.actor for each in services.changes.list(NAME, None, 9)[0]} == {"key of Ada"}
    logged = db.session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("images."))).all()
    assert list(logged) == ["images.changed", "images.moved", "images.removed"]
    assert services.gallery.picture(NAME, other)  # what is gone can still be shown
    assert services.versions.preview(NAME).version != before
    for undone in (3, 2, 1):
        assert services.changes.get(NAME, services.changes.undo(NAME).revision)[0].undoes == undone
    with pytest.raises(Conflict, match="no change"):
        services.changes.undo(NAME)
    assert (row(one).label, row(one).split, row(one).placed, row(other).label) == ("cat", None, False, "cat")
    assert services.versions.preview(NAME).version == before
    assert numbers(services) == [6, 5, 4, 3, 2, 1]
    _, cursor = services.changes.list(NAME, None, 4)
    assert [each.number for each in services.changes.list(NAME, cursor, 4)[0]] == [2, 1]
    assert db.session.scalars(select(RemovedImage)).all() == []


def test_a_change_that_is_there_already_makes_no_revision(services: Services) -> None:
    one = add(services, 1)
    edit = Edit(label="dog", split="test", tags=["a", "b"])
    assert services.curation.change(NAME, [one, one], edit).changed == [one]
    assert services.curation.change(NAME, [one], edit).action is None
    assert services.curation.remove(NAME, [one]).revision == 2
    assert services.curation.remove(NAME, [one]).unchanged == 1
    assert numbers(services) == [2, 1]


def test_all_or_none_is_changed_and_nonsense_is_refused(services: Services) -> None:
    one = add(services, 1)
    with pytest.raises(NotFound, match="no image"):
        services.curation.change(NAME, [one, "0" * 64], Edit(label="dog"))
    with pytest.raises(NotFound):
        services.curation.remove(NAME, [one, "0" * 64])
    for edit in (Edit(), Edit(label="horse"), Edit(split="dev"), Edit(tags=["a,b"]), Edit(tags=["a"], tags_added=["b"]),
                 Edit(tags_added=[f"tag {n}" for n in range(21)])):  # fmt: skip
        with pytest.raises(InvalidInput):
            services.curation.change(NAME, [one], edit)
    with pytest.raises(TooLarge):
        services.curation.remove(NAME, [f"{n:064x}" for n in range(1001)])
    assert row(one).label == "cat"
    assert numbers(services) == []


def test_a_group_moves_as_a_whole(services: Services) -> None:
    hashes = [add(services, n, group="patient 7", split="train") for n in range(3)]
    copy = add(services, 9, split="train")
    pair(hashes[0], copy)
    with pytest.raises(Conflict, match=r"would stay in the split 'train'.*whole_groups"):
        services.curation.change(NAME, hashes, Edit(split="test"))
    done = services.curation.change(NAME, hashes[:1], Edit(split="test"), whole_groups=True)
    assert set(done.changed) == {*hashes, copy}
    splits = {sample.split for sample in services.versions.preview(NAME).samples}
    assert splits == {"test"}


def test_what_a_model_learned_from_never_becomes_a_test_image(services: Services) -> None:
    learned, sibling, other = add(services, 1, group="p"), add(services, 2, group="p"), add(services, 3)
    use(learned, "train")
    for hashes in ([learned, sibling], [sibling]):
        with pytest.raises(Conflict, match="A model was made with"):
            services.curation.change(NAME, hashes, Edit(split="test"), whole_groups=True)
    services.curation.change(NAME, [other], Edit(split="test"))
    services.curation.change(NAME, [other], Edit(split="train"))
    use(other, "train")
    with pytest.raises(Conflict, match="A model was made with"):
        services.changes.undo(NAME)  # a model has learned from it meanwhile
    # Nor by the way of a removal: neither the image that comes back nor another of its patient, nor a copy.
    copy = add(services, 4)
    pair(learned, copy)
    services.curation.remove(NAME, [learned, sibling])
    fresh = add(services, 5, group="p")
    for sha256 in (copy, fresh):
        with pytest.raises(Conflict, match="A model was made with"):
            services.curation.change(NAME, [sha256], Edit(split="test"))
    divided = {sample.sha256: sample.split for sample in services.versions.preview(NAME).samples}
    assert (divided[copy], divided[fresh]) == ("train", "train")
    assert add(services, 1, group="p") == learned
    assert row(learned).used == "train"


def test_copies_keep_one_label(services: Services) -> None:
    one, other, third = add(services, 1), add(services, 2), add(services, 3)
    pair(one, other)
    pair(other, third)
    with pytest.raises(Conflict, match="would have different labels"):
        services.curation.change(NAME, [one], Edit(label="dog"))
    assert len(services.curation.change(NAME, [one], Edit(label="dog"), whole_groups=True).changed) == 3
    db.session.execute(update(Image).where(Image.sha256 == one).values(label="cat"))
    db.session.commit()
    assert services.curation.change(NAME, [one], Edit(label="dog")).changed == [one]  # they come to agree


def test_a_split_chosen_by_hand_is_what_training_uses(services: Services) -> None:
    hashes = drawn(services, 60)
    services.curation.change(NAME, hashes[:10], Edit(split="train"))
    services.curation.change(NAME, hashes[10:20], Edit(split="test"))
    frozen = services.versions.freeze(NAME, silent)
    splits = {sample.sha256: sample.split for sample in frozen.samples}
    assert {splits[sha256] for sha256 in hashes[:10]} == {"train"}
    assert {splits[sha256] for sha256 in hashes[10:20]} == {"test"}
    assert {splits[sha256] for sha256 in hashes[20:]} == {"train", "val", "test"}  # the others are drawn as before
    assert row(hashes[0]).used == "train"


def test_versions_are_compared(services: Services) -> None:
    hashes = drawn(services, 20)
    frozen = services.versions.freeze(NAME, silent)
    splits = {sample.sha256: sample.split for sample in frozen.samples}
    test = next(sha256 for sha256 in hashes if splits[sha256] == "test")
    rest = [sha256 for sha256 in hashes if sha256 != test]
    services.curation.change(NAME, [test], Edit(split="train"))
    services.curation.change(NAME, rest[:1], Edit(label="dog"))
    services.curation.remove(NAME, rest[1:3])
    added = add(services, 99)
    found = services.version_comparison.compare(NAME, frozen.version, "present", 1)
    assert [found["counts"][kind] for kind in ("added", "removed", "relabelled")] == [1, 2, 1]
    assert found["added"][0]["sha256"] == added
    assert len(found["removed"]) == 1
    assert found["relabelled"] == [{"sha256": rest[0], "before": "cat", "after": "dog"}]
    assert test in {each["sha256"] for each in services.version_comparison.compare(
        NAME, frozen.version, "present", 100)["moved"]}  # fmt: skip
    same = services.version_comparison.compare(NAME, frozen.version, frozen.version, 9)["counts"]
    assert same == {"added": 0, "removed": 0, "relabelled": 0, "moved": 0, "unchanged": 20}


def test_a_change_makes_the_audit_stale(services: Services) -> None:
    hashes = drawn(services, 12)
    services.audit.compute(NAME, silent)
    assert not services.audit.latest(NAME)["stale"]
    services.curation.change(NAME, hashes[:1], Edit(label="dog"))
    assert services.audit.latest(NAME)["stale"]


def test_an_undo_keeps_what_has_been_changed_otherwise_and_says_when_a_file_is_gone(services: Services) -> None:
    one, other = add(services, 1), add(services, 2)
    services.curation.change(NAME, [one, other], Edit(label="dog"))
    db.session.execute(update(Image).where(Image.sha256 == one).values(label="cat"))
    db.session.commit()
    assert services.changes.undo(NAME).changed == [other]
    services.curation.remove(NAME, [other])
    services.files.remove(other, now() + timedelta(days=1))
    with pytest.raises(Conflict, match="files are no longer kept"):
        services.changes.undo(NAME)
    assert db.session.scalars(select(DatasetChange.undone_by).where(DatasetChange.number == 3)).one() is None


@ON_BOTH
@pytest.mark.parametrize("sort", ["newest", "oldest", "name", "label"])
def test_pages_neither_repeat_nor_skip_images_while_others_are_added(services: Services, sort: str) -> None:
    first = {add(services, n, ("cat", "dog")[n % 2]) for n in range(7)}
    cursor, seen = None, []
    for number in range(20):
        page = services.gallery.page(NAME, Wanted(), Place(sort, cursor, limit=2))
        seen += [each.sha256 for each in page.images]
        cursor = page.next_cursor
        if cursor is None:
            break
        add(services, 100 + number) if number < 3 else None
    assert len(set(seen)) == len(seen)
    assert first <= set(seen)
    with pytest.raises(InvalidInput, match="cursor"):
        services.gallery.page(NAME, Wanted(), Place(sort, "bm9uc2Vuc2U"))


def test_images_are_found_by_what_is_known_of_them(services: Services) -> None:
    one, other = add(services, 1, "cat", "patient 1", "test"), add(services, 2, "dog")
    services.curation.change(NAME, [other], Edit(tags=["To Check"]))
    use(other, "val")
    for wanted in (
        Wanted(label="cat"), Wanted(split="test"), Wanted(used="never"), Wanted(group="patient 1"), Wanted(q="CAT.1"),
    ):  # fmt: skip
        assert [each.sha256 for each in services.gallery.page(NAME, wanted, Place()).images] == [one], wanted
    for wanted in (
        Wanted(label="dog"), Wanted(split="unassigned"), Wanted(used="val"), Wanted(tag="to check"), Wanted(q="dog."),
    ):  # fmt: skip
        assert [each.sha256 for each in services.gallery.page(NAME, wanted, Place()).images] == [other], wanted
    assert services.gallery.page(NAME, Wanted(source="clinic"), Place(limit=1)).total == 2
    assert services.gallery.page(NAME, Wanted(q="%"), Place()).images == []
    assert services.gallery.page(NAME, Wanted(finding="label_errors"), Place()).images == []
