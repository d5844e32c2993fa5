"""Lists in YAML are read as they are written, and every mistake is named with its line."""

from pathlib import Path

import pytest
import yaml

from glx import yaml_list
from glx.errors import InputError

PATH = Path("a.yaml")


def test_items_and_keys_as_they_are_written():
    one, two, three = yaml_list.items("- 007\n- {a: yes, b: ~, c: [x]}\n-\n", PATH, "things")
    assert [yaml_list.text_of(node) for node in (one, two, three)] == ["007", None, None]
    found = yaml_list.keys(two, PATH, ("a", "b", "c"))
    assert {key: yaml_list.text_of(value) for key, (_, value) in found.items()} == {
        **{"a": "yes", "b": None, "c": None},
    }
    assert found["c"][0] == "a.yaml: line 2"
    assert (yaml_list.line_of(three), yaml_list.items("# nothing", PATH, "things")) == (3, [])


def test_half_a_character_is_replaced():
    text = r'- "\ud83d\ude00 \ud83d \ude00\ud83d"'
    [node] = yaml_list.items(text, PATH, "things")
    assert yaml_list.text_of(node) == "\U0001f600 \ufffd \ufffd\ufffd"


def test_a_tag_makes_no_object():
    [node] = yaml_list.items("- !!python/object/apply:os.getcwd []", PATH, "things")
    assert isinstance(node, yaml.SequenceNode)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b", "line 1: must be a list of things, each behind a `-`"),
        ("- x\n- 'y\n", "line 3: not YAML"),
        ("- x\n- \x07", r"line 2: not YAML \(a control character\)"),
        ("[" * 1500, "nested too deeply; give a plain list of things"),
        ("- b: 1", "line 1: b: an unknown key; there are a"),
        ("-\n  a: 1\n  a: 2", "line 3: a is given twice"),
    ],
)
def test_mistakes(text, message):
    with pytest.raises(InputError, match=f"^a.yaml: {message}"):
        yaml_list.keys(yaml_list.items(text, PATH, "things")[0], PATH, ["a"])


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe- x")
    for name, message in (("b.yaml", "is not UTF-8 text"), ("none.yaml", "cannot be read")):
        with pytest.raises(InputError, match=message):
            yaml_list.read_text(tmp_path / name)
