"""Scales and ticks worked out by hand; what marks say, and where they lie from each other."""

import math
import re

from glx.report.svg import Dot, Scale, axis_x, bars, dots, log_ticks, tag, ticks, time_ticks


def test_a_scale_maps_its_ends_and_what_lies_between():
    assert [Scale(0, 10, 100, 200)(v) for v in (0, 5, 10)] == [100, 150, 200]
    assert [Scale(1, 100, 0, 50, math.log10)(v) for v in (1, 10, 100)] == [0, 25, 50]
    assert Scale(3, 3, 0, 50)(3) == 25


def test_ticks_are_round():
    assert [text for _, text in ticks(0, 1)] == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert [text for _, text in ticks(-3, 4123, 4)] == ["0", "2,000", "4,000"]
    assert ticks(7, 7) == [(7, "7")]
    assert [text for _, text in log_ticks(0.5, 20_000)] == ["1", "10", "100", "1k", "10k"]


def test_ticks_of_time_name_the_day_once():
    start = 1_714_557_600  # 2024-05-01 10:00 UTC
    assert [t for _, t in time_ticks(start, start + 3600, 4)] == [
        *("1 May 10:00", "10:15", "10:30", "10:45", "11:00")
    ]
    assert [t for _, t in time_ticks(start, start + 4 * 86_400)] == [
        *("2 May", "3 May", "4 May", "5 May")
    ]
    assert [t for _, t in time_ticks(start + 13 * 3600, start + 15 * 3600, 2)] == [
        *("1 May 23:00", "2 May 00:00", "01:00")
    ]


def numbers(marks: str, name: str) -> list[float]:
    return [float(value) for value in re.findall(rf' {name}="([^"]+)"', marks)]


def test_the_last_tick_ends_with_its_picture():
    scale = Scale(0, 1, 48, 508)
    half, last = numbers(axis_x(scale, [(0.5, "half"), (1, "1 May 23:00")], 200), "x")
    assert half == scale(0.5)  # where there is room
    assert half < last < scale(1)


def test_marks_are_escaped_and_rounded():
    assert tag("text", "<&", x=1.26, class_='"') == '<text x="1.3" class="&#34;">&lt;&amp;</text>'
    assert "<script>" not in axis_x(Scale(0, 1, 0, 9), [(0, "<script>")], 5, "<script>")


def test_bars_stand_on_the_axis_and_hang_from_it():
    x, up, down = Scale(0, 3, 0, 30), Scale(0, 4, 50, 10), Scale(0, 4, 50, 90)
    standing, hanging = (bars(x, y, [0, 1, 2, 3], [1, 0, 3], "hot", "abc") for y in (up, down))
    for made in (standing, hanging):
        low, high = numbers(made, "height")  # nothing where there is none
        assert high == 3 * low
    tops = [a + b for a, b in zip(*(numbers(standing, n) for n in ("y", "height")), strict=True)]
    assert tops == numbers(hanging, "y") == [50, 50]


def test_a_dot_without_a_value_says_so():
    made = dots("F1", [Dot("ours", 0.5, 0.4, 0.6, "accent"), Dot("other", None)], "F1")
    assert made.count("<circle") == 1
    assert "ours: 0.500 (0.400 to 0.600)" in made
    assert "not defined" in made
