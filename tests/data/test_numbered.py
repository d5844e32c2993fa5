"""Files of event numbers and their template tables, at once and as a stream."""

import gzip
from dataclasses import replace

import numpy as np
import pytest
import zstandard
from raw_files import in_blocks, write

from glx.data import numbered, systems
from glx.data.systems import LOGHUB, OURS, Numbered
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
NUMBERS, BGL_NUMBERS = np.array([2, 5, 11]), np.array([3, 7, 1000, 1001])
SIZES = pytest.mark.parametrize("size", [1, 2, 3, 7, 99])  # lines in a block


@pytest.fixture
def spec(tmp_path) -> Numbered:
    return Numbered("sequence", write(tmp_path, TEMPLATES, "templates.csv"), LOGHUB, True)


@pytest.fixture
def of_bgl(tmp_path) -> Numbered:
    return Numbered("event_id", write(tmp_path, SOURCES, "bgl.csv"), OURS, False)


def both_ways(path, spec, numbers):
    """Functions that read at once and as a stream, and what they count."""
    column = numbered.numbered_column(path) or spec.column
    for read in (
        lambda counts: [numbered.read_sequences(path, spec, numbers, counts)],
        lambda counts: list(numbered.numbered_blocks(path, column, numbers, counts)),
    ):
        counts = ReadCounts()
        yield (lambda read=read, counts=counts: read(counts)), counts


def rows(parts) -> tuple[list[list[int]], list[int]]:
    """The ids of each row, and its line."""
    ids = [ids.tolist() for part in parts for ids in part]
    return ids, [line for part in parts for line in part.first_line.tolist()]


@pytest.mark.parametrize(
    ("table", "inferred", "numbers", "texts"),
    [
        (  # ids follow the numbers, E11 after E5
            "spec", False, [2, 5, 11],
            ["Verification, failed", "<*>Receiving block<*>src: <*>", "Deleting block <*>"],
        ),
        (  # events without a text of their own stay distinct
            "of_bgl", False, [3, 7, 1000, 1001],
            ["unknown event", "data TLB error", "unknown event", "unknown event"],
        ),
        (
            "of_bgl", True, [3, 7, 1000, 1001],
            ["rts panic!", "data TLB error", "unknown event", "unknown event"],
        ),
    ],
)  # fmt: skip
def test_template_table(request, table, inferred, numbers, texts):
    found = numbered.read_templates(request.getfixturevalue(table), inferred_text=inferred)
    assert (found[0].tolist(), found[1]) == (numbers, texts)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_rows_that_are_sequences(tmp_path, spec, pack):
    path = write(tmp_path, pack(b'vm,sequence\r\nx, 5  5\t11 \r\n"y,z",2\r\nx,11 2\r\n'))
    found = numbered.read_sequences(path, replace(spec, key="vm"), NUMBERS, ReadCounts())
    assert rows([found]) == ([[1, 1, 2], [0], [2, 0]], [0, 1, 2])
    assert found.last_line.tolist() == [0, 1, 2]
    assert (found.keys.tolist(), found.lines, found.ids.dtype) == (["x", "y,z", "x"], None, "int32")


@pytest.mark.parametrize("labels", ["0 1 0 1", "1 1 1 1", "x - é 0", None])
@SIZES
def test_rows_that_are_events_and_labels_that_are_never_read(
    tmp_path, of_bgl, labels, size, monkeypatch
):
    monkeypatch.setattr(numbered, "blocks", in_blocks(size))
    ids = ["event_id", "7", "1001", "7", "3"]
    marks = ["label", *labels.split()] if labels else []
    lines = [f"{mark},{i}" for mark, i in zip(marks, ids, strict=True)] if labels else ids
    path = write(tmp_path, "\n".join(lines))
    events = numbered.read_events(path, of_bgl, BGL_NUMBERS, ReadCounts())
    assert (events.ids.tolist(), events.lines.tolist()) == ([1, 3, 1, 0], [0, 1, 2, 3])
    parts = numbered.numbered_blocks(path, "event_id", BGL_NUMBERS, ReadCounts())
    assert rows([*parts]) == ([[1], [3], [1], [0]], [0, 1, 2, 3])


@SIZES
@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("label,sequence\n0,5\n0,5 2\n1,2 9 5\n", "line 4: event '9'"),
        ("label,sequence\n0,5\n0,5 five\n", "line 3: 'five'"),
        ("label,sequence\n0,5\n\n0,\0\n0,2 \0x\n", "line 5: 'x'"),
        ("label,sequence\n0,2 \udcff\n", "line 2: '\ufffd'"),
        ("label,sequence\n0,5 2.5\n", "line 2: '2.5'"),
        ("label,sequence\n", "no row"),
        ("label,sequence", "no row"),
        ("label,sequence\n\n0,\n", "no row"),
        ('label,sequence\n0,"5\n', "line 2: "),  # a quote without its partner
        ('label,sequence\n0,5\n0,"5\n', "line 3: "),
        ('label,sequence\n\n0,5"\n', "line 3: "),
    ],
)
def test_what_is_wrong_and_in_which_line(tmp_path, spec, text, where, size, monkeypatch):
    monkeypatch.setattr(numbered, "blocks", in_blocks(size))
    for read, _ in both_ways(write(tmp_path, text), spec, NUMBERS):
        with pytest.raises(InputError, match=rf"a\.log: {where}"):
            read()


@SIZES
def test_dirty_rows_are_survived_and_counted(tmp_path, spec, size, monkeypatch):
    """An empty and a short row first and later, a byte that is no UTF-8, a NUL, a CR."""
    monkeypatch.setattr(numbered, "blocks", in_blocks(size))
    data = b"\n0\n0,5 5\n\xff,2\n  \n# more\n0,11 \x002\r\n0,\n0,5\n"
    path = write(tmp_path, b"\xef\xbb\xbflabel,sequence\n" + data)
    assert numbered.numbered_column(path) == "sequence"
    for read, counts in both_ways(path, spec, NUMBERS):
        assert rows(read()) == ([[1, 1], [0], [2, 0], [1]], [2, 3, 6, 8])
        assert counts == ReadCounts(lines=9, empty=5, invalid_utf8=1, nul=1, crlf=1)


def test_keys_and_events_beside_empty_rows(tmp_path, spec):
    path = write(tmp_path, "vm,sequence\n\nx,5\n\ny,2\n")
    found = numbered.read_sequences(path, replace(spec, key="vm"), NUMBERS, ReadCounts())
    assert (found.keys.tolist(), found.first_line.tolist()) == (["x", "y"], [1, 3])
    events = numbered.read_events(path, spec, NUMBERS, ReadCounts())
    assert (events.ids.tolist(), events.lines.tolist()) == ([1, 0], [1, 3])


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("EventId,EventTemplate\nE1,a\nbad,b\n", "line 3: .*'EventId'"),
        ("EventId,EventTemplate\nE1,a\nE2,b\n1,c\n", "line 4: event 1 "),
        ("EventId,EventTemplate\n", "no row"),
        ("EventId,Text\nE1,a\n", "line 1: no column 'EventTemplate'; .* EventId, Text"),
        ("", "the file is empty"),
    ],
)
def test_damaged_template_table(spec, text, where):
    spec.templates.write_text(text)
    with pytest.raises(InputError, match=rf"templates\.csv: {where}"):
        numbered.read_templates(spec, inferred_text=False)


def test_missing_column(tmp_path, spec):
    path = write(tmp_path, "label,events\n0,5\n")
    with pytest.raises(InputError, match=r"a\.log: line 1: no column 'sequence'; .* label, events"):
        numbered.read_sequences(path, spec, np.array([5]), ReadCounts())


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("label,sequence\n0,5\n", "sequence"),
        ('"event_id","label"\r\n5,0\n', "event_id"),
        ("Receiving block 5\n", None),
        ('a "quote without its partner, event\n', None),
    ],
)
def test_column_of_a_stream(tmp_path, text, column):
    assert numbered.numbered_column(write(tmp_path, text)) == column
    assert numbered.numbered_column("-") is None


@SIZES
def test_a_stream_of_blocks_of_any_size_equals_the_whole(tmp_path, spec, size, monkeypatch):
    monkeypatch.setattr(numbered, "blocks", in_blocks(size))
    values = [" ".join(["5", "2", "11"][: 1 + i % 3] * (i % 4 + 1)) for i in range(50)]
    lines = [f"{i % 2},{value}\n" for i, value in enumerate(values)]
    path = write(tmp_path, "label,sequence\n" + "".join(lines))
    (whole, _), (stream, counts) = both_ways(path, spec, NUMBERS)
    found = rows(stream())
    assert found == rows(whole())
    assert (found[1], counts.lines) == (list(range(50)), 50)


@pytest.mark.data
def test_the_real_tables(data_dir):
    known = systems.known(data_dir)
    expected = {"hdfs": (29, 0), "bgl": (258, 64), "openstack_loghub": (92, 0)}
    for name, (n, unknown) in expected.items():
        numbers, texts = numbered.read_templates(known[name].numbered, inferred_text=False)
        assert (len(numbers), texts.count("unknown event")) == (n, unknown), name
    numbers, texts = numbered.read_templates(known["bgl"].numbered, inferred_text=True)
    assert {text for i, text in zip(numbers, texts, strict=True) if i >= 1000} == {"unknown event"}
