"""The page of a study in a real browser: quiet, no wider than a phone, usable by keyboard."""

import pytest
from folders import write_study

from glx.report.study import write

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write(write_study(tmp_path_factory.mktemp("study"), reference="GeneralLog"))


def test_a_phone_scrolls_down_only(opened, path):
    page = opened(path, viewport={"width": 390, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_field_shows_its_share(opened, path):
    shades = opened(path).evaluate(
        "[...document.querySelectorAll('.heat td')].map(td => getComputedStyle(td).backgroundColor)"
    )
    # Two sources by two targets, each system none of its own source, and all others together.
    assert len(shades) == 8
    assert len(set(shades)) == 3  # 0.875, 0.604, none


@pytest.mark.parametrize(
    ("clipboard", "answer", "taken"),
    [
        ("async text => { window.taken = text; }", "Copied", "window.taken"),
        ("() => Promise.reject(new Error())", "Selected: press Ctrl+C", "String(getSelection())"),
    ],
)
def test_a_table_is_opened_and_taken_along_by_keyboard(opened, path, clipboard, answer, taken):
    page = opened(path)
    page.evaluate(f"void (navigator.clipboard.writeText = {clipboard})")
    table = page.locator("details.card", has_text="Cost, leave-one-out")
    table.locator("summary").first.focus()
    page.keyboard.press("Enter")
    table.get_by_role("button", name="Copy as LaTeX").focus()
    page.keyboard.press("Enter")
    table.get_by_role("button", name=answer).wait_for()
    assert "\\begin{tabular}{llrrrrr}\n\\toprule\nmethod & target & seconds" in page.evaluate(taken)


def test_names_fit_their_charts(opened, path, outside):
    for width in (390, 1280):
        assert opened(path, viewport={"width": width, "height": 800}).evaluate(outside) == []
