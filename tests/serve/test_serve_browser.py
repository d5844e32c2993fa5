"""The page of `glx serve` in a real browser: it opens causes, and asks for nothing else."""

import pytest
from fitted_shop import PANIC, log

pytestmark = pytest.mark.browser


def test_a_cause_is_opened_on_the_page(browser, serve):
    with serve() as served:
        hostile = "<img src=x onerror=alert(1)>"
        served.client.post("/detect", content=log(0, 60, hostile))
        page, events = browser.new_page(viewport={"width": 360, "height": 700}), []
        page.on("console", lambda message: events.append(message.text))
        page.on("request", lambda request: events.append(request.url))
        page.goto(served.url)
        summary = page.locator(".causes summary", has_text="kernel panic")
        summary.click()
        lines = page.locator(".causes .log .own").all_inner_texts()
        assert any(PANIC in line and hostile in line for line in lines)
        assert page.locator("img").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert events == [f"{served.url}/"]
        page.close()
