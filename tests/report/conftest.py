"""What the tests of pages in a browser share."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def opened(browser) -> Callable:
    """A function that opens a page; in the end none may have logged or asked for anything."""
    events, pages = [], []

    def open_page(path: Path, **options):
        page = browser.new_page(**options)
        pages.append(page)
        page.on("console", lambda message: events.append(message.text))
        page.on("pageerror", lambda error: events.append(str(error)))
        page.on("request", lambda request: events.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for page in pages:
        page.close()
    assert [event for event in events if not event.startswith("file:")] == []


@pytest.fixture
def outside() -> str:
    """JavaScript that finds the texts of pictures that begin left of them or end right of them."""
    return """
      [...document.querySelectorAll('figure svg text')].filter(text => {
        const [own, all] = [text, text.ownerSVGElement].map(e => e.getBoundingClientRect());
        return own.left < all.left - 1 || own.right > all.right + 1;
      }).map(text => text.textContent)"""
