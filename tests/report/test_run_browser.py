"""The page of a run in a real browser: quiet, quick, usable by keyboard, deaf to what logs say."""

import pytest
from folders import ALL, HOSTILE, make_run

from glx.report.page import BASELINES, explained
from glx.report.run import write

pytestmark = pytest.mark.browser
GROUPS = [
    (0.9, 3, ["disk is gone", "retry"]),
    (0.7, 30, ["card refused", "retry", "retry"]),
    (0.6, 1, ["Ärger with the queue"]),
]


@pytest.fixture
def opened_run(opened, tmp_path):
    """A function that opens the page of a run."""

    def open_run(groups=GROUPS, options: dict | None = None, **run):
        page = opened(write(make_run(tmp_path / "run", groups, **run)), **(options or {}))
        page.wait_for_selector("#groups[data-ready]")
        return page

    return open_run


def texts(page) -> list[str]:
    return page.locator("tr.group .text").all_inner_texts()


def test_the_table_is_filtered(opened_run):
    page = opened_run()
    for query, found, status in (
        ("REFUSED retry", ["card refused"], "1 of 3 kinds, 30 sequences"),
        ("ärger", ["Ärger with the queue"], "1 of 3 kinds, 1 sequence"),
        ("session-000033", ["Ärger with the queue"], "1 of 3 kinds, 1 sequence"),
        ("nothing like it", [], "0 of 3 kinds, 0 sequences"),
        ("", [group[2][0] for group in GROUPS], "3 of 3 kinds, 34 sequences"),
    ):
        page.get_by_label("Text, session or line number").fill(query)
        page.locator("#status", has_text=status).wait_for()
        assert texts(page) == found
    page.get_by_label("Route").select_option("proprietary")
    assert texts(page) == ["card refused"]
    page.get_by_label("Route").select_option("")
    page.get_by_label("Lowest score").fill("0.65")
    assert texts(page) == ["disk is gone", "card refused"]


def test_without_sessions_a_line_is_found_by_its_number(opened_run):
    page = opened_run(keys=False)
    page.get_by_label("Text, session or line number").fill("45")
    page.locator("#status", has_text="1 of 3 kinds").wait_for()
    assert texts(page) == ["card refused"]
    page.locator(".open").click()
    assert page.locator(".places li").first.inner_text() == "lines 40–49"


def test_a_cause_is_opened_for_its_lines(opened_run):
    page = opened_run()
    causes = page.locator(".causes summary")
    assert [text.split("\n")[:2] for text in causes.all_inner_texts()] == [
        ["3 times", "disk is gone"],
        ["30 times", 'lacks "card refused"'],
        ["1 time", "Ärger with the queue"],
    ]
    assert not page.locator(".causes .log").first.is_visible()
    causes.nth(1).focus()
    page.keyboard.press("Enter")
    log = page.locator(".causes .log").nth(1)
    assert log.inner_text() == "10  card refused\n11  retry\n12  retry"
    assert log.locator(".own").all_inner_texts() == ["10  card refused"]


def test_the_table_is_sorted_by_every_column(opened_run):
    page = opened_run()
    first = {"Score": 0.6, "Times": "card", "Route": "disk", "What": "card", "First at": "disk"}
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Score")
    for name, expected in first.items():
        header = page.locator("#groups th button", has_text=name)
        header.click()
        cell = page.locator("tr.group").first.inner_text()
        assert str(expected) in cell, name
        assert header.locator("..").get_attribute("aria-sort") in ("ascending", "descending")
        assert page.locator("th[aria-sort$=ending]").count() == 1


def test_a_row_is_opened_by_keyboard(opened_run):
    page = opened_run()
    button = page.locator(".open").nth(1)
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    detail = page.locator("tr.detail")
    assert detail.locator(".events li").all_inner_texts() == [
        "1\ncard refused\n60 %",
        "2\nretry\n×2 · 40 %",
    ]
    text = detail.inner_text()
    assert "Score 0.700, flagged from 0.500 up." in text
    assert "0.75 for: card refused" in text
    assert "Nearest known event, in sim_ras (cosine 0.250, below tau 0.300):" in text
    assert detail.locator(".places li").first.inner_text() == "session-000003\nlines 30–39"
    assert detail.locator(".places li").count() == 10
    detail.get_by_role("button", name="20 more").click()
    assert detail.locator(".places li").count() == 30
    button.press("Space")
    assert button.get_attribute("aria-expanded") == "false"
    assert page.locator("tr.detail").count() == 0


def test_injected_scripts_do_not_run(opened_run):
    groups = [(0.9, 1, [text, *HOSTILE]) for text in HOSTILE]
    page = opened_run(groups, target=HOSTILE[1], stamps=[*HOSTILE])
    for button in page.locator(".open").all():
        button.click()
    page.get_by_label("Text, session or line number").fill(HOSTILE[2])
    page.locator("#status", has_text="5 of 5 kinds").wait_for()
    assert page.evaluate("window.pwned") is None
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 2
    assert texts(page)[0] == HOSTILE[0]


@pytest.mark.parametrize(("n", "each"), [(2_000, 50), (5, 20_000)])
def test_100_000_verdicts_open_at_once(opened_run, tmp_path, n, each):
    events = [f"event {k} of <*> in a template that is about as long as most" for k in range(500)]
    many = [
        (0.9 - k / 1e4, each, [f"group {k}", *(events[(k * j) % 500] for j in range(199))])
        for k in range(n)
    ]
    page = opened_run(many)
    ready = "performance.getEntriesByType('navigation')[0].loadEventEnd"  # ms, after the script
    assert 0 < page.evaluate(ready) < 3000
    assert (tmp_path / "run/report.html").stat().st_size < 20e6
    page.get_by_label("Text, session or line number").fill("session-099999")
    page.locator("#status", has_text=f"1 of {n:,} kinds").wait_for()
    assert texts(page) == [many[-1][2][0]]
    page.locator(".open").click()
    assert page.locator(".places li").first.inner_text().startswith("session-099999")


@pytest.mark.parametrize("labels", [True, False])
def test_a_phone_scrolls_the_page_only_down(opened_run, labels):
    phone = {"viewport": {"width": 360, "height": 700}}
    page = opened_run([(0.9, 1, ["word" * 80])], phone, labels=labels)
    page.locator(".open").click()
    for summary in page.locator("summary").all():  # causes, and the settings
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_names_fit_their_charts(opened_run, outside):
    trivial = dict.fromkeys(BASELINES, ALL)
    page = opened_run(trivial=trivial)
    names = page.locator("figure svg text.name").all_text_contents()
    assert names[1:6] == [explained(name) for name in BASELINES]  # whole
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(outside) == []
    table = page.locator(".stand .scroll")  # at 1280: all of its columns are seen
    assert table.evaluate("e => e.scrollWidth <= e.clientWidth")


def test_a_sequence_in_which_nothing_weighed_says_so(opened_run):
    page = opened_run(weights=False, routes=False)
    page.locator(".open").first.click()
    assert page.locator(".events li").all_inner_texts() == ["1\ndisk is gone", "2\nretry"]
    text = page.locator("tr.detail").inner_text()
    assert "judged as a whole: no single line is known to have weighed most" in text
    assert "is at line" not in text


def test_light_and_dark_differ(opened_run):
    page = opened_run()
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
    path = write(make_run(tmp_path / "run", GROUPS))
    page = browser.new_page(java_script_enabled=False)
    page.goto(path.as_uri())
    assert texts(page) == [group[2][0] for group in GROUPS]
    assert not page.locator("#query").is_visible()
    page.close()
