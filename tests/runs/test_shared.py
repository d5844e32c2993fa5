"""What is made once, and whose seconds count."""

import time

import pytest

from glx.runs.shared import Shared


@pytest.fixture
def clock(monkeypatch):
    """A clock that only moves by hand."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def test_a_later_run_is_spared_what_the_first_took(clock):
    shared, made = Shared(), []

    def logs():
        clock[0] += 3
        made.append("logs")
        return "logs"

    def detector():
        clock[0] += 5
        return shared.once("logs", logs) + "+detector"

    assert shared.once("detector", detector) == "logs+detector"
    assert shared.saved_seconds == 0  # it did all of that itself
    shared.begin()
    assert shared.once("detector", detector) == "logs+detector"
    assert shared.saved_seconds == 8
    assert shared.once("detector", detector) == "logs+detector"
    assert shared.saved_seconds == 8  # once a run
    assert made == ["logs"]


def test_what_is_made_of_what_was_there_counts_in_full(clock):
    shared = Shared()

    def slow():
        clock[0] += 4

    shared.once("logs", slow)
    shared.begin()

    def fit():
        shared.once("logs", slow)
        clock[0] += 1

    shared.once("detector", fit)
    assert shared.saved_seconds == 4
    shared.begin()
    shared.once("detector", fit)
    assert shared.saved_seconds == 5
