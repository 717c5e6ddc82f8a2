"""A challenger on live requests, on the page of the models."""

from __future__ import annotations

import re
import subprocess
import sys

from browser import SECONDS
from bundle_copies import contradict
from conftest import Stack
from playwright.sync_api import Page, expect

from app.config import CHECKOUT
from app.drawing import draw


def test_a_challenger_is_sent_into_the_shadow_and_compared(page: Page, stack: Stack) -> None:
    name = "eye_diseases"
    contradict(stack.data_dir / "models", name, 2)
    subprocess.run([sys.executable, "-m", "flask", "--app", "wsgi", "init"], cwd=CHECKOUT, env=stack.env, check=True)
    page.goto(f"/models?classifier={name}")
    traffic = page.get_by_role("region", name="Champion and challenger")
    expect(traffic).to_contain_text("No challenger.")
    traffic.get_by_label("Challenger").select_option("Version 2")
    traffic.get_by_label("Mode").select_option("shadow")
    expect(traffic.get_by_label("Requests (%)")).to_have_value("100")
    traffic.get_by_label("Reason").fill("It may be better.")
    traffic.get_by_role("button", name="Apply").click()
    expect(traffic).to_contain_text("of the requests in shadow mode; the champion is version 1.")
    eye = draw("fundus_normal", 1, 96).jpeg()
    while page.request.get(f"/api/models/{name}/challenger").json()["shadow"]["n"] == 0:
        assert page.request.post("/api/predict", data=eye, headers={"Content-Type": "image/jpeg"}).ok
    expect(traffic).to_contain_text("Latest", timeout=20 * SECONDS)
    expect(traffic.locator(".headline-value")).to_have_text(re.compile(r"^0.0"))
    traffic.get_by_label("Mode").select_option("off")
    traffic.get_by_label("Reason").fill("Enough.")
    traffic.get_by_role("button", name="Apply").click()
    expect(traffic).to_contain_text("Version 2 gets no requests")
