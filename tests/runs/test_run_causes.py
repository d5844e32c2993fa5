"""Causes of what `glx detect` wrote: read back, with lines of the log if it is the same."""

import json

import pytest

from glx.errors import InputError
from glx.redact import mask_of
from glx.runs.causes import of_path

LINES = ["opened", "paid", "disk sda1 full", "closed", "opened", "paid", "closed"]
CAUSE = {"id": "11111111", "lacks": False, "text": "disk <*> full"}


def row(first: int, last: int, line: int, cause=CAUSE, **other) -> dict:
    return {
        "file": "a.log", "key": "s1", "first_line": first, "last_line": last, "score": 0.9,
        "anomalous": cause is not None, "route": None,
        "evidence": [{"line": line, "weight": 1.0, "text": "disk <*> full"}],
        **({"cause": cause} if cause else {}),
    } | other  # fmt: skip


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A function that writes rows as `glx detect --out` does, beside their log."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.log").write_text("\n".join(LINES) + "\n")

    def write(*rows: dict, end: str = ""):
        path = tmp_path / "found.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in rows) + end)
        return path

    return write


def shown(path, masks: bool = True) -> list[list[str]]:
    found = of_path(path, mask_of(masks))
    return [[line.text for line in cause.example.lines] for cause in found.causes]


def test_lines_are_those_of_the_log(written):
    path = written(row(0, 3, 2, time="2024-01-02T03:04:05.000"), row(4, 6, 5, None))
    found = of_path(path, mask_of(True))
    assert (found.sequences, found.flagged, found.in_time) == (2, 1, False)
    assert found.causes[0].first_time == "2024-01-02T03:04:05.000"
    assert shown(path) == [LINES[:5]]


def test_a_line_that_is_still_written_is_left_out(written):
    path = written(row(0, 3, 2), end='{"file": "a.log", "key')
    assert shown(path) == [LINES[:5]]
    assert of_path(written(end='{"file'), mask_of(True)).sequences == 0


@pytest.mark.parametrize("log", [None, "", "other\n" * 9, b"\0\1\2" * 99])
def test_a_log_that_is_gone_or_another_one_has_no_lines(written, log, tmp_path):
    path = written(row(0, 3, 2))
    (tmp_path / "a.log").unlink()
    if log is not None:
        (tmp_path / "a.log").write_bytes(log if isinstance(log, bytes) else log.encode())
    assert shown(path) == [[]]


def test_a_sequence_over_two_files_is_named_by_both(written):
    path = written(row(2, 1, 2, last_file="b.log"))
    [cause] = of_path(path, mask_of(True)).causes
    assert (cause.example.file, cause.example.lines) == ("a.log to b.log", [])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("plain words\n", "found.jsonl"),
        ("[1, 2]\n", "found.jsonl"),
        ('{"text": "of another program"}\n', "found.jsonl"),
        (json.dumps(row(0, 3, 2) | {"cause": None}) + "\n", "earlier glx"),
    ],
)
def test_what_is_no_file_of_verdicts_is_refused(written, tmp_path, text, what):
    path = written()
    path.write_text(text)
    with pytest.raises(InputError, match=what):
        of_path(path, mask_of(True))


def test_a_path_without_causes(tmp_path):
    with pytest.raises(InputError, match=r"none\.jsonl"):
        of_path(tmp_path / "none.jsonl", mask_of(True))
    with pytest.raises(InputError, match=r"causes\.json"):
        of_path(tmp_path, mask_of(True))
