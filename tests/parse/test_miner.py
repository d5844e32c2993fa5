"""Templates of literal texts; ids that stay; seeded templates."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glx.data.load import LogParser
from glx.parse.mask import mask
from glx.parse.miner import OVERFLOW, Miner, MinerConfig, fit, match_tokens
from glx.sequences import Templates

STATES = ["NEW", "INITED", "SETUP", "RUNNING", "COMMITTING", "DONE"]
LINES = [
    "Receiving block blk_-16 src: /10.250.19.102:54106 dest: /10.250.19.102:50010",
    "Receiving block blk_38 src: /10.251.43.21:55555 dest: /10.251.43.21:50010",
    "PacketResponder 1 for block blk_38 terminating",
    "Verification succeeded for blk_38",
    "[instance: 96abccce-8d1f-4e07-b6d1-4b2ab87e23b4] VM Started (Lifecycle Event)",
    "[instance: 96abccce-8d1f-4e07-b6d1-4b2ab87e23b4] VM Paused (Lifecycle Event)",
]


def fitted(lines: list[str]) -> Miner:
    texts = mask(pl.Series(lines)).to_list()
    distinct = list(dict.fromkeys(texts))
    return fit(distinct, np.array([texts.count(text) for text in distinct]))


def test_six_lines_and_their_templates():
    miner = fitted(LINES)
    assert miner.fitted.texts == [
        "Receiving block blk_<*> src: <*> dest: <*>",
        "PacketResponder <*> for block blk_<*> terminating",
        "Verification succeeded for blk_<*>",
        "[instance: <*>] VM Started (Lifecycle Event)",
        "[instance: <*>] VM Paused (Lifecycle Event)",
    ]
    assert miner.fitted.counts.tolist() == [2, 1, 1, 1, 1]


def test_many_words_are_a_wildcard_and_few_are_spelt_out():
    users = [f"session of {name} opened by root" for name in ("ann", "bob", "cy", "di", "ed")]
    assert fitted(users).fitted.texts == ["session of <*> opened by root"]
    assert len(fitted(users[:4]).fitted) == 4


@pytest.mark.parametrize(
    ("lines", "templates"),
    [
        # Constants of a program and numbers that are kept are told apart, also if they are many.
        (
            [f"task t1 went from {a} to {b}" for a, b in pairwise(STATES)],
            None,
        ),
        ([f"request 7 ended with status {n}" for n in range(500, 506)], None),
        # Beside a word, one with a number is a word; else it is a value.
        (["open over HTTPS", "open over SOCKS5"], ["open over HTTPS", "open over SOCKS<*>"]),
        (["disk a1 of it is up", "disk bx2 of it is up"], ["disk <*> of it is up"]),
        # The name of a value is no part of it.
        (
            [f"lock ok name={name} pid=7" for name in ("an", "bo", "cy", "di", "ed")],
            ["lock ok name=<*> pid=<*>"],
        ),
        (["tasks: num=5", "tasks: top=Main"], ["tasks: num=<*>", "tasks: top=Main"]),
        (["x= 1 y=", "x= 2 y="], ["x= <*> y="]),
        # An id in hexadecimal, though it begins with letters.
        (["[req-12cee41404] VM up", "[req-cee4140412] VM up"], ["[<*>] VM up"]),
        (["a sum = go home", "a sum is go home"], None),
        # What a component says differs, though its name is half of the text.
        ([f"bar: {word}" for word in ("on", "off", "hide", "show", "wait")], None),
        # One word differs, where Drain looks first.
        (
            [f"com.{name}: will not run this job now" for name in ("an", "bo", "cy", "di", "ed")],
            ["<*> will not run this job now"],
        ),
        (
            ["we do go home"]
            + [f"we do go home {word}" for word in ("on", "by", "at", "to", "in")],
            ["we do go home", "we do go home <*>"],
        ),
        # A character of a script without spaces is a word.
        (["用户张登录失败了", "用户王登录失败了"], None),
        (
            [f"用户{name}登录失败了" for name in "张王李赵刘"] + ["磁盘已满请尽快清理"],
            ["用户<*>登录失败了", "磁盘已满请尽快清理"],
        ),
    ],
)
def test_what_is_told_apart(lines, templates):
    miner = fitted(lines)
    assert miner.fitted.texts == (templates or mask(pl.Series(lines)).to_list())
    assert miner.ids(mask(pl.Series(lines))).max() < len(miner.fitted)


def test_long_texts_take_no_longer_than_their_length():
    texts = [f"{word} " + "a " * 20_000 + word for word in ("x", "y", "z")]
    assert len(fitted(texts).fitted) == 3


def test_new_texts_get_new_ids_and_old_ids_stay():
    miner = fitted(LINES)
    old = mask(pl.Series(LINES)).to_list()
    before = miner.ids(old).tolist()
    new = ["kernel panic seen at cpu <*>", "kernel panic seen at node <*>", "disk is full"]
    assert miner.ids(new).tolist() == [5, 5, 6]
    assert miner.ids(old).tolist() == before == [0, 0, 1, 2, 3, 4]
    assert miner.templates.texts[5:] == ["kernel panic seen at cpu <*>", "disk is full"]
    assert miner.templates.counts[5:].tolist() == [0, 0]
    assert len(miner.fitted) == 5


def test_a_saved_miner_gives_the_same_ids():
    miner = fitted(LINES)
    loaded = LogParser.from_state(LogParser(miner, None, None).to_state()).miner
    texts = [*mask(pl.Series(LINES)).to_list(), "something else", "Verification succeeded for all"]
    assert loaded.ids(texts).tolist() == miner.ids(texts).tolist()


PARTS = ("a", "b", "=", "<*>", " ", "\t", "\0", "\0 ", "\u2028", "日", "ก", "\ufffd", "\ue000", "0")


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(PARTS), max_size=7).map("".join),
        min_size=1,
        max_size=6,
        unique=True,
    )
)
def test_every_text_that_was_mined_is_known(texts):
    miner = fit(texts, np.ones(len(texts)))
    assert miner.ids(texts).max() < len(miner.fitted)


@pytest.mark.parametrize("text", ["bad \0 text", "\0", "id= ", "订单 <*> 已付款"])
def test_its_own_text_is_known(text):
    miner = fit([text], np.ones(1))
    assert miner.ids([text]).tolist() == [0]


def test_too_many_new_templates_share_one_id():
    miner = Miner(fitted(LINES).fitted, MinerConfig(max_new=2, max_cached=2))
    texts = ["a", "b b", "c c c", "d d d d", "a", "b b"]
    assert miner.ids(texts).tolist() == [5, 6, 7, 7, 5, 6]
    assert miner.templates.texts[5:] == ["a", "b b", OVERFLOW]
    assert miner.overflowed == 2


@pytest.mark.parametrize(
    ("text", "id_"),
    [("a b c", 2), ("a x c", 1), ("x b c", 0), ("x x x", 4), ("a b", -1), ("", -1), ("a b x", 1)],
)
def test_the_fewest_wildcards_win_and_then_the_lowest_id(text, id_):
    templates = ["<*> b c", "a <*> <*>", "a b c", "<*> b <*>", "<*> <*> <*>"]
    assert match_tokens(templates)(text) == id_


def test_seeded_templates():
    templates = [
        "<*>Received block<*>of size<*>from<*>",
        "<*>Received block<*>src:<*>dest:<*>of size<*>",
        "reason 1002rts: <*>",
        "memory limit: <*>.<*> MB",
        "src: /<*>:50010",
        "<*> <*>",
    ]
    miner = Miner(Templates(templates, np.zeros(6)), published=True)
    lines = [
        "Received block blk_1 of size 67108864 from /10.250.14.224",
        "Received block blk_1 src: /10.1.1.1:5 dest: /10.1.1.2:5 of size 7",
        "reason 1002rts: bad message",
        "memory limit: 96.00 MB",
        "src: /10.251.1.1:50010",
        "two tokens",
        "three such tokens",
    ]
    assert miner.ids(mask(pl.Series(lines))).tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_a_hexadecimal_id_that_looks_like_a_name_and_a_number_is_the_id_that_others_are():
    miner = fitted(
        ["api [req-7641061d] took 25 seconds", "call (7641061d): done", "disk fd0: full"]
    )
    again = ["api [req-d7641061] took 3 seconds", "call (AB12345): done", "disk fd1: full"]
    other = ["disk da1: full", "api [sys-d7641061] ended", "call (x12345): done"]
    assert miner.ids(mask(pl.Series([*again, *other]))).tolist() == [0, 1, 2, 3, 4, 5]
    assert miner.templates.texts[3:] == [
        "disk da<*>: full", "api [sys-d<*>] ended", "call (x<*>): done",
    ]  # fmt: skip
