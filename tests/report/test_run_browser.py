"""The page of a run in a real browser: quiet, quick, usable by keyboard, deaf to what logs say."""

import pytest
from fake_run import HOSTILE, make_run

from glx.report.run import write

pytestmark = pytest.mark.browser
KINDS = [
    (0.9, 3, ["disk is gone", "retry"]),
    (0.7, 30, ["card refused", "retry", "retry"]),
    (0.6, 1, ["Ärger with the queue"]),
]


@pytest.fixture
def opened(browser, tmp_path):
    """A function that opens the page of a run; in the end the page must have said nothing."""
    said, pages = [], []

    def open_page(kinds, run: dict | None = None, **options):
        path = write(make_run(tmp_path / "run", kinds, **(run or {})))
        page = browser.new_page(**options)
        pages.append(page)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on(
            "request", lambda request: said.extend([request.url] * (request.url[:5] != "file:"))
        )
        page.goto(path.as_uri())
        page.wait_for_selector("#kinds[data-ready]")
        return page

    yield open_page
    for page in pages:
        page.close()
    assert said == []


def texts(page) -> list[str]:
    return page.locator("tr.kind .text").all_inner_texts()


def test_the_table_is_filtered(opened):
    page = opened(KINDS)
    for query, found, status in (
        ("REFUSED retry", ["card refused"], "1 of 3 kinds, 30 sequences"),
        ("ärger", ["Ärger with the queue"], "1 of 3 kinds, 1 sequence"),
        ("session-000033", ["Ärger with the queue"], "1 of 3 kinds, 1 sequence"),
        ("nothing like it", [], "0 of 3 kinds, 0 sequences"),
        ("", [kind[2][0] for kind in KINDS], "3 of 3 kinds, 34 sequences"),
    ):
        page.get_by_label("Text, session or line number").fill(query)
        page.locator("#status", has_text=status).wait_for()
        assert texts(page) == found
    page.get_by_label("Route").select_option("proprietary")
    assert texts(page) == ["card refused"]
    page.get_by_label("Route").select_option("")
    page.get_by_label("Lowest score").fill("0.65")
    assert texts(page) == ["disk is gone", "card refused"]


def test_without_sessions_a_line_is_found_by_its_number(opened):
    page = opened(KINDS, {"keys": False})
    page.get_by_label("Text, session or line number").fill("45")
    page.locator("#status", has_text="1 of 3 kinds").wait_for()
    assert texts(page) == ["card refused"]
    page.locator(".open").click()
    assert page.locator(".places li").first.inner_text() == "lines 40–49"


def test_the_table_is_sorted_by_every_column(opened):
    page = opened(KINDS)
    first = {"Score": 0.6, "Times": "card", "Route": "disk", "What": "card", "First": "disk"}
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Score")
    for name, expected in first.items():
        header = page.locator("#kinds th button", has_text=name)
        header.click()
        cell = page.locator("tr.kind").first.inner_text()
        assert str(expected) in cell, name
        assert header.locator("..").get_attribute("aria-sort") in ("ascending", "descending")
        assert page.locator("th[aria-sort$=ending]").count() == 1


def test_a_row_is_opened_by_keyboard(opened):
    page = opened(KINDS)
    button = page.locator(".open").nth(1)
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    detail = page.locator("tr.detail")
    assert detail.locator(".events li").all_inner_texts() == [
        "1\ncard refused\n60 %",
        "2\nretry\n×2 · 40 %",
    ]
    said = detail.inner_text()
    assert "Score 0.700, flagged from 0.500 up." in said
    assert "sounds like card refused" in said
    assert "Nearest known event, in sim_ras (cosine 0.250, below tau 0.300):" in said
    assert detail.locator(".places li").first.inner_text() == "session-000003\nlines 30–39"
    assert detail.locator(".places li").count() == 10
    detail.get_by_role("button", name="20 more").click()
    assert detail.locator(".places li").count() == 30
    button.press("Space")
    assert button.get_attribute("aria-expanded") == "false"
    assert page.locator("tr.detail").count() == 0


def test_injected_scripts_do_not_run(opened):
    kinds = [(0.9, 1, [text, *HOSTILE]) for text in HOSTILE]
    page = opened(kinds, {"target": HOSTILE[1], "stamps": [*HOSTILE]})
    for button in page.locator(".open").all():
        button.click()
    page.get_by_label("Text, session or line number").fill(HOSTILE[2])
    page.locator("#status", has_text="5 of 5 kinds").wait_for()
    assert page.evaluate("window.pwned") is None
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 2
    assert texts(page)[0] == HOSTILE[0]


@pytest.mark.parametrize(("kinds", "each"), [(2_000, 50), (5, 20_000)])
def test_100_000_verdicts_open_at_once(opened, tmp_path, kinds, each):
    events = [f"event {k} of <*> in a template that is about as long as most" for k in range(500)]
    many = [
        (0.9 - k / 1e4, each, [f"kind {k}", *(events[(k * j) % 500] for j in range(199))])
        for k in range(kinds)
    ]
    page = opened(many)
    ready = "performance.getEntriesByType('navigation')[0].loadEventEnd"  # ms, after the script
    assert 0 < page.evaluate(ready) < 3000
    assert (tmp_path / "run/report.html").stat().st_size < 20e6
    page.get_by_label("Text, session or line number").fill("session-099999")
    page.locator("#status", has_text=f"1 of {kinds:,} kinds").wait_for()
    assert texts(page) == [many[-1][2][0]]
    page.locator(".open").click()
    assert page.locator(".places li").first.inner_text().startswith("session-099999")


@pytest.mark.parametrize("labels", [True, False])
def test_a_phone_scrolls_the_page_only_down(opened, labels):
    page = opened(
        [(0.9, 1, ["word" * 80])], {"labels": labels}, viewport={"width": 360, "height": 700}
    )
    page.locator(".open").click()
    page.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_light_and_dark_differ(opened):
    page = opened(KINDS, color_scheme="light")
    colours = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        colours[scheme] = page.evaluate(
            """() => ['body', '.card', '.lead', '.ok', '.badge', 'a, .open', '.label'].map(name => {
                const style = getComputedStyle(document.querySelector(name));
                return [style.color, style.backgroundColor, style.fill];
            })"""
        )
    assert all(a != b for a, b in zip(colours["light"], colours["dark"], strict=True))


def test_the_first_rows_are_there_without_a_script(browser, tmp_path):
    path = write(make_run(tmp_path / "run", KINDS))
    page = browser.new_page(java_script_enabled=False)
    page.goto(path.as_uri())
    assert texts(page) == [kind[2][0] for kind in KINDS]
    assert not page.locator("#query").is_visible()
    page.close()
