"""A choice in other words: what is plain counts, what is not never does."""

import pytest

from glx.llm.plain import plain_choice

ANOMALOUS = [
    "Anomalous.", " anomaly", "**anomalous**", '{"verdict": "anomalous"}', "ANOMALOUS", "abnormal",
    '```json\n{"label": "Anomalous"}\n```', "Answer:\n\nanomalous", "It is an anomaly.",
    "<think>\nnormal? no\n</think>\n\nanomalous", "anomalous</s>", "<answer>anomalous</answer>",
    "The marked event is anomalous because the", "- anomalous", "anomalous anomalous",
    "Anomalous. The disk has failed.", "ａｎｏｍａｌｏｕｓ",
]  # fmt: skip
NORMAL = ["Normal", "Answer: normal", "'normal'", "Normal. No failure is shown", "normal!\n\n"]
NEITHER = [
    "", "Yes", "no", "not anomalous", "It isn't anomalous", "It isn’t anomalous", "non-anomalous",
    "no anomaly", "!anomalous", "¬ anomalous", "≠anomalous", "~~anomalous~~", "anomalous?",
    "normal or anomalous", "normal\nanomalous", "Normal. It is not an anomaly", "Anomalous. Not.",
    "Anomalous. It is not anomalous", "anomalous: false", '{"anomalous": false}', "anomalous 0%",
    '{"normal": 0.9, "anomalous": 0.1}', "is_anomalous: no", "<think>anomalous", "Normal? no",
    "Anormal", "anomal", "anormal", "正常", "аномальный", "unanomalous", "hardly anomalous",
    "nothing anomalous", "anomalous, not", "never anomalous", "The rest is anomalous, this is not",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "choice"),
    [(text, "anomalous") for text in ANOMALOUS]
    + [(text, "normal") for text in NORMAL]
    + [(text, None) for text in NEITHER],
)
def test_what_words_come_down_to(text, choice):
    assert plain_choice(text) == choice
