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


def test_lines_in_both_parts():
    lines = CLEAN.lines.copy()
    lines[6] = 1
    assert broken(dataclasses.replace(CLEAN, lines=lines)) == ["shared_lines"]


def test_a_row_of_many_events_counts_once():
    minutes = dataclasses.replace(CLEAN, lines=np.array([0, 0, 0, 0, 1, 1, 0, 0, 0, 2]))
    found = findings(minutes)["shared_lines"]
    assert not found["ok"]
    assert found["detail"].startswith("1 lines of the file")


def test_a_row_that_is_a_sequence_shares_itself():
    rows = np.array([0, 1, 2, 1, 4])
    sequences = dataclasses.replace(CLEAN, lines=None, first_line=rows, last_line=rows)
    assert "shared_lines" in broken(sequences)


def test_a_session_in_both_parts():
    keys = np.array(["a", "b", "c", "b", "e"], dtype=object)
    assert broken(dataclasses.replace(CLEAN, keys=keys)) == ["shared_sessions"]


def test_a_random_split_although_there_are_times():
    mixed = np.array(["adapt", "test", "gap", "adapt", "test"], dtype=object)
    assert broken(split=mixed) == ["time_order"]
    untimed = dataclasses.replace(CLEAN, start=None, end=None)
    assert broken(untimed, mixed) == ["time_order"]
    assert broken(untimed) == []


def test_a_session_that_straddles_the_cut():
    end = CLEAN.end.copy()
    end[1] = CLEAN.start[3] + 0.5
    found = findings(dataclasses.replace(CLEAN, end=end))["time_order"]
    assert not found["ok"]
    assert found["detail"].startswith("1 adaptation sequences")


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
