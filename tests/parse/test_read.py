"""Files to blocks and records: every kind of file, every kind of damage."""

import gzip
import io
import tarfile

import polars as pl
import pytest
import zstandard
from raw_files import tarred, write

from glx.errors import InputError
from glx.parse.events import collect
from glx.parse.header import layout_of
from glx.parse.layout import Layout
from glx.parse.read import ReadCounts, blocks, open_text, without_lone_surrogates
from glx.parse.records import records

SIX = b"one 1\ntwo 22\n\nthree 333\r\nf\xffour\nf\0ive"
PACKS = pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, bytes])


def read(path, layout=Layout(), **options) -> tuple[pl.DataFrame, list[str], ReadCounts]:  # noqa: B008
    counts = ReadCounts()
    frame, texts = collect(records(path, layout, counts, **options))
    return frame, [texts[i] for i in frame["text"]], counts


def test_damaged_lines_are_repaired_and_counted(tmp_path):
    frame, texts, counts = read(write(tmp_path, SIX))
    assert texts == ["one <*>", "two <*>", "three <*>", "f\ufffdour", "five"]
    assert frame["line"].to_list() == [0, 1, 3, 4, 5]  # an empty line keeps its number
    assert counts == ReadCounts(lines=6, empty=1, invalid_utf8=1, nul=1, crlf=1)
    _, texts, counts = read(write(tmp_path, b"fine line of text\n" * 9 + b"\0\xff\n"))
    assert (len(texts), counts.nul, counts.invalid_utf8) == (10, 1, 1)


@PACKS
def test_archives_are_recognised_by_their_content(tmp_path, pack):
    assert read(write(tmp_path, pack(SIX)))[1][0] == "one <*>"
    assert read(write(tmp_path, pack(b"a\n") + pack(b"b\n")))[1] == ["a", "b"]  # several frames
    with open_text(write(tmp_path, pack(b"a,b\n1,2\n"))) as file:
        assert (file.readline(), file.read()) == (b"a,b\n", b"1,2\n")


def test_standard_input(monkeypatch):
    buffer = io.BufferedReader(io.BytesIO(b"a 1\nb 2\n"))
    monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": buffer}))
    assert read("-")[1] == ["a <*>", "b <*>"]


def test_a_line_of_10_mb_is_cut(tmp_path):
    path = write(tmp_path, b"a\n" + b"x" * 10_000_000 + b"\nb 7\n")
    for size in (1 << 16, 1 << 20, 1 << 24):
        parts = list(blocks(path, size))
        assert max(map(len, parts)) <= max(size, 1 << 20) + (1 << 20) + 8 or size == 1 << 24
    frame, texts, counts = read(path)
    assert [len(text) for text in texts] == [1, 1 << 20, 5]
    assert frame["line"].to_list() == [0, 1, 2]
    assert (counts.lines, counts.overlong) == (3, 1)
    _, texts, counts = read(write(tmp_path, b"x" * (1 << 20) + b"\ny"))  # the longest kept whole
    assert ([len(t) for t in texts], counts.overlong) == ([1 << 20, 1], 0)


@pytest.mark.parametrize("size", [1, 7, 20, 64, 100, 1 << 20])
def test_blocks_are_whole_lines_of_any_size(tmp_path, size):
    parts = list(blocks(write(tmp_path, SIX), size))
    assert b"".join(parts) == SIX
    assert all(part.endswith(b"\n") for part in parts[:-1])
    quoted = write(tmp_path, b'a,"x\ny"\n' * 40)  # a quoted line break ends no block
    assert all(part.count(b'"') % 2 == 0 for part in blocks(quoted, size, True))


LINES = {"a.log": b"line 123\n" * 9999}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (bytes(range(256)) * 20, "not a text file"),
        (gzip.compress(b"line\n" * 9999, mtime=0)[:-20], "cut short"),
        (zstandard.compress(b"line 123\n" * 9999)[:-5], "cut short"),
        (zstandard.compress(b"line 123\n" * 9999)[:20] + b"damage" * 9, "damaged"),
        (gzip.compress(b"line\n" * 999, mtime=0)[:12] + b"damage" * 9, "damaged"),
        (tarred(LINES, "w", tarfile.GNU_FORMAT), "a tar archive"),
        (tarred(LINES), "a tar archive"),
        (zstandard.compress(tarred(LINES, "w")), "a tar archive"),
    ],
)
def test_what_is_no_log_is_refused_in_one_sentence(tmp_path, data, message):
    with pytest.raises(InputError, match=rf"^\S+a\.log: .*{message}") as e:
        read(write(tmp_path, data))
    assert "\n" not in str(e.value)


def test_missing_file_and_directory(tmp_path):
    for path, message in ((tmp_path / "absent.log", "no such file"), (tmp_path, "a directory")):
        with pytest.raises(InputError, match=message):
            open_text(path)


HDFS = Layout(
    header=r"^(?P<time>\d{6} \d{6}) \d+ (?P<level>[A-Z]+) [^ ]+: (?P<text>.*)$",
    time_format="%y%m%d %H%M%S",
    session=r"blk_-?\d+",
)


def test_header_time_level_and_key(tmp_path):
    path = write(
        tmp_path,
        b"081109 203518 143 INFO dfs.DataNode: Receiving block blk_-16 src: /10.0.0.1:5 x\n"
        b"081109 203519 3 warn no header of this layout\n"
        b"081109 203519 3 WARN dfs.DataNode: blk_17 and blk_18\n",
    )
    frame, texts, counts = read(path, HDFS)
    assert texts == [
        "Receiving block blk_<*> src: <*> x",
        "<*> warn no header of this layout",
        "WARN blk_<*> and blk_<*>",
    ]
    assert frame["key"].to_list() == ["blk_-16", "blk_-16", "blk_17"]
    assert frame["level"].to_list() == ["INFO", "INFO", "WARN"]
    assert frame["time"].to_list() == [1226262918.0, 1226262919.0, 1226262919.0]
    assert (counts.no_header, counts.joined, counts.no_session) == (0, 1, 0)
    assert read(path)[2].no_session == 0  # none was asked for


def test_times_without_a_year_keep_their_order(tmp_path):
    layout = Layout(
        header=r"^(?P<time>\w+ +\d+ [\d:]+) (?P<text>.*)$", time_format="%b %e %H:%M:%S"
    )
    lines = ["Feb 29 10:00:00 a", "Dec 31 23:59:59 a", "Jan  1 00:00:01 b", "Dec 31 23:59:59 late"]
    time = read(write(tmp_path, "\n".join(lines)), layout)[0]["time"].to_list()
    assert time[2] - time[1] == 2.0
    assert time[3] == time[1]


def test_jsonl(tmp_path):
    layout = Layout(
        "jsonl", text="msg", time=("@ts",), level="lvl", time_format="epoch", session="id"
    )
    path = write(
        tmp_path,
        b'{"msg": "took 5 ms", "@ts": 1700000000123, "lvl": "info", "id": "a"}\n'
        b"{broken 12\n\n"
        b'{"msg": "two\\nlines", "lvl": "error", "id": 7}\n',
    )
    frame, texts, counts = read(path, layout)
    assert texts == ["took <*>", "{broken <*>", "ERROR two lines"]
    assert frame["time"].to_list() == [1700000000.123, None, None]
    assert frame["level"].to_list() == ["INFO", None, "ERROR"]
    assert frame["key"].to_list() == ["a", None, "7"]
    assert frame["line"].to_list() == [0, 1, 3]
    assert (counts.broken_json, counts.empty, counts.lines) == (1, 1, 4)


TABLE = Layout(
    "csv",
    text="message",
    time=("date", "time"),
    time_format="%y%m%d %H%M%S",
    level="level",
    session="id",
)
HEADER = b"id,label,date,time,level,message\n"


def test_table_with_quoted_texts_and_a_label_that_never_enters(tmp_path):
    rows = b'b1,0,081109,203518,INFO,"a, ""b"" 5"\nb2,1,081109,203519,WARN,"two\nlines, 6"\nb3,1\n'
    frame, texts, counts = read(write(tmp_path, HEADER + rows), TABLE)
    assert texts == ['a, "b" <*>', "WARN two"]
    assert frame.columns == ["line", "text", "key", "time", "level"]
    assert frame["key"].to_list() == ["b1", "b2"]
    assert frame["time"].to_list() == [1226262918.0, 1226262919.0]
    assert (counts.lines, counts.empty) == (3, 1)


@pytest.mark.parametrize("row", [b"", b"# a note", b"b0", b'"b,0"', b"b0,1"])
@pytest.mark.parametrize("size", [1, 40, 1 << 20])
def test_short_rows_anywhere_in_a_table(tmp_path, row, size):
    whole = b"b1,0,081109,203518,INFO,came 5\n"
    rows = [row + b"\n", whole, whole, row + b"\n", row + b"\n", whole]
    frame, texts, counts = read(write(tmp_path, HEADER + b"".join(rows)), TABLE, size=size)
    assert (texts, frame["line"].to_list()) == (["came <*>"] * 3, [1, 2, 5])
    assert (counts.lines, counts.empty) == (6, 3)


def test_a_table_whose_rows_all_lack_the_last_column(tmp_path):
    frame, _, counts = read(write(tmp_path, b"id,text,more\n1,a\n2,b\n"), Layout("csv"))
    assert (frame["line"].to_list(), counts.lines) == ([0, 1], 2)


def test_table_without_quotes(tmp_path):
    layout = Layout("csv", text="line", separator="\t", quote=False, session="id")
    frame, texts, _ = read(write(tmp_path, b'id\tline\ns1\ta "quote\ns2\tb 1\n'), layout)
    assert texts == ['a "quote', "b <*>"]
    assert frame["key"].to_list() == ["s1", "s2"]


@pytest.mark.parametrize(
    ("data", "layout", "message"),
    [
        (b'id,text\n"1,a\n2,b\n', Layout("csv"), "not a readable table .* quotes"),
        (b'id,text\n1,"a\n2,b\n', Layout("csv"), "not a readable table .* quotes"),
        (b'id,text\n1,a\n"2,b\n', Layout("csv"), "not a readable table .* quotes"),
        (b"id,text\n1,a\n", TABLE, "line 1: no column 'message'; the columns are id, text"),
        (b"a\n", Layout(session="("), "--session"),
        (b"a\n", Layout(header="("), "the header"),
    ],
)
def test_what_does_not_fit_the_layout(tmp_path, data, layout, message):
    with pytest.raises(InputError, match=rf"a\.log: {message}"):
        read(write(tmp_path, data), layout)


@PACKS
def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path, pack):
    path = write(tmp_path, pack(b"\xef\xbb\xbfmessage,time\ncame 5,2024-05-01 10:00:00\n"))
    frame, texts, _ = read(path, layout_of(path))
    assert (texts, frame["time"].to_list()) == (["came <*>"], [1714557600.0])
    assert read(write(tmp_path, pack(b"\xef\xbb\xbfa 1\n")))[1] == ["a <*>"]


TEXT = "".join(
    f"2024-05-01 10:00:0{n % 10} INFO caf\u00e9 {n} \u65e5\U0001f600\n" for n in range(2000)
)


@pytest.mark.parametrize("size", [13, 1 << 20])
@pytest.mark.parametrize(
    "raw",
    [
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.replace("\n", "\r\n").encode("utf-16"),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace("\n", "\r").encode("utf-16-le"),
        gzip.compress(TEXT.encode("utf-16")),
    ],
)
def test_encodings_and_line_ends(tmp_path, raw, size):
    path = write(tmp_path, raw)
    whole = b"".join(blocks(path, size)).replace(b"\r\n", b"\n")
    assert whole.decode() == TEXT
    frame, texts, counts = read(path, layout_of(path))
    assert texts == ["caf\u00e9 <*> \u65e5\U0001f600"] * 2000
    assert (frame["line"].to_list(), frame["time"][8]) == ([*range(2000)], 1714557608.0)
    assert (counts.lines, counts.invalid_utf8, counts.nul) == (2000, 0, 0)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (rb'"\uD83D\ude00"', rb'"\uD83D\ude00"'),  # a character in two halves
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\ude00"', rb'"\ufffd"'),
        (rb'"C:\\ud83d"', rb'"C:\\ud83d"'),  # an escaped backslash
    ],
)
def test_halves_of_characters(raw, text):
    assert without_lone_surrogates(raw) == text


HOLE = bytes(3 << 20)
FORMS = {
    "lines": TEXT,
    "jsonl": '{"ts": "2024-05-01T10:00:00Z", "level": "info", "msg": "came 1"}\n' * 99,
    "csv": "time,level,message\n" + "2024-05-01 10:00:00,INFO,came 1\n" * 99,
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_nul_bytes_of_any_number_take_the_place_of_no_line(text, encoding, tmp_path):
    """As where a log was emptied while its program wrote on, or power was lost."""
    raw = text.encode(encoding)
    middle = len(text[: len(text) // 2].encode(encoding))
    layout = layout_of(write(tmp_path, raw))
    whole = read(write(tmp_path, raw), layout)
    for damaged in (HOLE + raw, bytes(2) + raw, raw[:middle] + HOLE + raw[middle:], raw + HOLE):
        path = write(tmp_path, gzip.compress(damaged, compresslevel=1))
        assert layout_of(path) == layout
        frame, texts, counts = read(path, layout)
        assert (texts, counts.lines - counts.empty) == (whole[1], whole[2].lines)
        assert frame["line"].equals(whole[0]["line"])
    with pytest.raises(InputError, match="not a text file"):
        read(write(tmp_path, HOLE))
