"""The audit finds each leak that is planted, and nothing else."""

import dataclasses

import numpy as np
import pytest

from glx.evaluate.audit import audit
from glx.sequences import Sequences, csr_offsets

SPLIT = np.array(["adapt", "adapt", "gap", "test", "test"], dtype=object)
CLEAN = Sequences(
    ids=np.array([0, 1, 0, 1, 0, 0, 0, 1, 0, 2], dtype=np.int32),
    offsets=csr_offsets(np.full(5, 2)),
    lines=np.arange(10),
    first_line=np.arange(0, 10, 2),
    last_line=np.arange(1, 10, 2),
    keys=np.array(["a", "b", "c", "d", "e"], dtype=object),
    start=np.arange(0.0, 10, 2),
    end=np.arange(1.0, 11, 2),
)


def findings(sequences=CLEAN, split=SPLIT, **more):
    facts = {"protocol": "inductive", "threshold_method": "mixture", "ordered": True} | more
    return {one["check"]: one for one in audit(sequences, split, **facts)}


def broken(*args, **more) -> list[str]:
    return [name for name, one in findings(*args, **more).items() if not one["ok"]]


def test_a_clean_run_has_nothing_broken_and_says_what_it_saw():
    found = findings()
    assert broken() == []
    assert "50.0% of 2 test sequences" in found["duplicates"]["detail"]
    assert "1 distinct ones do not" in found["duplicates"]["detail"]
    assert "1 of the test part's 3 templates, 25.00%" in found["unseen_templates"]["detail"]


ROWS = np.array([0, 1, 2, 1, 4])


@pytest.mark.parametrize(
    ("changed", "check", "detail"),
    [
        ({"lines": np.array([0, 1, 2, 3, 4, 5, 1, 7, 8, 9])}, "shared_lines", "1 lines"),
        # A row of many events counts once, and one that is a sequence is shared as it is.
        ({"lines": np.array([0, 0, 0, 0, 1, 1, 0, 0, 0, 2])}, "shared_lines", "1 lines"),
        ({"lines": None, "first_line": ROWS, "last_line": ROWS}, "shared_lines", "1 lines"),
        ({"keys": np.array([*"abcbe"], dtype=object)}, "shared_sessions", "1 sessions"),
        ({"end": np.array([1, 6.5, 5, 7, 9])}, "time_order", "1 adaptation sequences"),
    ],
)
def test_what_is_in_both_parts_or_straddles_the_cut(changed, check, detail):
    sequences = dataclasses.replace(CLEAN, **changed)
    assert broken(sequences) == [check]
    assert findings(sequences)[check]["detail"].startswith(detail)


def test_a_random_split_although_there_are_times():
    mixed = np.array(["adapt", "test", "gap", "adapt", "test"], dtype=object)
    assert broken(split=mixed) == ["time_order"]
    untimed = dataclasses.replace(CLEAN, start=None, end=None)
    assert broken(untimed, mixed) == ["time_order"]
    assert broken(untimed) == []


def test_without_times_rows_must_be_drawn():
    n = 400
    rows = np.arange(n)
    sequences = Sequences(np.zeros(n, np.int32), csr_offsets(np.ones(n, int)), rows, rows)
    halves = np.where(rows < n // 2, "adapt", "test")
    drawn = np.random.default_rng(0).permutation(halves)
    assert broken(sequences, halves, ordered=False) == ["random_rows"]
    assert broken(sequences, drawn, ordered=False) == []


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        *[("threshold_method", method, ["threshold"]) for method in ("best_f1", "oracle", "")],
        ("threshold_method", "evidence", []),
        *[("protocol", protocol, ["protocol"]) for protocol in ("transductive", "paper")],
    ],
)
def test_thresholds_of_unknown_origin_and_protocols_that_are_not_sound(setting, value, expected):
    assert broken(**{setting: value}) == expected


def test_an_empty_part_is_a_finding_and_a_wrong_split_an_error():
    assert broken(split=np.full(5, "test")) == ["split"]
    for wrong in (np.full(5, "train"), SPLIT[:3]):
        with pytest.raises(ValueError, match="split must give"):
            findings(split=wrong)
