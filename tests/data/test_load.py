"""A small system from disk to sequences, parts and templates, in every shape a system has."""

import numpy as np
import pytest
from raw_files import write

from glx.data.load import DataConfig, Parsed, load
from glx.data.split import SplitConfig
from glx.data.systems import Numbered, System
from glx.errors import InputError
from glx.sequences import ADAPT, PARTS

# Two sessions to adapt on, one astride the cut, two to score; the last holds lines never seen.
LOG = """\
2024-01-01 10:00:00 INFO start vm=1
2024-01-01 10:00:01 INFO start vm=2
2024-01-01 10:00:02 INFO stop vm=1
2024-01-01 10:00:02 INFO no session here
2024-01-01 10:00:03 INFO stop vm=2

2024-01-01 10:00:04 INFO start vm=3
2024-01-01 10:00:05 INFO start vm=4
2024-01-01 10:00:06 INFO stop vm=3 after 9 tries
2024-01-01 10:00:07 INFO start vm=5
2024-01-01 10:00:08 INFO disk of vm=5 is full
2024-01-01 10:00:09 INFO stop vm=4
2024-01-01 10:00:10 INFO start vm=6
2024-01-01 10:00:11 INFO disk of vm=6 is full
"""
SESSIONS = DataConfig(session=r"vm=(\w+)")
WINDOWS = DataConfig(window=4, split=SplitConfig(gap_lines=2))


@pytest.fixture
def system(tmp_path) -> System:
    return System("cloud", write(tmp_path, LOG, "cloud.log"))


def parts(parsed: Parsed) -> str:
    """The first letter of the part of each sequence."""
    return "".join(PARTS[part][0] for part in parsed.part)


def test_sessions_of_a_raw_log(system):
    parsed = load(system, SESSIONS)
    found = parsed.sequences
    assert (found.keys.tolist(), parts(parsed)) == ([*"123456"], "aagttt")
    assert found.first_line.tolist() == [0, 1, 6, 7, 9, 12]
    assert found.last_line.tolist() == [2, 4, 8, 11, 10, 13]
    assert found.start[0] == 1704103200.0
    assert (found.end - found.start).tolist() == [2, 2, 2, 4, 1, 1]
    assert parsed.ordered
    assert (parsed.counts.lines, parsed.counts.empty, parsed.counts.no_session) == (14, 1, 1)
    assert [[parsed.parser.texts[i] for i in ids] for ids in found][2:5] == [
        ["start vm=<*>", "stop vm=<*> after <*> tries"],
        ["start vm=<*>", "stop vm=<*>"],
        ["start vm=<*>", "disk of vm=<*> is full"],
    ]


def test_templates_are_those_of_the_adapt_part(system):
    parsed = load(system, SESSIONS)
    assert parsed.templates.texts == ["start vm=<*>", "stop vm=<*>"]
    assert parsed.templates.counts.tolist() == [2, 2]  # lines of the adapt part
    # In the order of the file; the line of no session is known, though no sequence holds it.
    new = ["no session here", "stop vm=<*> after <*> tries", "disk of vm=<*> is full"]
    assert parsed.parser.texts == parsed.templates.texts + new
    assert parsed.parser.miner.templates.counts.tolist() == [2, 2, 0, 0, 0]
    assert parsed.sequences.ids.tolist() == [0, 1, 0, 1, 0, 3, 0, 1, 0, 4, 0, 4]


def test_what_comes_later_changes_nothing_before_it(system):
    before = load(system, SESSIONS)
    system.path.write_text(LOG.replace("disk of", "kernel panic on"))
    after = load(system, SESSIONS)
    assert after.templates.texts == before.templates.texts
    old = np.repeat(before.part == ADAPT, before.sequences.lengths)
    assert after.sequences.ids[old].tolist() == before.sequences.ids[old].tolist()


def test_transductive_adaptation_sees_everything(system):
    parsed = load(system, DataConfig(session=SESSIONS.session, protocol="transductive"))
    assert "disk of vm=<*> is full" in parsed.templates.texts
    assert parsed.templates.counts.sum() == 12
    assert parsed.parser.texts[: len(parsed.templates)] == parsed.templates.texts
    assert parsed.sequences.ids.max() < len(parsed.templates)
    assert parsed.part.tolist() == load(system, SESSIONS).part.tolist()


def test_a_source_is_learned_from_as_a_whole(system):
    parsed = load(system, SESSIONS, adapt_share=1.0)
    assert set(parsed.part) == {ADAPT}
    assert parsed.templates.counts.sum() == 12


def test_windows_of_a_raw_log(system):
    parsed = load(system, WINDOWS)
    # 13 events, cut at 6; line 5 of the file is empty and keeps its number.
    assert (parsed.sequences.lengths.tolist(), parts(parsed)) == ([4, 2, 2, 4, 1], "aagtt")
    assert parsed.sequences.first_line.tolist() == [0, 4, 7, 9, 13]
    assert (parsed.sequences.keys, parsed.parser.window) == (None, 4)

    system.path.write_text("event of a kind\n" * 250)
    parsed = load(system, DataConfig())  # of 20 lines
    assert parsed.sequences.lengths.tolist() == [20] * 6 + [5] + [20] * 5 + [20, 5]
    assert parts(parsed) == "aaaaaaagggggtt"


def numbered_system(tmp_path, column: str, rows: list[str]) -> System:
    """Rows beside a label."""
    templates = write(tmp_path, "id,text\n1,one\n2,two\n3,three [*]\n", "t.csv")
    path = write(tmp_path, "\n".join([f"label,{column}", *(f"0,{row}" for row in rows)]), "n.csv")
    whole = column == "sequence"
    spec = Numbered(column, templates, ("id", "text"), whole)
    return System("n", path, numbered=spec, window=None if whole else 2)


def test_sequences_of_numbers(tmp_path):
    rows = ["1 2" if i % 2 else "1 3 3" for i in range(10)]
    parsed = load(numbered_system(tmp_path, "sequence", rows), DataConfig())
    assert parts(parsed) == "ttaaataatt"  # the fixed permutation, whatever the seed of a run
    assert parsed.templates.counts.tolist() == [5, 2, 6]  # of rows 2, 4, 6 and 3, 7
    assert parsed.templates.texts == ["one", "two", "three <*>"]
    assert (parsed.ordered, parsed.sequences.start) == (False, None)
    assert parsed.parser.numbers.tolist() == [1, 2, 3]
    # The number of a row decides its part, not what it holds.
    other = load(numbered_system(tmp_path, "sequence", rows[::-1]), DataConfig())
    assert parts(other) == parts(parsed)


def test_stream_of_numbers(tmp_path):
    system = numbered_system(tmp_path, "event_id", [str(1 + i % 3) for i in range(10)])
    parsed = load(system, DataConfig(split=SplitConfig(gap_lines=1)))
    assert (parsed.sequences.lengths.tolist(), parts(parsed)) == ([2, 2, 1, 1, 2, 2], "aaagtt")
    assert parsed.templates.counts.tolist() == [2, 2, 1]
    assert parsed.ordered
    wider = load(system, DataConfig(window=5, split=SplitConfig(gap_lines=0)))
    assert wider.sequences.lengths.tolist() == [5, 5]


@pytest.mark.parametrize(
    ("text", "config", "where"),
    [
        (LOG, DataConfig(session="order=(.*)"), r"cloud\.log: .*--session=order="),
        (LOG, DataConfig(session="vm=("), r"cloud\.log: --session 'vm=\('"),
        (LOG, DataConfig(session="vm", window=5), "--session and --window"),
        (LOG, DataConfig(), "cloud: .*smaller --adapt_share"),
        ("start vm=a\n", SESSIONS, "cloud: .*one session"),
        ("\n\n", DataConfig(), r"cloud\.log: no line"),
        (LOG, DataConfig(format="jsonl"), r"cloud\.log: line 1: no JSON field"),
        (LOG, DataConfig(format="csv"), r"cloud\.log: line 1: no column"),
    ],
)
def test_what_cannot_be_learned_from(system, text, config, where):
    system.path.write_text(text)
    with pytest.raises(InputError, match=where):
        load(system, config)
