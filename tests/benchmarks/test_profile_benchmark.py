"""Where time goes, by line and by compiled operation."""

import time

import pytest

from experiments.benchmarks.measure import Call
from experiments.benchmarks.profile import Span, own_seconds, profile, sampled
from glx.errors import InputError


def test_operations_within_others_count_once():
    spans = [
        Span("while.1", 0.0, 10.0),
        Span("dot.7.clone", 1.0, 2.0),
        Span("dot.8", 4.0, 3.0),
        Span("add_fusion", 5.0, 1.0),
        Span("copy", 10.0, 1.0),
    ]
    assert own_seconds(spans) == {"while": 5.0, "dot": 4.0, "add_fusion": 1.0, "copy": 1.0}


def busy() -> None:
    end = time.perf_counter() + 0.2
    while time.perf_counter() < end:
        sum(range(1000))


def test_the_line_that_takes_the_time_is_found():
    found, seconds = sampled(busy)
    assert seconds >= 0.2
    within = sum(own for name, own in found.items() if " busy" in name)
    assert 0.05 < within <= 1.1 * seconds


def test_a_subject_with_compiled_operations():
    output = profile(Call("tests.benchmarks.toys:product", {}))
    assert "| Python, line by line, all threads |" in output
    assert "tanh" in output.split("| compiled operations")[1]


def test_a_subject_that_fails():
    with pytest.raises(InputError, match="could not be watched"):
        profile(Call("tests.benchmarks.toys:missing", {}))
