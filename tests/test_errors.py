"""The one style of messages: `where: what is wrong; what to do next`, without a full stop."""

import ast
from pathlib import Path

GLX = Path(__file__).parents[1] / "glx"
ERRORS = ("InputError", "OutsideError", "Paused")


def messages(tree: ast.AST):
    """The text that each error's message ends in, where that is a literal, and its line."""
    for node in ast.walk(tree):
        name = getattr(getattr(node, "func", None), "id", None)
        if name in ERRORS and node.args:
            last = node.args[0]
            if isinstance(last, ast.JoinedStr):
                last = last.values[-1]
            if isinstance(last, ast.Constant):
                yield last.value, node.lineno


def test_a_full_stop_is_found():
    found = messages(ast.parse('raise InputError(f"{path}: no" " file.")'))
    assert [text.endswith(".") for text, _ in found] == [True]


def test_no_message_ends_in_a_full_stop():
    assert [
        (path.name, line)
        for path in GLX.rglob("*.py")
        for text, line in messages(ast.parse(path.read_text()))
        if text.endswith(".")
    ] == []
