"""Files of event numbers and their template tables, at once and as a stream."""

import gzip
from dataclasses import replace

import numpy as np
import pytest
import zstandard

from glx.data import numbered, systems
from glx.data.systems import Numbered
from glx.errors import InputError
from glx.parse.read import ReadCounts

TEMPLATES = """\
EventId,EventTemplate
E5,[*]Receiving block[*]src: [*]
E2,"Verification, failed"
E11,Deleting block <*>
"""
# As in bgl: known by aligning, known with the help of labels, not known.
SOURCES = """\
event_id,lines,id_source,template
7,3,aligned,data TLB error
3,2,inferred,rts panic!
1000,1,unresolved,
1001,1,unresolved,
"""


@pytest.fixture
def spec(tmp_path) -> Numbered:
    (tmp_path / "templates.csv").write_text(TEMPLATES)
    return Numbered("sequence", tmp_path / "templates.csv", ("EventId", "EventTemplate"), True)


@pytest.fixture
def of_bgl(tmp_path) -> Numbered:
    (tmp_path / "bgl.csv").write_text(SOURCES)
    return Numbered("event_id", tmp_path / "bgl.csv", ("event_id", "template"), False)


def in_blocks(n):
    """In place of `blocks`: `n` lines at a time."""

    def blocks(path):
        lines = path.read_bytes().splitlines(keepends=True)
        return (b"".join(lines[i : i + n]) for i in range(0, len(lines), n))

    return blocks


def write(tmp_path, text: str, name: str = "a.csv", pack=lambda data: data):
    path = tmp_path / name
    path.write_bytes(pack(text.encode("utf-8", "surrogateescape")))
    return path


def rows(found) -> list[list[int]]:
    bounds = zip(found.offsets, found.offsets[1:], strict=False)
    return [found.ids[a:b].tolist() for a, b in bounds]


def test_template_table(spec):
    numbers, texts = numbered.read_templates(spec, inferred_text=False)
    assert numbers.tolist() == [2, 5, 11]  # ids follow the numbers, E11 after E5
    assert texts == [
        "Verification, failed",
        "<*>Receiving block<*>src: <*>",
        "Deleting block <*>",
    ]


def test_events_without_a_text_of_their_own_stay_distinct(of_bgl):
    numbers, texts = numbered.read_templates(of_bgl, inferred_text=False)
    assert numbers.tolist() == [3, 7, 1000, 1001]
    assert texts == ["unknown event", "data TLB error", "unknown event", "unknown event"]
    _, texts = numbered.read_templates(of_bgl, inferred_text=True)
    assert texts == ["rts panic!", "data TLB error", "unknown event", "unknown event"]


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress, zstandard.compress])
def test_rows_that_are_sequences(tmp_path, spec, pack):
    path = write(tmp_path, "label,sequence\n0,5 5 11\n1,2\n0,11 2\n", pack=pack)
    found = numbered.read_sequences(path, spec, np.array([2, 5, 11]), ReadCounts())
    assert rows(found) == [[1, 1, 2], [0], [2, 0]]
    assert found.first_line.tolist() == found.last_line.tolist() == [0, 1, 2]
    assert (found.lines, found.keys, found.ids.dtype) == (None, None, np.int32)


def test_key_of_a_sequence(tmp_path, spec):
    path = write(tmp_path, 'vm,sequence\nx,5\n"y,z",2\n')
    found = numbered.read_sequences(
        path, replace(spec, key="vm"), np.array([2, 5, 11]), ReadCounts()
    )
    assert found.keys.tolist() == ["x", "y,z"]


def test_spaces_around_and_between_numbers(tmp_path, spec):
    path = write(tmp_path, "sequence\r\n 5  5\t11 \r\n2\r\n")
    found = numbered.read_sequences(path, spec, np.array([2, 5, 11]), ReadCounts())
    assert rows(found) == [[1, 1, 2], [0]]


def test_rows_that_are_events(tmp_path, of_bgl):
    path = write(tmp_path, "event_id,label\n7,0\n1001,1\n7,0\n3,1\n")
    events = numbered.read_events(path, of_bgl, np.array([3, 7, 1000, 1001]), ReadCounts())
    assert events.ids.tolist() == [1, 3, 1, 0]
    assert events.lines.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("labels", ["0 1 0", "1 1 1", "x - é", None])
@pytest.mark.parametrize("size", [1, 99])
def test_the_label_column_is_never_read(tmp_path, of_bgl, labels, size, monkeypatch):
    monkeypatch.setattr(numbered, "blocks", in_blocks(size))
    ids = [7, 1001, 3]
    if labels is None:
        text = "event_id\n" + "".join(f"{i}\n" for i in ids)
    else:
        marks = zip(labels.split(" "), ids, strict=True)
        text = "label,event_id\n" + "".join(f"{mark},{i}\n" for mark, i in marks)
    path, numbers = write(tmp_path, text), np.array([3, 7, 1000, 1001])
    assert numbered.read_events(path, of_bgl, numbers, ReadCounts()).ids.tolist() == [1, 3, 0]
    parts = list(numbered.numbered_blocks(path, "event_id", numbers, ReadCounts()))
    assert [i for part in parts for i in part.ids.tolist()] == [1, 3, 0]


def both_ways(path, spec, numbers):
    """Read at once, then as a stream."""
    yield lambda: numbered.read_sequences(path, spec, numbers, ReadCounts())
    column = numbered.numbered_column(path) or spec.column
    yield lambda: list(numbered.numbered_blocks(path, column, numbers, ReadCounts()))


@pytest.mark.parametrize("size", [1, 99])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("label,sequence\n0,5\n0,5 2\n1,2 9 5\n", "line 4: event '9' is not in the template table"),
        ("label,sequence\n0,5\n0,5 five\n", "line 3: 'five' is not an event number"),
        ("label,sequence\n0,5\n\n0,\0\n0,2 \0x\n", "line 5: 'x' is not an event number"),
        (b"label,sequence\n0,2 \xff\n".decode("utf-8", "surrogateescape"), "line 2: '\ufffd' is"),
        ("label,sequence\n0,5 2.5\n", "line 2: '2.5' is not an event number"),
        ("label,sequence\n", "no row below the header"),
        ("label,sequence", "no row below the header"),
        ("label,sequence\n\n0,\n", "no row below the header"),
    ],
)
def test_what_is_wrong_and_in_which_line(tmp_path, spec, text, message, size, monkeypatch):
    monkeypatch.setattr(numbered, "blocks", in_blocks(size))
    path = write(tmp_path, text)
    for read in both_ways(path, spec, np.array([2, 5, 11])):
        with pytest.raises(InputError, match=message) as e:
            read()
        assert str(path) in str(e.value)


DIRTY = (  # an empty and a short row first and later, a byte that is no UTF-8, a NUL, a CR
    b"\n0\n0,5 5\n\xff,2\n  \n# more\n0,11 \x002\r\n0,\n0,5\n",
    [[1, 1], [0], [2, 0], [1]],
    [2, 3, 6, 8],
)


@pytest.mark.parametrize("size", [1, 2, 3, 99])
def test_dirty_rows_are_survived_and_counted(tmp_path, spec, size, monkeypatch):
    monkeypatch.setattr(numbered, "blocks", in_blocks(size))
    data, expected, lines = DIRTY
    path, numbers = tmp_path / "a.csv", np.array([2, 5, 11])
    path.write_bytes(b"\xef\xbb\xbflabel,sequence\n" + data)
    for whole in (True, False):
        counts = ReadCounts()
        if whole:
            parts = [numbered.read_sequences(path, spec, numbers, counts)]
        else:
            assert numbered.numbered_column(path) == "sequence"
            parts = list(numbered.numbered_blocks(path, "sequence", numbers, counts))
        assert [row for part in parts for row in rows(part)] == expected
        assert [n for part in parts for n in part.first_line.tolist()] == lines
        assert counts == ReadCounts(lines=9, empty=5, invalid_utf8=1, nul=1, crlf=1)


def test_keys_and_events_beside_empty_rows(tmp_path, spec):
    path, numbers = write(tmp_path, "vm,sequence\n\nx,5\n\ny,2\n"), np.array([2, 5, 11])
    found = numbered.read_sequences(path, replace(spec, key="vm"), numbers, ReadCounts())
    assert (found.keys.tolist(), found.first_line.tolist()) == (["x", "y"], [1, 3])
    events = numbered.read_events(path, spec, numbers, ReadCounts())
    assert (events.ids.tolist(), events.lines.tolist()) == ([1, 0], [1, 3])


@pytest.mark.parametrize("size", [1, 99])
@pytest.mark.parametrize(
    ("rows_", "line"),
    [('0,"5\n', 2), ('0,5\n0,"5\n', 3), ('\n0,5"\n', 3)],
)
def test_a_quote_that_nobody_closed(tmp_path, spec, rows_, line, size, monkeypatch):
    monkeypatch.setattr(numbered, "blocks", in_blocks(size))
    path = write(tmp_path, "label,sequence\n" + rows_)
    for read in both_ways(path, spec, np.array([2, 5, 11])):
        with pytest.raises(InputError, match=rf"a\.csv: line {line}: "):
            read()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("EventId,EventTemplate\nE1,a\nbad,b\n", "line 3: no event number in column 'EventId'"),
        ("EventId,EventTemplate\nE1,a\nE2,b\n1,c\n", "line 4: event 1 is there twice"),
        ("EventId,EventTemplate\n", "no row below the header"),
        ("EventId,Text\nE1,a\n", "no column 'EventTemplate'; the columns are EventId, Text"),
        ("", "the file is empty"),
    ],
)
def test_damaged_template_table(tmp_path, spec, text, message):
    spec.templates.write_text(text)
    with pytest.raises(InputError, match=message) as e:
        numbered.read_templates(spec, inferred_text=False)
    assert str(spec.templates) in str(e.value)


def test_missing_column(tmp_path, spec):
    path = write(tmp_path, "label,events\n0,5\n")
    with pytest.raises(InputError, match=r"line 1: no column 'sequence'; the columns are label, e"):
        numbered.read_sequences(path, spec, np.array([5]), ReadCounts())


def test_column_of_a_stream(tmp_path):
    def column(text):
        return numbered.numbered_column(write(tmp_path, text))

    assert column("label,sequence\n0,5\n") == "sequence"
    assert column('"event_id","label"\r\n5,0\n') == "event_id"
    assert column("Receiving block 5\n") is None
    assert column('a "quote that nobody closed, event\n') is None
    assert numbered.numbered_column("-") is None


@pytest.mark.parametrize("size", [1, 2, 7, 99])
def test_a_stream_of_blocks_of_any_size_equals_the_whole(tmp_path, spec, size, monkeypatch):
    monkeypatch.setattr(numbered, "blocks", in_blocks(size))
    values = [" ".join(["5", "2", "11"][: 1 + i % 3] * (i % 4 + 1)) for i in range(50)]
    path = write(
        tmp_path, "label,sequence\n" + "".join(f"{i % 2},{v}\n" for i, v in enumerate(values))
    )
    numbers, counts = np.array([2, 5, 11]), ReadCounts()
    whole = numbered.read_sequences(path, spec, numbers, ReadCounts())
    parts = list(numbered.numbered_blocks(path, "sequence", numbers, counts))
    assert [row for part in parts for row in rows(part)] == rows(whole)
    assert [n for part in parts for n in part.first_line.tolist()] == list(range(50))
    assert counts.lines == 50


@pytest.mark.data
def test_the_real_tables(data_dir):
    known = systems.known(data_dir)
    expected = {"hdfs": (29, 0), "bgl": (258, 64), "openstack_loghub": (92, 0)}
    for name, (n, unknown) in expected.items():
        numbers, texts = numbered.read_templates(known[name].numbered, inferred_text=False)
        assert (len(numbers), texts.count("unknown event")) == (n, unknown), name
    numbers, texts = numbered.read_templates(known["bgl"].numbered, inferred_text=True)
    assert {text for i, text in zip(numbers, texts, strict=True) if i >= 1000} == {"unknown event"}
