"""Rendered HDFS text reads back as the sequences it was made of."""

import numpy as np

from experiments.benchmarks import hdfs_text
from glx.data import numbered
from glx.data.load import LogParser
from glx.data.stream import stream
from glx.data.systems import BLOCK_ID, HDFS_HEADER, known
from glx.parse.layout import Layout
from glx.parse.miner import Miner
from glx.parse.read import ReadCounts
from glx.sequences import Sequences, Templates, csr_offsets

TEMPLATES = {
    5: "<*>Receiving block<*>src:<*>dest:<*>",
    11: "<*>PacketResponder<*>for block<*>terminating<*>",
    21: "<*>Deleting block<*>file<*>",
    22: "<*>BLOCK* NameSystem<*>allocateBlock:<*>",
    26: "<*>BLOCK* NameSystem<*>addStoredBlock: blockMap updated:<*>is added to<*>size<*>",
}
NUMBERS = np.array(list(TEMPLATES))


def sequences_of(*rows: list[int]) -> Sequences:
    lengths = np.array([len(row) for row in rows])
    at = np.arange(len(rows))
    ids = np.searchsorted(NUMBERS, np.concatenate(rows)).astype(np.int32)
    return Sequences(ids, csr_offsets(lengths), at, at)


def read_back(path, texts: list[str], numbers: np.ndarray) -> dict[str, list[int]]:
    layout = Layout(header=HDFS_HEADER, time_format="%y%m%d %H%M%S", session=BLOCK_ID)
    reader = LogParser(Miner(Templates(texts, np.ones(len(texts))), published=True), layout, None)
    found = {}
    for part in stream(path, reader, ReadCounts()):
        assert part.ids.max() < len(texts)  # nothing is new
        assert not set(part.keys) & set(found)  # nor torn
        for key, a, b in zip(part.keys, part.offsets, part.offsets[1:], strict=False):
            found[key] = numbers[part.ids[a:b]].tolist()
    return found


def test_lines_read_back_as_the_sequences_they_were_made_of(tmp_path):
    rows = [22, 5, 5, 11, 26], [5], [22, 5, 26, 11, 21, 21], [22, 5, 5, 11, 26]
    frames = list(hdfs_text.rendered(sequences_of(*rows), NUMBERS))
    path = tmp_path / "hdfs.log"
    lines = [line for frame in frames for line in frame["line"]]
    path.write_text("\n".join(lines) + "\n")

    found = read_back(path, list(TEMPLATES.values()), NUMBERS)

    assert [found[name] for name in hdfs_text.block_names(4)] == [*rows]
    assert lines[0].startswith("081109 203518 ")
    assert len({line.split("blk_")[1].split()[0] for line in lines[:4]}) > 1  # mixed


def test_fewer_lines_are_the_beginning(monkeypatch):
    monkeypatch.setattr(hdfs_text, "TOGETHER", 2)
    rows = sequences_of([22, 5, 11], [5, 26], [22, 5], [26])

    def lines(most: int | None) -> list[str]:
        frames = hdfs_text.rendered(rows, NUMBERS, most)
        return [line for frame in frames for line in frame["line"]]

    assert len(lines(None)) == 8
    assert lines(6) == lines(None)[:6]


def test_every_event_of_the_real_log_is_recovered(data_dir, tmp_path):
    system = known(data_dir)["hdfs"].numbered
    numbers, texts = numbered.read_templates(system, False)
    every = Sequences(
        np.arange(len(numbers)).astype(np.int32),
        np.array([0, len(numbers)]),
        np.zeros(1, int),
        np.zeros(1, int),
    )
    (frame,) = hdfs_text.rendered(every, numbers)
    path = tmp_path / "hdfs.log"
    frame.write_csv(path, include_header=False, quote_style="never")

    assert list(read_back(path, texts, numbers).values()) == [numbers.tolist()]
