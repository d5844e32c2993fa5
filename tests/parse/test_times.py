"""Time stamps of all forms, as seconds since the epoch."""

import polars as pl
import pytest

from glx.parse.times import format_of, seconds

MAY_2 = 1714636800.0  # 2024-05-02 08:00:00 UTC
NO_YEAR = 73641600.0  # the same of 1972
NO_DATE = 63100800.0  # 08:00:00 of the first day of 1972


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2024-05-02 08:00:00,123", MAY_2 + 0.123),
        ("2024-05-02T08:00:00.123456789Z", MAY_2 + 0.123456),
        ("2024-05-02T10:00:00+02:00", MAY_2),
        ("2024-05-02T10:00:00,5+0200", MAY_2 + 0.5),
        ("2024-05-02 10:00:00.5+02", MAY_2 + 0.5),
        ("2024-05-02 08:00:00.123 UTC", MAY_2 + 0.123),
        ("2024-05-02 04:00:00 EDT", MAY_2),
        ("2024-5-2  8:00:00", MAY_2),
        ("2024-05-02 08:00", MAY_2),
        ("2024/05/02 08:00:00", MAY_2),
        ("20240502T080000Z", MAY_2),
        ("20240502-8:0:0:83", MAY_2 + 0.83),
        ("02/May/2024:08:00:00 +0000", MAY_2),
        ("02/May/2024:08:00:00.123", MAY_2 + 0.123),
        ("02-May-2024 08:00:00.123", MAY_2 + 0.123),
        ("02-MAY-24 08:00:00", MAY_2),
        ("02 May 2024 08:00:00,123", MAY_2 + 0.123),
        ("2024 May  2 08:00:00", MAY_2),
        ("May  2 2024 08:00:00", MAY_2),
        ("May 02, 2024 8:00:00 AM", MAY_2),
        ("May 2, 2024, 8:00:00.5 am", MAY_2 + 0.5),
        ("5/2/2024 8:00:00\u202fAM", MAY_2),
        ("Thu, 02 May 2024 10:00:00 +0200", MAY_2),
        ("Thu May  2 08:00:00 2024", MAY_2),
        ("Thu May  2 08:00:00.123 2024", MAY_2 + 0.123),
        ("Thu May  2 04:00:00 EDT 2024", MAY_2),
        ("2024-05-02 time=08:00:00", MAY_2),
        ("1714636800", MAY_2),
        ("1714636800.25", MAY_2 + 0.25),
        ("1714636800250", MAY_2 + 0.25),
        ("1714636800250000", MAY_2 + 0.25),
        ("1714636800250000000", MAY_2 + 0.25),
        ("May  2 08:00:00.123", NO_YEAR + 0.123),
        ("Thu May  2 08:00:00", NO_YEAR),
        ("05-02 08:00:00.123", NO_YEAR + 0.123),
        ("08:00:00.123", NO_DATE + 0.123),
        ("08:00:00,123", NO_DATE + 0.123),
    ],
)
def test_one_time(time, expected):
    format = format_of([time])
    assert format is not None
    assert seconds(pl.Series([time]), format).to_list() == [pytest.approx(expected, abs=1e-5)]


@pytest.mark.parametrize(
    ("times", "first"),
    [
        (["21/5/24 8:00:00:123 EDT"], 1716292800.123),
        (["5/21/24 8:00:00:123 EDT"], 1716292800.123),
        (["2/5/24 8:00:00:000 CEST", "21/5/24 8:00:00:000 CEST"], MAY_2 - 7200),  # one says it
        (["5/2/24 4:00:00:000 EDT"], MAY_2),  # months come first in America
        (["2/5/2024 08:00:00"], MAY_2),
        (["5/2/2024 8:00:00 AM"], MAY_2),
        (["5/2/2024 08:00:00", "5/3/2024 08:00:00"], MAY_2),  # the next day, not a month later
        (["24/05/02 08:00:00"], MAY_2),
        (["02/05/24 08:00:00", "03/05/24 08:00:00"], MAY_2),
        (["10.30 08:00:00"], 89280000.0),
    ],
)
def test_the_values_tell_days_from_months(times, first):
    format = format_of(times)
    assert format is not None
    read = seconds(pl.Series(times), format)
    assert read[0] == pytest.approx(first)
    assert read.null_count() == 0


def test_a_fraction_may_be_left_out():
    times = ["2024-05-02T08:00:00Z", "2024-05-02T08:00:00.5Z", "2024-05-02T08:00:01.25Z"]
    assert seconds(pl.Series(times), format_of(times)).to_list() == [
        MAY_2,
        MAY_2 + 0.5,
        MAY_2 + 1.25,
    ]


def test_the_hour_that_summer_time_repeats_is_kept():
    times = pl.Series(["2024-11-03 01:30:00 EDT", "2024-11-03 01:30:00 EST"])
    early, late = seconds(times, format_of(times.to_list()))
    assert late - early == 3600


def test_no_times():
    assert format_of(["ready", "08:00", "12"]) is None


@pytest.mark.parametrize(
    ("format", "times"),
    [
        ("epoch", ["1e400", "-1e400", "nan", "9e30", "-9e30", "-62135596801"]),
        ("%Y-%m-%d", ["-0001-01-01", "0000-12-31", "10000-01-01", "+10000-01-01"]),
    ],
)
def test_a_time_that_no_date_has_is_none(format, times):
    assert seconds(pl.Series(times), format).null_count() == len(times)
    ends = {"epoch": ["-62135596800", "253402300799"], "%Y-%m-%d": ["0001-01-01", "9999-12-31"]}
    assert seconds(pl.Series(ends[format]), format).null_count() == 0
