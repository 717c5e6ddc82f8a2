"""The Predict page: what is dropped beside the marked place, and what people say of an answer."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import FilePayload, Locator, Page, expect

from app.drawing import draw

DROP = """async ([selector, sample]) => {
    const picture = await (await fetch(sample)).blob();
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([picture], "dropped.jpg", { type: "image/jpeg" }));
    const event = (type) => new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true });
    const place = document.querySelector(selector);
    place.dispatchEvent(event("dragover"));
    const marked = document.getElementById("dropzone").classList.contains("over");
    const refused = place.dispatchEvent(event("drop"));  // false: the page has taken the event
    return { marked, left: refused };
}"""


def test_an_image_dropped_on_the_hint_is_predicted_and_the_browser_stays(page: Page) -> None:
    page.goto("/predict?classifier=cat_dog")
    expect(page.get_by_role("button", name="Cat")).to_be_visible()
    expect(page.locator("#empty")).to_contain_text("Drop images anywhere on this page")
    assert page.evaluate(DROP, ["#empty", "/static/samples/cat_face.jpg"]) == {"marked": True, "left": False}
    expect(page.get_by_role("article", name="Answer for dropped.jpg").locator(".decision")).to_be_visible()
    assert not page.locator("#dropzone").evaluate("(zone) => zone.classList.contains('over')")


def answered(page: Page, folder: Path, subject: str, classifier: str) -> Locator:
    """Predict a drawing on the page, and return its answer."""
    path = folder / f"{subject}.jpg"
    path.write_bytes(draw(subject, 4242, 224).jpeg())
    page.goto(f"/predict?classifier={classifier}")
    expect(page.locator("#samples button").first).to_be_visible()
    page.set_input_files("#files", path)
    answer = page.get_by_role("article", name=f"Answer for {path.name}")
    expect(answer.locator(".decision")).to_be_visible()
    return answer


def test_no_on_two_classes_asks_which_and_can_be_taken_back(page: Page, tmp_path: Path) -> None:
    calls: list[str] = []
    page.on("request", lambda request: calls.append(request.method) if request.url.endswith("/feedback") else None)
    answer = answered(page, tmp_path, "cat_face", "cat_dog")
    form = answer.get_by_role("group", name="Is this correct?")
    form.get_by_role("button", name="No").press("Enter")
    expect(form).to_contain_text("What does the image show?")
    assert calls == []
    form.get_by_role("button", name="Cancel").press("Enter")
    expect(form.get_by_role("button", name="Yes")).to_be_focused()
    form.get_by_role("button", name="No").press("Enter")
    form.get_by_role("button", name="Dog").press("Enter")
    expect(form).to_contain_text("Saved as Dog")
    form.get_by_role("button", name="Undo").press("Enter")
    expect(form.get_by_role("button", name="Yes")).to_be_focused()
    assert calls == ["POST", "DELETE"]


def test_all_classifiers_answer_one_photograph_the_fitting_ones_first(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "tom.jpg"
    path.write_bytes(draw("cat_face", 4242, 224).jpeg())
    page.goto("/predict?classifier=glaucoma")
    expect(page.locator("#samples button")).to_have_count(2)
    page.get_by_label("Classifier").select_option("All classifiers")
    expect(page.locator("#description")).to_contain_text("every classifier")
    assert page.url.endswith("?classifier=all")
    page.set_input_files("#files", path)
    answers, cat = page.get_by_role("article"), page.get_by_role("article", name="Answer for Cat or dog · tom.jpg")
    expect(answers).to_have_count(6)
    expect(answers.first.locator(".decision-title")).to_contain_text("Cat")
    expect(answers.last.locator(".decision-title")).to_have_text("Not this kind of image")
    expect(page.locator("#announce")).to_contain_text("Glaucoma: Not this kind of image")
    cat.get_by_role("button", name="Yes").click()
    expect(cat).to_contain_text("Saved as Cat")
    page.reload()
    expect(page.get_by_label("Classifier")).to_have_value("all")
    page.goto("/train")
    expect(page.get_by_label("Classifier")).not_to_have_value("all")


def test_nothing_is_asked_of_an_image_that_is_no_case_for_the_model(page: Page, tmp_path: Path) -> None:
    answer = answered(page, tmp_path, "cat_face", "glaucoma")
    expect(answer.locator(".decision-title")).to_have_text("Not this kind of image")
    expect(answer.get_by_role("group", name="Is this correct?")).to_have_count(0)


def test_feedback_is_there_when_an_answer_of_a_bulk_run_is_opened_again(page: Page) -> None:
    cat = FilePayload(name="tom.jpg", mimeType="image/jpeg", buffer=draw("cat_face", 4243, 128).jpeg())
    job = page.request.post("/api/bulk-predict", multipart={"classifier": "cat_dog", "files": cat}).json()
    page.goto(f"/bulk?job={job['job_id']}")
    view, dialog = page.get_by_role("button", name="View tom.jpg"), page.get_by_role("dialog")
    view.press("Enter")
    dialog.get_by_role("button", name="Yes").press("Enter")
    expect(dialog).to_contain_text("Saved as Cat")
    page.keyboard.press("Escape")
    view.press("Enter")
    expect(dialog).to_contain_text("Saved as Cat")
    page.reload()
    view.press("Enter")
    expect(dialog).to_contain_text("Saved as Cat")
