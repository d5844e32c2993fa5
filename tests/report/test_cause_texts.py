"""Causes as texts."""

import pytest
from msgspec.structs import replace

from glx.report.cause_texts import CHARACTERS, for_model, for_people, shown_time, spark, whole
from glx.report.models import Cause, Causes, Example, Line


def cause(n: int = 0, **other) -> Cause:
    example = Example(
        file="a.log", key="s1", first_line=1000, last_line=1009, time=None, near=None,
        reason='lacks "order closed", which 98.0% of all 50 sequences have', evidence=[1004],
        lines=[Line(1000, "opened", True), Line(1008, "\x1b[2Jother", False)],
    )  # fmt: skip
    given = {
        "id": f"{n:08x}", "lacks": True, "text": "order closed", "count": 3, "score": 0.9,
        "first_time": "2024-01-01T01:00:00.000", "last_time": "2024-01-01T03:00:00.000",
        "trend": [0, 1, 2], "sessions": ["s1", "s2"], "example": example,
    }  # fmt: skip
    return Cause(**given | other)


def found_of(*causes: Cause) -> Causes:
    n = sum(cause.count for cause in causes)
    return Causes(sequences=100, flagged=n, found=len(causes), in_time=True, causes=[*causes])


def test_all_that_is_known_of_a_cause():
    assert whole(cause(new=True)).splitlines() == [
        '00000000      3 x  new: lacks "order closed"',
        "    trend .▄█",
        "    2024-01-01 01:00:00 to 2024-01-01 03:00:00",
        "    sessions s1, s2 and 1 more",
        "    which 98.0% of all 50 sequences have",
        "    for example a.log: lines 1,000 to 1,009",
        "    > 1000  opened",
        "    ...",
        "      1008  \x1b[2Jother",  # what prints it makes it visible
    ]


@pytest.mark.parametrize(
    ("trend", "bars"), [([0, 0], ".."), ([1, 1], "██"), ([1, 1000], "▁█"), ([4, 8], "▄█")]
)
def test_a_trend_in_bars(trend, bars):
    assert spark(trend) == bars


def test_a_time_of_a_log_without_years_has_none():
    assert shown_time("1970-03-04T05:06:07.250") == "03-04 05:06:07"
    assert shown_time("2024-03-04T05:06:07.250") == "2024-03-04 05:06:07"


def test_people_are_told_what_is_left_out():
    text = for_people(found_of(cause(1), cause(2), cause(3)), 2)
    assert text.startswith("9 of 100 sequences flagged, for 3 causes.")
    assert ("00000002" in text, "00000003" in text, "1 more" in text) == (True, False, True)
    assert for_people(found_of(), 2) == "0 of 100 sequences flagged."


@pytest.mark.parametrize("tokens", [200, 500, 2000])
def test_what_a_model_reads_keeps_to_its_tokens(tokens):
    found = found_of(*map(cause, range(100)))
    text = for_model(found, tokens, "glx causes a.jsonl --show=ID")
    assert 0.6 * tokens * CHARACTERS < len(text) <= tokens * CHARACTERS
    assert "glx causes a.jsonl --show=ID" in text
    shown = text.count('lacks "order closed"')
    assert f"{100 - shown} more causes are left out." in text
    assert "opened" in text  # the first ones are whole


def test_where_a_cause_does_not_fit_whole_its_times_and_line_do():
    lines = [Line(n, "around " * 40, n == 1009) for n in range(1005, 1010)]
    long = cause(1, note="known " * 300, example=replace(cause().example, lines=lines))
    text = for_model(found_of(long, cause(2)), 500, "ask")
    assert "2024-01-01 01:00:00 to" in text
    assert "> 1009  around" in text
    assert "known" not in text
    assert "  1008" in text.split("00000002")[1]  # the next one is whole
    assert len(text) <= 2000


def test_a_cause_that_is_too_long_leaves_room_for_the_others():
    text = for_model(found_of(cause(1, text="x" * 10_000), cause(2), cause(3)), 500, "ask")
    assert "00000001      3 x  lacks" in text
    assert ("00000003" in text, "left out" in text) == (True, False)


def test_a_model_reads_all_that_fits():
    text = for_model(found_of(cause(1), cause(2)), 2000, "glx causes x")
    assert (text.count("opened"), "left out" in text) == (2, False)
