"""Labels by row, session and line, and every way in which they can fail to fit their logs."""

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


def system(tmp_path, text: str, by: str, column: str | None = "label", key=None) -> System:
    path = tmp_path / "l.csv"
    path.write_text(text)
    return System("shop", "shop", Path("shop.log"), labels=LabelPlace(path, by, column, key))


def test_by_row(tmp_path):
    place = system(tmp_path, "label,sequence\n0,5 5\n1,5 2\n 0 ,2 2\n", "row")
    labels = read_labels(place, whole_rows(3))
    assert labels.sequences.tolist() == [0, 1, 0]
    assert labels.events.tolist() == [0, 0, 1, 1, 0, 0]  # those of its sequence
    assert labels.sequences.dtype == labels.events.dtype == np.uint8
    some = read_labels(place, whole_rows(3).take(np.array([1, 2])))
    assert some.sequences.tolist() == [1, 0]


def test_rows_without_an_event_need_no_label(tmp_path):
    place = system(tmp_path, "label,sequence\n\n1,5\n# more\n0,2\n", "row")
    assert read_labels(place, whole_rows(4).take(np.array([1, 3]))).sequences.tolist() == [1, 0]
    place = system(tmp_path, "label,event_id\n0,5\n\n1,2\n", "line")
    assert read_labels(place, sequences([0, 2])).events.tolist() == [0, 1]


def test_by_session(tmp_path):
    text = "vm,label\nb,0\nc,1\na,1\na,0\nunknown,1\n"  # a row of a says 1: it is anomalous
    place = system(tmp_path, text, "key", key="vm")
    labels = read_labels(place, sequences([0, 2], [1], [3], keys=[*"abc"]))
    assert labels.sequences.tolist() == [1, 0, 1]
    assert labels.events.tolist() == [1, 1, 0, 1]


def test_by_session_whose_names_are_numbers(tmp_path):
    place = system(tmp_path, "key,label\n007,1\n7,0\n", "key", key="key")
    assert read_labels(place, sequences([0], [1], keys=["7", "007"])).sequences.tolist() == [0, 1]


def test_by_line_of_the_log(tmp_path):
    place = system(tmp_path, "event_id,label\n7,0\n7,1\n7,0\n7,0\n7,1\n", "line")
    labels = read_labels(place, sequences([0, 1], [2, 3], [4]))
    assert labels.sequences.tolist() == [1, 0, 1]
    assert labels.events.tolist() == [0, 1, 0, 0, 1]
    interleaved = read_labels(place, sequences([0, 4], [1, 3]))
    assert interleaved.events.tolist() == [0, 1, 1, 0]


def test_by_a_list_of_lines(tmp_path):
    place = system(tmp_path, "line,label\n4,1\n1,0\n", "line", key="line")
    labels = read_labels(place, sequences([0, 1], [2, 3], [4]))
    assert labels.sequences.tolist() == [0, 0, 1]  # a line that is not listed is normal
    assert labels.events.tolist() == [0, 0, 0, 0, 1]


def test_by_the_first_word_of_a_line(tmp_path):
    place = system(tmp_path, "- 1 fine\nKERNDTLB 2 bad\n-3 odd\n- 4\n", "line", column=None)
    assert read_labels(place, sequences([0, 1], [2], [3])).events.tolist() == [0, 1, 1, 0]


def test_labels_are_read_from_packed_files_too(tmp_path):
    import gzip

    place = system(tmp_path, "", "row")
    place.labels.path.write_bytes(gzip.compress(b"label\n1\n0\n"))
    assert read_labels(place, whole_rows(2)).sequences.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "by", "key", "message"),
    [
        (
            "label\n0\nmaybe\n0\n",
            "row",
            None,
            "line 3: label 'maybe' in column 'label' is neither 0",
        ),
        ("label\n0\n\n1\n", "row", None, "line 3: label None in column 'label' is neither"),
        ("label\n0\n", "row", None, "1 labels for 3 rows of the log; they do not belong together"),
        ("sequence\n5\n", "row", None, "line 1: no column 'label'; the columns are sequence"),
        ("", "row", None, "the file is empty"),
        ("key,label\na,0\n", "key", "key", "no label for 2 of 3 sessions, such as 'b'; labels and"),
        (
            "line,label\n1,1\nx,0\n",
            "line",
            "line",
            "line 3: 'x' in column 'line' is no line of the log",
        ),
        ("line,label\n-1,0\n", "line", "line", "line 2: '-1' in column 'line' is no line"),
        (
            "line,label\n3,1\n",
            "line",
            "line",
            "'3' in column 'line' is no line of the log, from 0 to 2",
        ),
        ("label\n0\n1\n", "line", None, "2 labels for 3 rows of the log"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, text, by, key, message):
    place = system(tmp_path, text, by, key=key)
    with pytest.raises(InputError, match=message) as e:
        read_labels(place, sequences([0], [1], [2], keys=[*"abc"]))
    assert str(place.labels.path) in str(e.value)
    assert "\n" not in str(e.value)


def test_labels_of_another_kind_than_the_logs(tmp_path):
    by_key = system(tmp_path, "key,label\na,1\n", "key", key="key")
    with pytest.raises(InputError, match="labels by session, but the logs were cut into windows"):
        read_labels(by_key, sequences([0, 1]))
    by_line = system(tmp_path, "line,label\n0,1\n", "line", key="line")
    with pytest.raises(InputError, match="labels by line, but a row of the logs is a whole sequen"):
        read_labels(by_line, whole_rows(2))


def test_no_labels_and_no_file(tmp_path):
    bare = System("shop", "shop", Path("shop.log"))
    with pytest.raises(InputError, match="shop: no labels; give them by --labels=shop=FILE"):
        read_labels(bare, whole_rows(1))
    gone = system(tmp_path, "", "row")
    gone.labels.path.unlink()
    with pytest.raises(InputError, match=r"l\.csv: no such file"):
        read_labels(gone, whole_rows(1))


def test_a_source_teaches_both_classes():
    check_source("shop", np.array([0, 1, 0]))
    with pytest.raises(InputError, match="shop: a source without a single anomalous sequence"):
        check_source("shop", np.array([0, 0]))
    with pytest.raises(InputError, match="shop: a source without a single normal sequence"):
        check_source("shop", np.array([1]))


def test_few_labelled_are_a_share_of_each_class_and_at_least_one():
    labels = np.repeat([0, 1], [300, 5])
    rows = few_labelled(labels, 0.01, seed=0)
    assert len(rows) == 3 + 1
    assert labels[rows].sum() == 1
    assert (rows == few_labelled(labels, 0.01, seed=0)).all()
    assert (few_labelled(labels, 1.0, seed=0) == np.arange(305)).all()
