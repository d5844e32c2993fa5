"""Batch files: what is written can be worked off by anyone, and its answers equal those of chat."""

import json
from dataclasses import replace

import pytest
from faulty import WORDS, Faulty, question, work_off

from glx.errors import InputError
from glx.llm import batch, wire
from glx.llm.answer_cache import AnswerCache
from glx.llm.client import ask
from glx.llm.server import LLMConfig

FIVE = [question(n) for n in range(5)]
NONE = wire.NO_ANSWER


@pytest.fixture
def responses(tmp_path):
    """Writes lines and gives the path."""
    batch.write(FIVE, tmp_path / "prompts.jsonl")

    def write(change=lambda lines: lines, end="\n"):
        path = tmp_path / "responses.jsonl"
        path.write_text("\n".join(change(work_off(tmp_path / "prompts.jsonl"))) + end)
        return path

    return write


def test_a_line_is_a_chat_request_named_by_its_key(tmp_path):
    batch.write([FIVE[3]], tmp_path / "prompts.jsonl")
    assert json.loads((tmp_path / "prompts.jsonl").read_text()) == {
        "custom_id": FIVE[3].key,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": wire.chat_body(FIVE[3]),
    }


def test_distinct_requests_once_in_order_and_nothing_half_written(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text("old")
    odd = replace(FIVE[0], messages=(("user", "\u2028\n\ud800"),))
    batch.write([FIVE[2], odd, FIVE[2]], path)
    keys = [
        json.loads(line)["custom_id"] for line in path.read_bytes().decode("ascii").split("\n")[:-1]
    ]
    assert keys == [FIVE[2].key, odd.key]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("said", [None, "", "who knows"])
def test_answers_equal_those_of_the_chat_endpoint(said, tmp_path):
    with Faulty(said=said) as server, AnswerCache(None) as cache:
        config = LLMConfig(llm_url=server.url, llm_endpoint="chat")
        asked, _ = ask(FIVE, WORDS, config, cache)
    batch.write(FIVE, tmp_path / "prompts.jsonl")
    path = tmp_path / "responses.jsonl"
    path.write_text("\n".join(work_off(tmp_path / "prompts.jsonl", said)))
    assert batch.read(path, FIVE, WORDS) == asked


def test_order_and_other_lines_do_not_matter(responses):
    expected = batch.read(responses(), FIVE, WORDS)
    other = work_off_one(question(77))
    mixed = responses(lambda lines: ["", other, *reversed(lines), "  "])
    assert batch.read(mixed, FIVE, WORDS) == expected
    assert batch.read(mixed, FIVE[:2], WORDS).keys() == {r.key for r in FIVE[:2]}


def work_off_one(request) -> str:
    return json.dumps({"custom_id": request.key, "response": None, "error": "e"})


@pytest.mark.parametrize(
    "bad",
    [
        {"response": None, "error": {"message": "too long"}},
        {"response": {"status_code": 400, "body": {"error": {"message": "no"}}}, "error": None},
        {"response": {"status_code": 200, "body": None}, "error": None},
        {"response": {"status_code": 200, "body": {"choices": []}}, "error": None},
        {"response": "x"},
        {},
    ],
)
def test_an_error_is_an_abstention(bad, responses):
    line = json.dumps({"custom_id": FIVE[1].key} | bad)
    answers = batch.read(responses(lambda lines: [lines[0], line, *lines[2:]]), FIVE, WORDS)
    assert [answers[r.key] == NONE for r in FIVE] == [False, True, False, False, False]


def test_of_several_lines_the_last_counts(responses):
    failed = work_off_one(FIVE[0])
    assert batch.read(responses(lambda lines: [failed, *lines]), FIVE, WORDS)[FIVE[0].key].certain
    late = batch.read(responses(lambda lines: [*lines, failed]), FIVE, WORDS)
    assert late[FIVE[0].key] == NONE


def test_missing_responses(responses):
    with pytest.raises(InputError, match=rf"responses\.jsonl: .*{FIVE[3].key}"):
        batch.read(responses(lambda lines: lines[:3]), FIVE, WORDS)


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda lines: [*lines[:4], lines[4][:100]], 5),  # cut off
        (lambda lines: [lines[0], "nonsense", *lines[1:]], 2),
        (lambda lines: ["[1]", *lines], 1),
        (lambda lines: ["{}", *lines], 1),
        (lambda lines: ["\x00", *lines], 1),
    ],
)
def test_lines_that_are_no_responses(spoil, line, responses):
    with pytest.raises(InputError, match=rf"responses\.jsonl: line {line}: "):
        batch.read(responses(spoil, end=""), FIVE, WORDS)


def test_files_that_are_none(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\x00\x80")
    for path in (tmp_path / "gone.jsonl", tmp_path, tmp_path / "binary"):
        with pytest.raises(InputError, match=path.name):
            batch.read(path, FIVE, WORDS)
