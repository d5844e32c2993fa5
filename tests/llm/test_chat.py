"""Chat formats of tiny tokenizers, saved to a folder and loaded from it as a user's."""

import huggingface_hub
import pytest
from tiny_chats import CHATS, LLAMA, tiny_model, tiny_tokenizer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from glx.errors import InputError, OutsideError
from glx.llm import chat

MESSAGES = (("system", "You judge."), ("user", "Which?"))
WHY = (*MESSAGES, ("assistant", "normal"), ("user", "Why?"))


RENDERED = {
    "chatml": "<|im_start|>system\nYou judge.<|im_end|>\n<|im_start|>user\nWhich?<|im_end|>\n"
    "<|im_start|>assistant\n<think>\n\n</think>\n\n",
    "llama": "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n26 Jul 2024\n"
    "You judge.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nWhich?<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "mistral": "<s>[INST] You judge.\n\nWhich? [/INST]",
    "gemma": "<bos><start_of_turn>user\nYou judge.\n\nWhich?<end_of_turn>\n<start_of_turn>model\n",
    "deepseek": "<｜begin▁of▁sentence｜>You judge.<｜User｜>Which?<｜Assistant｜>",
}


@pytest.mark.parametrize("name", CHATS)
def test_messages_are_rendered_for_an_answer(chats, name):
    assert chats[name].render(MESSAGES) == RENDERED[name]


@pytest.mark.parametrize("name", CHATS)
def test_a_question_about_an_answer_begins_as_the_first_did(chats, name):
    first, second = chats[name].render(MESSAGES), chats[name].render(WHY)
    opened = first.split("<think>")[0]
    assert second.startswith(opened)
    assert "normal" in second[len(opened) :]
    assert "Why?" in second[len(opened) :]


def test_tokens_are_counted_as_the_model_reads_them(chats):
    text = chats["chatml"].render((("user", "block"),))
    ids = chats["chatml"].tokenizer.encode(text, add_special_tokens=False)
    assert chats["chatml"].count(text) == len(ids)
    assert chats["chatml"].count("<|im_start|><|im_end|>") == 2
    assert chats["llama"].count("<|begin_of_text|>") == 1  # none is put in front
    assert chats["llama"].count("") == 0


def test_a_long_text_is_counted_without_a_warning(chats, capfd, monkeypatch):
    monkeypatch.setattr(chats["chatml"].tokenizer, "model_max_length", 16)
    assert chats["chatml"].count("block " * 100) > 100
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", CHATS)
def test_special_tokens_are_all_that_were_added(chats, name):
    _, first, last, special = CHATS[name]
    assert set(chats[name].special_tokens()) == {first, last, *special}


@pytest.mark.parametrize("name", CHATS)
def test_the_words_part_at_their_first_tokens(chats, name):
    words, tokenizer = chats[name].words(), chats[name].tokenizer
    assert words.place == 0
    assert "normal".startswith(tokenizer.decode([words.normal]))
    assert "anomalous".startswith(tokenizer.decode([words.anomalous]))


def test_the_place_is_the_first_that_differs(monkeypatch, chats):
    tokens = {"normal": [7, 8, 3], "anomalous": [7, 9]}
    monkeypatch.setattr(chat, "continuation", lambda tokenizer, prompt, word: tokens[word])
    assert chats["chatml"].words() == chat.ChoiceTokens(1, 8, 9)


def test_words_that_a_tokenizer_cannot_tell_apart():
    tokenizer = Tokenizer(models.WordLevel({"?": 0, "Which": 1}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    with pytest.raises(InputError, match="--llm_tokenizer: this tokenizer cannot tell the words"):
        chat.ChatFormat(fast, chat.PLAIN).words()


def test_a_word_is_written_after_the_prompt_and_not_into_its_last_token(chats):
    tokenizer = chats["chatml"].tokenizer
    alone = chat.continuation(tokenizer, "", "normal")
    prompt = "The marked event is nor"
    joined = tokenizer.encode(prompt + "mal", add_special_tokens=False)
    assert joined[: len(chat.encode(tokenizer, prompt))] != chat.encode(tokenizer, prompt)
    assert chat.continuation(tokenizer, prompt, "mal") == chat.encode(tokenizer, "mal")
    assert chat.continuation(tokenizer, "x\n", "normal") == alone


@pytest.mark.parametrize(
    ("template", "messages", "text"),
    [
        (
            None,  # the plain one takes its place
            WHY,
            "System:\nYou judge.\n\nUser:\nWhich?\n\nAssistant:\nnormal\n\n"
            "User:\nWhy?\n\nAssistant:\n",
        ),
        (  # drops the system message, which is then put into the user's
            "{% for m in messages if m.role != 'system' %}({{ m.content }}){% endfor %}",
            MESSAGES,
            "(You judge.\n\nWhich?)",
        ),
    ],
)
def test_templates_without_a_place_for_all(template, messages, text, tmp_path):
    tiny_tokenizer(template, "<s>", "</s>", []).save_pretrained(tmp_path)
    assert chat.load(str(tmp_path)).render(messages) == text


def test_a_template_that_takes_nothing_is_refused(tmp_path):
    template = "{{ raise_exception('no') }}"
    tiny_tokenizer(template, "<s>", "</s>", []).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="its chat template takes neither"):
        chat.load(str(tmp_path))


def test_a_date_does_not_change_the_text(chats, tmp_path):
    template = LLAMA.replace("date_string is defined", "false")
    assert template != LLAMA
    tiny_tokenizer(template, *CHATS["llama"][1:]).save_pretrained(tmp_path)
    assert chat.load(str(tmp_path)).render(MESSAGES) == RENDERED["llama"]


def test_log_text_with_template_code_is_text(chats):
    for name in CHATS:
        text = "{{ 7 * 7 }} {% for x in y %} {# no #}"
        assert text in chats[name].render((("system", "You judge."), ("user", text)))


@pytest.mark.parametrize("inside", [None, {}, {"tokenizer.json": "{"}, {"config.json": "{}"}])
def test_a_folder_without_a_tokenizer(tmp_path, inside):
    for name, text in (inside or {}).items():
        (tmp_path / name).write_text(text)
    folder = tmp_path / "nowhere" if inside is None else tmp_path
    with pytest.raises(InputError, match=r"^--llm_tokenizer=.*no tokenizer that can be read"):
        chat.load(str(folder))


def test_a_hub_name_is_fetched(monkeypatch, tmp_path):
    folder = tiny_model("chatml", tmp_path)

    def fetched(name, allow_patterns):
        assert name == "maker/model"
        assert not any(pattern.endswith("safetensors") for pattern in allow_patterns)
        return folder

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetched)
    assert chat.load("maker/model").render(MESSAGES) == RENDERED["chatml"]


def test_a_hub_out_of_reach_is_an_outside_error(monkeypatch):
    def offline(name, allow_patterns):
        raise huggingface_hub.errors.LocalEntryNotFoundError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(OutsideError, match="--llm_tokenizer=maker/model: no folder here, and"):
        chat.load("maker/model")


def test_a_name_no_hub_knows_is_an_input_error():
    with pytest.raises(InputError, match="neither a folder here nor known to the hub"):
        chat.load("what is this?")
