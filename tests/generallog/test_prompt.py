"""Prompts written out, and prompts that have to be cut to the number of tokens allowed."""

import numpy as np
import pytest
from expert_inputs import expert_input
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_chats import CHATS

from glx.config import check
from glx.errors import InputError
from glx.generallog.entries import EVENT, NOTE, Entry
from glx.generallog.prompt import REASON_QUESTION, SYSTEM, PromptConfig, reason_messages, writer
from glx.generallog.questions import collapse
from glx.llm.request import CHOICES

TEXTS = [
    "Receiving block <*> src: <*>",
    "parity error <*> corrected",
    "PacketResponder <*> terminating",
    "login user=bob password=hunter2",
]
KNOWN = [
    Entry("disk <*> failed", EVENT, "sim_vms", "anomalous", normal=1, anomalous=12),
    Entry("ECC corrected", EVENT, "sim_ras", "normal", normal=40, note="harmless below 10 a day"),
    Entry("what the operators wrote", NOTE, "runbook", note="see page 4"),
]


def of(rows, texts, similarity):
    share = np.linspace(0, 0.25, len(texts))
    return expert_input(rows, texts, similarity=similarity, tau=0.2, share=share)


def written(format_, rows, texts, similarity, known=(), **settings):
    """Messages and dropped of the one question on `rows`, and of its reason."""
    config = PromptConfig(**settings)
    inputs = of(rows, texts, similarity)
    questions = collapse(inputs, config.context)
    assert len(questions) == 1
    return writer(inputs, questions, format_, config)(0, known)


def tokens(format_, messages):
    requests = [messages, *(reason_messages(messages, choice) for choice in CHOICES)]
    return max(format_.count(format_.render(m)) for m in requests)


FEW = 4000  # more tokens than any prompt below takes
ROW = [0, 0, 1, 2, 2, 2, 3] + 12 * [0]
LIKE = [0.9, 0.1, 0.8, 0.7]


def test_a_whole_prompt(chats):
    messages, dropped = written(
        chats["chatml"], [ROW], TEXTS, LIKE, KNOWN, context="sequence", prompt_tokens=FEW
    )
    assert messages == (
        ("system", SYSTEM),
        (
            "user",
            """\
Known events of other systems, the most similar first:
1. <event>disk * failed</event> in <system>sim_vms</system>: anomalous; in 12 anomalous and 1 \
normal sequences
2. <event>ECC corrected</event> in <system>sim_ras</system>: normal; in 0 anomalous and 40 normal \
sequences; <note>harmless below 10 a day</note>
3. <event>what the operators wrote</event> in <system>runbook</system>: no label; \
<note>see page 4</note>
Events of the system in question, in order; the one to judge is marked >>>:
- <event>Receiving block * src: *</event> (several times in a row)
>>> <event>parity error * corrected</event>
- <event>PacketResponder * terminating</event> (several times in a row)
- <event>login user=bob password=[masked password]</event>
- <event>Receiving block * src: *</event> (10 or more in a row)
The marked event is in 8.3 % of this system's sequences.
Is it normal or anomalous?""",
        ),
    )
    assert dropped == 0


def test_by_default_secrets_are_masked_and_neighbours_shown(chats):
    messages, _ = written(chats["chatml"], [[2, 3, 1, 0]], TEXTS, LIKE, prompt_tokens=FEW)
    assert messages[1][1].splitlines() == [
        "Events of the system in question, in order; the one to judge is marked >>>:",
        "- <event>login user=bob password=[masked password]</event>",
        ">>> <event>parity error * corrected</event>",
        "- <event>Receiving block * src: *</event>",
        "The marked event is in 8.3 % of this system's sequences.",
        "Is it normal or anomalous?",
    ]


def test_secrets_are_shown_on_demand_alone(chats):
    known = [Entry("password=hunter3", EVENT, "a", note="token=abc123")]
    for redact in (True, False):
        messages, _ = written(
            chats["chatml"], [[3, 1]], TEXTS, LIKE, known, redact=redact, prompt_tokens=FEW
        )
        for secret in ("hunter2", "hunter3", "abc123"):
            assert (secret in messages[1][1]) is not redact


def test_a_secret_cut_by_a_zero_width_space_is_masked_before_that_is_shown(chats):
    texts = ["password=hun\u200bter2"]
    messages, _ = written(chats["chatml"], [[0]], texts, [0.0], prompt_tokens=FEW)
    assert "ter2" not in messages[1][1]


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "none of"),
        (1e-6, "less than 0.01 % of"),
        (0.00123, "0.12 % of"),
        (0.0996, "10 % of"),
        (0.9999, "100 % of"),
    ],
)
def test_the_share_is_told(chats, share, words):
    inputs = of([[0]], ["a"], [0.0])
    inputs.share[0] = share
    write = writer(inputs, collapse(inputs, "event"), chats["chatml"], PromptConfig(FEW))
    assert f"The marked event is in {words} this system's sequences." in write(0, ())[0][1][1]


@pytest.mark.parametrize("name", CHATS)
def test_questions_on_one_event_begin_the_same(chats, name):
    texts = [f"event {i}" for i in range(4)]
    inputs = of([[0, 1, 2], [3, 1, 2], [2, 1, 0]], texts, [0.9, 0.1, 0.8, 0.7])
    write = writer(inputs, collapse(inputs, "neighbours"), chats[name], PromptConfig(FEW))
    rendered = [chats[name].render(write(q, KNOWN)[0]) for q in range(3)]
    other = chats[name].render(write(0, KNOWN[:1])[0])
    knowledge = rendered[0][: rendered[0].index("Events of the system in question")]
    assert all(text.startswith(knowledge) for text in rendered)
    instructions = knowledge[: knowledge.index("Known events")]
    assert SYSTEM in instructions
    assert other.startswith(instructions)


def test_why_goes_on_from_the_question(chats):
    messages, _ = written(chats["chatml"], [[1]], TEXTS, LIKE, prompt_tokens=FEW)
    answered = (*messages, ("assistant", "normal"))
    assert reason_messages(messages, "normal") == (*answered, ("user", REASON_QUESTION))
    assert "\n" not in REASON_QUESTION


def events_shown(messages):
    return [
        line.split("<event>")[1].split("</event>")[0]
        for line in messages[1][1].split("Events of the system")[1].splitlines()
        if "<event>" in line
    ]


def known_shown(messages):
    return sum(line[0].isdigit() for line in messages[1][1].splitlines())


def test_the_most_familiar_events_go_first_then_the_least_similar_known(chats):
    format_ = chats["chatml"]
    texts = [f"event number {i} of the system in question, and so on" for i in range(5)]
    given = ([[0, 1, 2, 3, 4]], texts, [0.9, 0.5, 0.1, 0.8, 0.6], KNOWN)
    whole, _ = written(format_, *given, context="sequence", prompt_tokens=FEW)
    seen = []
    for limit in range(tokens(format_, whole), 0, -4):  # an event is more than four tokens
        try:
            messages, dropped = written(format_, *given, context="sequence", prompt_tokens=limit)
        except InputError:  # no room for 20 characters
            break
        assert tokens(format_, messages) <= limit
        shown = [text[13:14] for text in events_shown(messages)]
        state = (" ".join(shown), known_shown(messages), dropped)
        if state not in seen[-1:]:
            seen.append(state)
    assert seen == [
        ("0 1 2 3 4", 3, 0),
        ("1 2 3 4", 3, 1),
        ("1 2 4", 3, 2),
        ("1 2", 3, 3),
        ("2", 3, 4),
        ("2", 2, 4),
        ("2", 1, 4),
        ("2", 0, 4),
        ("2", 0, 5),  # its text is cut
    ]


def test_what_was_left_out_is_told(chats):
    texts = [f"event number {i} of the system" for i in range(40)]
    row = list(range(40))
    messages, dropped = written(
        chats["chatml"], [row], texts, [0.9] * 39 + [0.1], context="sequence", prompt_tokens=900
    )
    assert 0 < dropped < 39
    assert f"({dropped} familiar events left out)" in messages[1][1].splitlines()
    assert events_shown(messages) == texts[dropped:]


@pytest.mark.parametrize("name", CHATS)
@pytest.mark.parametrize("giant", ["x" * 100_000, "word " * 20_000, "<" * 3_000, "é😀\u200b" * 900])
def test_one_giant_text_is_cut(chats, name, giant):
    limit = 900
    messages, dropped = written(chats[name], [[0]], [giant], [0.1], KNOWN, prompt_tokens=limit)
    assert limit - 60 <= tokens(chats[name], messages) <= limit
    (text,) = events_shown(messages)
    assert text.endswith("…")
    assert len(text) > 20
    assert dropped == 1


def test_a_giant_neighbour_goes_and_a_giant_note_too(chats):
    texts = ["a" * 5000, "parity error"]
    known = [Entry("short", EVENT, "a"), Entry("long", EVENT, "b", note="!? " * 1000)]
    messages, dropped = written(
        chats["chatml"], [[0, 1]], texts, [0.9, 0.1], known, prompt_tokens=900
    )
    assert events_shown(messages) == ["parity error"]
    assert dropped == 1
    assert known_shown(messages) == 1


@settings(max_examples=40, deadline=None)
@given(
    row=st.lists(st.integers(0, 4), min_size=1, max_size=30),
    texts=st.lists(st.text(max_size=200), min_size=5, max_size=5),
    note=st.text(max_size=300),
    limit=st.integers(750, 1400),
    name=st.sampled_from(list(CHATS)),
)
def test_no_prompt_exceeds_its_tokens(chats, row, texts, note, limit, name):
    known = [Entry(note, NOTE, note, "normal", 1, 2, note=note)] * 2
    similarity = [0.3, 0.4, 0.5, 0.6, 0.7]
    given_ = ([row], texts, similarity, known)
    messages, dropped = written(chats[name], *given_, context="sequence", prompt_tokens=limit)
    assert tokens(chats[name], messages) <= limit
    assert 0 <= dropped <= len(row)
    assert messages[1][1].count(">>> <event>") == 1


def test_too_few_tokens_for_anything(chats):
    with pytest.raises(InputError, match=r"--prompt_tokens=300: too few for the fixed part"):
        written(chats["chatml"], [[1]], TEXTS, LIKE, prompt_tokens=300)


@pytest.mark.parametrize("wrong", [PromptConfig(255), PromptConfig(context="all")])
def test_settings_out_of_bounds(wrong):
    with pytest.raises(InputError, match=r"--(prompt_tokens|context)="):
        check(wrong)
