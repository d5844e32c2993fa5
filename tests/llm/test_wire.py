"""How answers of both endpoints are read: literal JSON in, probabilities out."""

import json
from math import exp

import pytest
from faulty import WORDS, question

from glx.llm import wire
from glx.llm.request import Answer, ChoiceTokens

Q = question(0)


def completion(text, top=({"token_id:10": -0.5, "token_id:11": -2.0},), **changes):
    logprobs = {"tokens": ["token_id:10", "token_id:2"], "top_logprobs": list(top)}
    choice = {"index": 0, "text": text, "finish_reason": "stop", "logprobs": logprobs} | changes
    return {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}


def chat(text, tops, **changes):
    content = [
        {"token": "token_id:10", "top_logprobs": [{"token": t, "logprob": p} for t, p in top]}
        for top in tops
    ]
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "logprobs": {"content": content}} | changes
    return {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}


def read(body, words=WORDS) -> Answer:
    return wire.read_answers(body, [Q], words)[Q.key]


def test_both_endpoints_say_the_same():
    p = exp(-2.0) / (exp(-2.0) + exp(-0.5))
    answer = read(completion("normal"))
    assert answer == Answer(pytest.approx(p, abs=1e-15), True, "normal", 9, 2)
    tops = [[("token_id:10", -0.5), ("token_id:11", -2.0)]]
    assert read(chat("normal", tops)).p == answer.p
    assert read(chat("normal", tops)).certain


def test_the_words_part_at_their_place():
    top = [{"token_id:5": 0.0}, {"token_id:10": -1.0, "token_id:11": -1.0}]
    assert read(completion("normal", top), ChoiceTokens(1, 10, 11)).p == 0.5


@pytest.mark.parametrize(
    "top",
    [
        [{"token_id:10": -0.5, "token_id:12": -2.0}],
        [{"token_id:10": -0.5, "token_id:11": -9999.0}],
        [{"token_id:10": -0.5, "token_id:11": float("-inf")}],
        [{"token_id:10": -0.5, "token_id:11": float("nan")}],
        [{"token_id:10": -0.5, "token_id:11": None}],
        [{"normal": -0.5, "anomalous": -2.0}],
        [{"token_id:x": -0.5}],
        [None],
        [],
    ],
)
@pytest.mark.parametrize(("text", "p"), [("normal", 0.0), ("anomalous", 1.0)])
def test_without_both_log_probabilities_the_choice_alone_counts(top, text, p):
    body = json.loads(json.dumps(completion(text, top)))
    assert read(body) == Answer(p, False, text, 9, 2)


@pytest.mark.parametrize("logprobs", [None, {}, {"content": None}, {"content": [{}]}, 3, "x"])
def test_without_log_probabilities_at_all(logprobs):
    answer = read(completion(" anomalous\n", logprobs=logprobs))
    assert (answer.p, answer.certain) == (1.0, False)


@pytest.mark.parametrize("text", ["", None, "Normal?", "normal anomalous", "norm", 5, ["normal"]])
def test_other_text_is_an_abstention(text):
    tops = [[("token_id:10", -0.5), ("token_id:11", -2.0)]]
    assert read(completion(text)).p is None
    assert read(chat(text, tops)).p is None
    assert read(chat(text, tops, message=None)).p is None


def test_extreme_log_probabilities():
    def p(a, n):
        return read(completion("normal", [{"token_id:10": n, "token_id:11": a}])).p

    assert (p(0.0, -5000.0), p(-5000.0, 0.0), p(-800.0, -800.0)) == (1.0, 0.0, 0.5)
    assert p(-1.0, -2.0) + p(-2.0, -1.0) == 1.0


@pytest.mark.parametrize("body", [None, [], {}, {"choices": None}, {"error": "x"}, "x"])
def test_what_is_no_response(body):
    with pytest.raises(ValueError, match="no list of choices"):
        wire.read_answers(body, [Q], WORDS)


def test_what_was_broken_off_is_no_answer():
    with pytest.raises(ValueError, match="broke"):
        read(completion("", finish_reason="abort"))
    body = completion("normal")
    body["choices"] += completion("", finish_reason="error", index=1)["choices"]
    two = [question(0), question(1)]
    assert wire.read_answers(body, two, WORDS).keys() == {two[0].key}


def test_answers_of_a_list_go_by_their_index_and_share_its_tokens():
    requests = [question(n) for n in (1, 2, 3)]
    texts = {0: "normal", 1: "anomalous", 2: "normal"}
    body = {
        "choices": [completion(texts[n], index=n)["choices"][0] for n in (2, 0, 1)],
        "usage": {"prompt_tokens": 100, "completion_tokens": 6},
    }
    answers = wire.read_answers(body, requests, WORDS)
    assert [answers[r.key].text for r in requests] == ["normal", "anomalous", "normal"]
    assert [answers[r.key].tokens_in for r in requests] == [33, 33, 34]
    assert [answers[r.key].tokens_out for r in requests] == [2, 2, 2]


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (10, [1, 1, 2], [2, 3, 5]),
        (6, [1, 2, 3], [1, 2, 3]),
        (7, [0, 0], [3, 4]),
        (None, [1, 2], [0, 0]),
        (-3, [1], [0]),
        (5, [0, 1], [0, 5]),
    ],
)
def test_shared(total, weights, parts):
    assert wire.shared(total, weights) == parts


SURE = Answer(0.25, True, "normal", 9, 2)
OTHER = Answer(None, False, "Normal.", 9, 2)
WHY = Answer(None, False, "the disk failed", 9, 2)


@pytest.mark.parametrize(
    ("answers", "kind", "kept"),
    [
        ([SURE, OTHER, wire.NO_ANSWER], "choice", [SURE]),
        ([OTHER, wire.NO_ANSWER], "choice", []),
        ([WHY, wire.NO_ANSWER], "reason", [WHY]),
        ([], "choice", []),
    ],
)
def test_what_may_be_kept(answers, kind, kept):
    assert list(wire.keep(dict(enumerate(answers)), kind).values()) == kept


@pytest.mark.parametrize("logprob", [0.0, -9.0])
def test_log_probabilities_of_other_words_do_not_count(logprob):
    answer = read(completion("Anomalous.", [{"token_id:10": logprob, "token_id:11": -3.0}]))
    assert answer == Answer(1.0, False, "anomalous", 9, 2)


@pytest.mark.parametrize("index", [1, -1, "0", 0.0, True, False, [0]])
def test_a_single_answer_of_another_question(index):
    with pytest.raises(wire.Mixed):
        read(completion("normal", index=index))


def test_a_single_answer_needs_no_index():
    body = completion("normal")
    del body["choices"][0]["index"]
    assert read(body).text == "normal"


def test_texts_are_kept_short_and_harmless():
    assert wire.one_line("a\n\tb\x1b[31m\u202e\ud800 c") == "a b[31m c"
    assert len(wire.one_line("x" * 10**6)) == 400
