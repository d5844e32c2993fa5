"""The words, letters and numbers of all scales of levels."""

import polars as pl
import pytest

from glx.parse.levels import CODES, SCALE, STANDARD, WORDS, standard_levels


@pytest.mark.parametrize(
    ("written", "level"),
    [
        ("error", "ERROR"), ("Err", "ERROR"), ("SEVERE", "ERROR"), ("fail", "ERROR"),
        ("E", "ERROR"), ("crit", "FATAL"), ("alert", "FATAL"), ("emerg", "FATAL"),
        ("Panic", "FATAL"), ("CRITICAL", "FATAL"), ("F", "FATAL"), ("Warning", "WARN"),
        (" WARN ", "WARN"), ("W", "WARN"), ("Audit Failure", "WARN"), ("#", "WARN"),
        ("notice", "INFO"), ("Information", "INFO"), ("Normal", "INFO"), ("LOG", "INFO"),
        ("dbug", "DEBUG"), ("FINE", "DEBUG"), ("Finest", "TRACE"), ("V", "TRACE"),
        ("3", "ERROR"), ("4", "WARN"), ("0", "FATAL"), ("6", "INFO"),  # syslog
        ("30", "INFO"), ("40", "WARN"), ("50", "ERROR"), ("60", "FATAL"), ("50.0", "ERROR"),
        ("Fehler", "ERROR"), ("Crítico", "FATAL"), ("Avertissement", "WARN"),  # of Windows
        ("1000", "ERROR"), ("17", "ERROR"), ("ready", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_one_scale(written, level):
    assert standard_levels(pl.Series([written], dtype=pl.String)).to_list() == [level]


@pytest.mark.parametrize(
    ("field", "written", "level"),
    [
        ("pri", "131", "ERROR"),  # facility 16, severity 3
        ("pri", "14", "INFO"),
        ("pri", "x", None),
        ("severityNumber", "4", "TRACE"),
        ("severityNumber", "9", "INFO"),
        ("attributes.severity_number", "20", "ERROR"),
    ],
)
def test_numbers_of_two_scales(field, written, level):
    assert standard_levels(pl.Series([written]), field).to_list() == [level]


def test_no_name_is_of_two_levels():
    assert len(STANDARD) == sum(len(f"{e} {WORDS[e]} {CODES[e]}".split()) for e in SCALE)


@pytest.mark.parametrize(
    ("field", "value", "level"),
    [("SeverityLevel", "3", "ERROR"), ("levelno", "40", "ERROR"), ("level", "40", "WARN")],
)
def test_numbers_of_a_scale_of_their_own(field, value, level):
    assert standard_levels(pl.Series([value]), field)[0] == level
