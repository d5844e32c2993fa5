"""Source code as knowledge: which paths are, what it tells of templates, what a detector keeps."""

from dataclasses import replace

import numpy as np
import pytest
from rows import sequences, unique
from tiny_chats import tiny_model
from tiny_general import TEXTS, fit, untrained

from glx.cli.main import main
from glx.data.load import LogParser
from glx.embed.alarm import AUTHORS, meanings
from glx.embed.embed import EmbedConfig
from glx.errors import InputError
from glx.generallog.detector import expert_input
from glx.generallog.prompt import PromptConfig, writer
from glx.generallog.questions import collapse
from glx.generallog.route import route
from glx.llm import chat
from glx.parse.miner import Miner
from glx.runs import detectors
from glx.sequences import Templates
from glx.statements.known import KnownConfig, known_statements, parted
from glx.zerolog.detector import ZeroLogConfig, unusual

SOURCE = """
import logging
log = logging.getLogger(__name__)

def serve(session, disk):
    log.debug("session opened for %s", session)
    log.info("session closed")
    log.error("disk %s failed", disk)
    log.critical("pump %s is on fire", disk)
"""


@pytest.fixture
def code(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "code").mkdir()
    (tmp_path / "code/serve.py").write_text(SOURCE)
    (tmp_path / "code/README.md").write_text("- anomalous: no note\n")
    return tmp_path / "code"


def test_a_folder_with_sources_is_no_folder_of_notes(code, tmp_path):
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "runbook.md").write_text("- normal: session closed\n")
    archive = tmp_path / "code.tar.gz"
    archive.touch()
    given = [str(path) for path in (code, notes, notes / "runbook.md", archive)]
    assert parted(given) == ([code, archive], [notes, notes / "runbook.md"])


def test_without_source_code_nothing_changes():
    assert known_statements(KnownConfig()) is None
    with pytest.raises(InputError, match="--log_calls=loud"):
        known_statements(KnownConfig(log_calls=("loud",)))


def test_what_authors_called_severe_reads_worse(code):
    config, texts = (
        EmbedConfig("tfidf", cache_dir=None),
        [*TEXTS, "WARN session closed", "WARN disk <*> failed"],
    )
    plain = meanings(texts, config)
    known = meanings(texts, config, statements=known_statements(KnownConfig((str(code),))))
    assert plain.levels.tolist() == [0, 0, 0, 0, 1, 1]
    assert known.levels.tolist() == [0, 0, 2, 0, 1, 1]
    added = [AUTHORS[0], AUTHORS[0], AUTHORS[2], 0, AUTHORS[1], AUTHORS[1]]
    np.testing.assert_allclose(known.alarm - plain.alarm, added, atol=1e-6)
    assert [known.origin(v) for v in range(4)] == [
        ["logged as debug at serve.py:6 in serve"],
        ["logged as info at serve.py:7 in serve"],
        ["logged as error at serve.py:8 in serve"],
        [],
    ]
    unread = meanings(texts, config, False, known_statements(KnownConfig((str(code),))))
    assert not unread.alarm.any()
    assert (known + known).origin(6 + 2) == known.origin(2)


def test_a_statement_that_only_resembles_a_template_gives_no_level(code):
    config, texts = (
        EmbedConfig("tfidf", cache_dir=None),
        ["pump <*> is cold", "old pump <*> is on fire"],
    )
    (code / "serve.py").write_text('log.critical("the old pump %s is on fire", pump)')
    known = meanings(texts, config, statements=known_statements(KnownConfig((str(code),))))
    assert known.origin(1) == ["probably logged as fatal at serve.py:1"]
    assert known.levels.tolist() == [0, 0]
    np.testing.assert_array_equal(known.alarm, meanings(texts, config).alarm)


@pytest.fixture
def fitted(code):
    base = replace(untrained(), statements=known_statements(KnownConfig((str(code),))))
    return fit(base, "proprietary", known_sources=False)


def test_a_detector_keeps_statements_for_templates_to_come(fitted, tmp_path):
    reader = LogParser(Miner(Templates(TEXTS, np.ones(4, dtype=np.int64))), None, None)
    detectors.save(tmp_path / "d", fitted, reader, {})
    again, _ = detectors.load(tmp_path / "d")
    new = ["pump <*> is on fire"]
    assert again.understand(new).origin(0) == ["logged as fatal at serve.py:9 in serve"]
    assert again.understand(new).levels.tolist() == [3]
    detectors.save(tmp_path / "bare", fit(untrained()), reader, {})
    bare, _ = detectors.load(tmp_path / "bare")
    assert bare.understand(new).origins == []


def test_reasons_and_prompts_say_where_an_event_is_logged(fitted, tmp_path):
    place, known = "logged as error at serve.py:8 in serve", fitted.understand(TEXTS)
    judged = fitted.judge(sequences([0, 2, 1]), known)
    assert judged.reasons[0].startswith(place)
    assert f'"disk <*> failed"; {place}; ' in unusual(fitted.zerolog.profile, known, 2)
    asked = unique([0, 2, 1])
    routed = route(fitted.router, asked, known.vectors)
    inputs = expert_input(fitted, asked, known, fitted.habits(known), routed, np.arange(1))
    form = chat.load(tiny_model("chatml", tmp_path))
    questions = collapse(inputs, "sequence")
    write = writer(inputs, questions, form, PromptConfig())
    event = TEXTS.index("disk <*> failed")
    ((_, _), (_, text)), _ = write(questions.events.tolist().index(event))
    assert f"failed</event> <source>{place}</source>\n" in text


def test_statements_as_a_table(code, capsys):
    assert main(["statements", str(code), "--log_calls=getLogger:info"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[:2] == [
        "text,level,place,function,language",
        "session opened for <*>,DEBUG,serve.py:6,serve,Python",
    ]
    assert "4 log statements (Python 4)" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no folder is given"),
        (["nowhere"], "nowhere: no such file or folder"),
        (["empty"], "empty: no log statement in 0 source files; read are Python, Java, Scala,"),
        (["bad.zip"], "bad.zip: cannot be unpacked"),
        (["code", "--log_calls=f"], "--log_calls=f: give the name"),
    ],
)
def test_bad_input_of_the_command(words, message, code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 and no more")
    assert main(["statements", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_run_refuses_what_it_cannot_use(code, tmp_path):
    parser = LogParser(Miner(Templates(TEXTS, np.ones(4, dtype=np.int64))), None, None)
    said = []
    ZeroLogConfig(known=KnownConfig((str(code),))).prepare(parser, said.append)
    assert said == ["4 distinct log statements in the source code; 3 of 4 templates come from them"]
    notes = ZeroLogConfig(known=KnownConfig((str(tmp_path / "notes.md"),)))
    with pytest.raises(InputError, match=r"notes\.md: no such file or folder"):
        notes.prepare(parser, said.append)
    (tmp_path / "notes.md").touch()
    with pytest.raises(InputError, match=r"notes\.md: holds no source code"):
        notes.prepare(parser, said.append)


def test_one_source_file(code):
    assert parted([str(code / "serve.py")]) == ([code / "serve.py"], [])
    known = known_statements(KnownConfig((str(code / "serve.py"),)))
    assert known.table["place"].to_list() == [f"serve.py:{n}" for n in (6, 7, 8, 9)]
