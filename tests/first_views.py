"""What a visitor gets at the first view of each page of a furnished product: bytes, calls, layout shift."""

from __future__ import annotations

import re
from dataclasses import dataclass

from browser import SECONDS
from playwright.sync_api import Page, expect
from scenery import NAME

LIMIT = 300_000  # bytes of a first view
SHIFT = 0.05  # half of what Web Vitals calls good
WATCH_SHIFTS = """
window.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shift += entry.hadRecentInput ? 0 : entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@dataclass(frozen=True)
class View:
    """A page's address and what shows that all of it is there: an element, and a text in it."""

    path: str
    place: str
    text: re.Pattern[str] = re.compile(r"\S")


def views(jobs: dict[str, str]) -> dict[str, View]:
    """Return the pages as people come to them, with the jobs that `scenery.furnish` returned."""
    return {
        "home": View("/", "#attention li"),
        "predict": View(f"/predict?classifier={NAME}", "#samples"),
        "bulk": View(f"/bulk?job={jobs['bulk']}", "#count", re.compile("1 to 25 of 46 images")),
        "data": View(f"/data?classifier={NAME}", "#images-count", re.compile(r"16 of \d+")),
        "train": View(f"/train?job={jobs['retrain']}", "#verdict .decision"),
        "models": View(
            f"/models?classifier={NAME}&version=2&against=1", "#differences", re.compile(r"images? of \d+: ")
        ),
        "monitor": View(f"/monitor?classifier={NAME}", "#recent li"),
    }


@dataclass(frozen=True)
class Seen:
    """A first view: bytes over the network, the addresses asked for, and the cumulative layout shift."""

    size: int
    addresses: list[str]
    shift: float


def see(page: Page, view: View) -> Seen:
    """Open a page with an empty cache and wait until all of it is there, pictures as well."""
    network, sizes, addresses = page.context.new_cdp_session(page), [0], [""]
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.on("request", lambda request: addresses.append(request.url))
    page.add_init_script(WATCH_SHIFTS)
    page.goto(view.path)
    expect(page.locator(view.place).first).to_contain_text(view.text, timeout=60 * SECONDS)
    page.wait_for_load_state("networkidle")
    return Seen(sum(sizes), addresses[1:], float(page.evaluate("window.shift")))
