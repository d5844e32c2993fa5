"""Labels by row, session and line, and every way in which they can fail to fit their logs."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from glx.data.systems import LabelPlace, System
from glx.errors import InputError
from glx.evaluate.labels import check_source, few_labelled, read_labels
from glx.sequences import Sequences


def sequences(*rows, lines=True, keys=None) -> Sequences:
    """Sequences of events at the given lines of a file."""
    flat = np.array([n for row in rows for n in row])
    return Sequences(
        ids=np.zeros(len(flat), np.int32),
        offsets=np.concatenate([[0], np.cumsum([len(row) for row in rows])]),
        first_line=np.array([min(row) for row in rows]),
        last_line=np.array([max(row) for row in rows]),
        lines=flat if lines else None,
        keys=None if keys is None else np.array(keys, dtype=object),
    )


def whole_rows(n: int, events: int = 2) -> Sequences:
    """`n` sequences of `events` events, each a row of its file."""
    found = sequences(*[[i] * events for i in range(n)])
    return Sequences(found.ids, found.offsets, np.arange(n), np.arange(n))


PLACES = {  # by, column, key
    "row": ("row", "label", None),
    "session": ("key", "label", "vm"),
    "log": ("line", "label", None),
    "first word": ("line", None, None),
    "list": ("line", "label", "line"),
}
ROWS = "label,sequence\n0,5 5\n1,5 2\n 0 ,2 2\n"
ODD_ROWS = whole_rows(4).take(np.array([1, 3]))
SESSIONS = "vm,label\nb,0\nc,1\na,1\na,0\nunknown,1\n"
SEVENS = sequences([0], [1], keys=["7", "007"])
LINES = "event_id,label\n7,0\n7,1\n7,0\n7,0\n7,1\n"
WORDS = "- 1 ok\nKERNDTLB 2\n-3 odd\n- 4\n"


def system(tmp_path, text: str, by: str, column: str | None = "label", key=None) -> System:
    path = tmp_path / "l.csv"
    path.write_text(text)
    return System("shop", Path("shop.log"), labels=LabelPlace(path, by, column, key))


@pytest.mark.parametrize(
    ("place", "text", "log", "events"),
    [
        # A row of the log is a sequence; one without events needs no label.
        ("row", ROWS, whole_rows(3), [0, 0, 1, 1, 0, 0]),
        ("row", ROWS, whole_rows(3).take(np.array([1, 2])), [1, 1, 0, 0]),
        ("row", "label,sequence\n\n1,5\n# more\n0,2\n", ODD_ROWS, [1, 1, 0, 0]),
        # Session a is anomalous because a row of it is; keys are text.
        ("session", SESSIONS, sequences([0, 2], [1], [3], keys=[*"abc"]), [1, 1, 0, 1]),
        ("session", "vm,label\n007,1\n7,0\n", SEVENS, [0, 1]),
        ("log", LINES, sequences([0, 1], [2, 3], [4]), [0, 1, 0, 0, 1]),
        ("log", LINES, sequences([0, 4], [1, 3]), [0, 1, 1, 0]),
        ("log", "label,event_id\n0,5\n\n1,2\n", sequences([0, 2]), [0, 1]),
        ("first word", WORDS, sequences([0, 1], [2], [3]), [0, 1, 1, 0]),
        # A line that is not listed is normal.
        ("list", "line,label\n4,1\n1,0\n", sequences([0, 1], [2, 3], [4]), [0, 0, 0, 0, 1]),
    ],
)
def test_labels_of_events_and_sequences(tmp_path, place, text, log, events):
    labels = read_labels(system(tmp_path, text, *PLACES[place]), log)
    parts = np.split(np.array(events), log.offsets[1:-1])
    assert labels.events.tolist() == events
    assert labels.sequences.tolist() == [part.max() for part in parts]
    assert labels.sequences.dtype == labels.events.dtype == np.uint8


def test_labels_are_read_from_packed_files_too(tmp_path):
    place = system(tmp_path, "", "row")
    place.labels.path.write_bytes(gzip.compress(b"label\n1\n0\n"))
    assert read_labels(place, whole_rows(2)).sequences.tolist() == [1, 0]


NO_LINE = "in column 'line' is no line of the log, from 0 to 2"


@pytest.mark.parametrize(
    ("text", "by", "key", "message"),
    [
        ("label\n0\nmaybe\n0\n", "row", None, "line 3: label 'maybe' in column 'label'"),
        ("label\n0\n\n1\n", "row", None, "line 3: label None in column 'label'"),
        ("label\n0\n", "row", None, "1 labels for 3 rows of the log"),
        ("sequence\n5\n", "row", None, "line 1: no column 'label'; the columns are sequence"),
        ("", "row", None, "the file is empty"),
        ("key,label\na,0\n", "key", "key", "no label for 2 of 3 sessions, such as 'b'"),
        ("line,label\n1,1\nx,0\n", "line", "line", f"line 3: 'x' {NO_LINE}"),
        ("line,label\n-1,0\n", "line", "line", f"line 2: '-1' {NO_LINE}"),
        ("line,label\n3,1\n", "line", "line", f"line 2: '3' {NO_LINE}"),
        ("label\n0\n1\n", "line", None, "2 labels for 3 rows of the log"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, text, by, key, message):
    place = system(tmp_path, text, by, key=key)
    with pytest.raises(InputError, match=message) as e:
        read_labels(place, sequences([0], [1], [2], keys=[*"abc"]))
    assert str(place.labels.path) in str(e.value)
    assert "\n" not in str(e.value)


def test_labels_of_another_kind_than_the_logs_or_none(tmp_path):
    for by, log in (("key", sequences([0, 1])), ("line", whole_rows(2))):
        with pytest.raises(InputError, match=r"l\.csv: labels by (session|line), but"):
            read_labels(system(tmp_path, f"{by},label\n0,1\n", by, key=by), log)
    with pytest.raises(InputError, match="shop: no labels; give --labels=shop=FILE"):
        read_labels(System("shop", Path("shop.log")), whole_rows(1))
    gone = system(tmp_path, "", "row")
    gone.labels.path.unlink()
    with pytest.raises(InputError, match=r"l\.csv: no such file"):
        read_labels(gone, whole_rows(1))


@pytest.mark.parametrize(("labels", "word"), [([0, 0], "anomalous"), ([1], "normal")])
def test_a_source_has_both_classes(labels, word):
    check_source("shop", np.array([0, 1, 0]))
    with pytest.raises(InputError, match=f"shop: no {word} sequence"):
        check_source("shop", np.array(labels))


def test_few_labelled_are_a_share_of_each_class_and_at_least_one():
    labels = np.repeat([0, 1], [300, 5])
    rows = few_labelled(labels, 0.01, seed=0)
    assert len(rows) == 3 + 1
    assert labels[rows].sum() == 1
    assert (rows == few_labelled(labels, 0.01, seed=0)).all()
    assert (few_labelled(labels, 1.0, seed=0) == np.arange(305)).all()
