"""`glx mcp`, asked by the client of the official package."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from glx.cli.main import main
from glx.report import remarks

LOG = ["order=7 opened", "password: sesame", "order=7 refused", *(f"later {n}" for n in range(50))]
ROW = {
    "file": "shop.log", "key": "7", "first_line": 0, "last_line": 2, "score": 0.9,
    "anomalous": True, "route": None, "evidence": [{"line": 2, "weight": 1.0, "text": "refused"}],
    "cause": {"id": "11111111", "lacks": False, "text": "refused"},
}  # fmt: skip


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """`ask(*calls, flags)`: what the server answers, each a text and whether it is an error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.log").write_text("\n".join(LOG) + "\n")
    (tmp_path / "found.jsonl").write_text(json.dumps(ROW) + "\n")
    (tmp_path / "detector").mkdir()
    (tmp_path / "detector/detector.json").write_text("{}")
    root = str(Path(__file__).parents[2])

    async def session(calls, flags):
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "glx", "mcp", "found.jsonl", *flags],
            env={"PYTHONPATH": root, "JAX_PLATFORMS": "cpu", "HOME": str(tmp_path)},
        )
        async with stdio_client(server) as (read, write), ClientSession(read, write) as client:
            await client.initialize()
            names = {tool.name for tool in (await client.list_tools()).tools}
            found = [await client.call_tool(name, given) for name, given in calls]
            return names, [(one.content[0].text, bool(one.is_error)) for one in found]

    def asked(*calls, flags=("--detector=detector",)):
        return asyncio.run(asyncio.wait_for(session(calls, flags), 60))

    return asked


def test_an_agent_asks_and_says(ask, tmp_path):
    names, (listed, shown, lines, noted, muted, again) = ask(
        ("list_causes", {}),
        ("show_cause", {"id": "11111111"}),
        ("show_lines", {"id": "11111111", "around": 10}),
        ("note_cause", {"id": "11111111", "text": "card of a test"}),
        ("mute_cause", {"id": "11111111"}),
        ("list_causes", {"tokens": 200}),
    )
    assert names == {"list_causes", "show_cause", "show_lines", "note_cause", "mute_cause"}
    assert not any(error for _, error in (listed, shown, lines, noted, muted, again))
    assert "1 of 1 sequences flagged" in listed[0]
    assert "> 2  order=7 refused" in shown[0]
    assert ("later 9" in lines[0], "later 11" in lines[0]) == (True, False)
    assert "sesame" not in listed[0] + shown[0] + lines[0]
    kept = remarks.read(tmp_path / "remarks.yaml")["11111111"]
    assert (kept.text, kept.muted, kept.note) == ("refused", True, "card of a test")
    assert "muted: refused" in again[0]


def test_what_cannot_be_answered_is_said_and_the_server_goes_on(ask, tmp_path):
    _, found = ask(
        ("show_cause", {"id": "nothing"}),
        ("note_cause", {"id": "22222222", "text": "x"}),
        ("show_cause", {}),
        ("list_causes", {}),
    )
    assert [error for _, error in found] == [True, True, True, False]
    assert "nothing" in found[0][0]
    assert "22222222" in found[1][0]
    (tmp_path / "shop.log").write_text("other\n")
    _, found = ask(("mute_cause", {"id": "11111111"}), ("show_lines", {"id": "11111111"}), flags=())
    assert [error for _, error in found] == [True, True]
    assert "--detector" in found[0][0]


@pytest.mark.parametrize(("words", "what"), [([], "name one"), (["none.jsonl"], "none.jsonl")])
def test_what_is_refused(ask, words, what, capsys):
    assert main(["mcp", *words]) == 2
    assert what in capsys.readouterr().err
