"""Runbooks in YAML and Markdown become entries; every mistake in one is named with its line."""

import numpy as np
import pytest

from glx.errors import InputError
from glx.generallog import knowledge, notes
from glx.generallog.entries import NOTE, Entry

YAML = """\
- text: no space left on /dev/sda7, 512 bytes needed
  label: anomalous
  note: Page the team.
  system: blocks
- event: cache hit
  label: Normal
- text: power sync skipped
  note:
- {text: 2024 reboots}
"""
MARKDOWN = """\
# Storage runbook
## anomalous: no space left on `/dev/sda7`
Writes fail until somebody makes room.

- page the storage team
### What to run
```
# empty the cache
- normal: not a bullet
```
- **normal:** `cache hit`
## Everyday
- power sync skipped
  happens at night
1. Anomalous: lost contact
## Reboots
They come after updates.
# Normal: shutdown
"""


def note(text, label=None, system=None, more=None):
    return Entry(text, NOTE, system, label, note=more)


def read(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return notes.read(path)


def test_yaml_is_a_list_of_texts_with_labels_and_notes(tmp_path):
    assert read(tmp_path, "book.yaml", YAML) == [
        note(
            "no space left on <*>, <*> needed",
            "anomalous",
            "blocks",
            "Page the team.",
        ),
        note("cache hit", "normal"),
        note("power sync skipped"),
        note("<*> reboots"),
    ]


def test_markdown_has_an_entry_for_each_heading_and_bullet_that_says_something(tmp_path):
    steps = "\n".join(MARKDOWN.splitlines()[4:10])
    assert read(tmp_path, "book.md", MARKDOWN) == [
        note(
            "no space left on <*>",
            "anomalous",
            more=f"Writes fail until somebody makes room.\n\n{steps}",
        ),
        note("cache hit", "normal"),
        note("power sync skipped", more="happens at night"),
        note("lost contact", "anomalous"),
        note("Reboots", more="They come after updates."),
        note("shutdown", "normal"),
    ]


def test_a_folder_is_read_file_by_file_in_the_order_of_names(tmp_path):
    (tmp_path / "b.yml").write_text("- text: second\n")
    (tmp_path / "a.MD").write_text("- first\n")
    (tmp_path / "c.txt").write_text("- not notes\n")
    assert [entry.text for entry in notes.read(tmp_path)] == ["first", "second"]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.yaml", "text: x\n", 1),  # no list
        ("a.yaml", "- text: x\n- disk full\n", 2),  # an entry without keys
        ("a.yaml", "- text: x\n  lable: normal\n", 2),
        ("a.yaml", "- text: x\n  text: y\n", 2),
        ("a.yaml", "- text: [x]\n", 1),
        ("a.yaml", "- {text: x}\n- {note: x}\n", 2),
        ("a.yaml", "- text: x\n- text: y\n  label: bad\n", 2),
        ("a.yaml", "- text: x\n- text: 12\n", 2),  # an entry without a word
        ("a.yaml", "- text: x\n- text: 'y\n", 3),
        ("a.yaml", "- text: x\n- text: \x07\n", 2),
        ("a.yaml", "- text: x\n---\n- text: y\n", 2),
        ("a.yaml", "- &a [*a]\n", 1),
        ("a.yaml", "[" * 1500, None),
        ("a.yaml", "- !!python/object/apply:os.system ['true']\n", 1),
        ("a.yaml", "# nothing\n", None),
        ("a.md", "Only prose.\n", None),
        ("a.md", "- ok then\n- 0x1f\n", 2),
        ("a.txt", "- text: x\n", None),
    ],
)
def test_a_mistake_is_one_sentence_with_file_and_line(tmp_path, name, text, line):
    with pytest.raises(InputError) as error:
        read(tmp_path, name, text)
    where = "" if line is None else f" line {line}:"
    assert str(error.value).startswith(f"{tmp_path}/{name}:{where}")
    assert "\n" not in str(error.value)


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "a.md").write_bytes(b"- \xff\xfe\n")
    (empty := tmp_path / "empty").mkdir()
    for path in (tmp_path / "a.md", tmp_path / "none.yaml", empty):
        with pytest.raises(InputError, match=path.name):
            notes.read(path)


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        (
            "```\n# no\n- no\n```\n- one\n  - part of it\n* two\n12. twelve",
            ["one", "two", "twelve"],
        ),
        ("~~~\n```\n- no\n~~~\n- one", ["one"]),
        ("prose\n- one\n    - code\n> - quoted\n- \n---\n1) two", ["one", "two"]),
        ("<div>\n- one\n</div>\n\nNo heading\n===\n+ two", ["one", "two"]),
    ],
)
def test_what_begins_an_entry_in_markdown(tmp_path, text, entries):
    assert [entry.text for entry in read(tmp_path, "a.md", text)] == entries


def test_a_yaml_tag_runs_nothing(tmp_path):
    made = tmp_path / "made"
    tag = f"- text: !!python/object/apply:os.mkdir ['{made}']\n"
    with pytest.raises(InputError, match="must be a text"):
        read(tmp_path, "a.yaml", tag)
    assert not made.exists()


def test_notes_enter_the_knowledge(tmp_path):
    (tmp_path / "a.yaml").write_text("- {text: disk 7 is full, label: anomalous}\n")
    known = knowledge.build([Entry("start", "event", "s", "normal", 9, 1, 0.1)], np.eye(4)[:1])
    asked = []

    def encode(texts):
        asked.extend(texts)
        return np.eye(4, dtype=np.float32)[1:2]

    both = notes.with_notes(known, [tmp_path], encode)
    assert asked == ["disk <*> is full"]
    assert both.entries == (*known.entries, note("disk <*> is full", "anomalous"))
    _, rows = both.search(np.eye(4)[1:2], 1)
    assert rows.tolist() == [[1]]
    assert notes.with_notes(known, [], encode) is known
