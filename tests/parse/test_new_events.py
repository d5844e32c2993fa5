"""What no fitted template matches: one fault in many words is one event, two faults are two."""

import random
import time

import pytest

from glx.parse.new_events import NewEvents

SERVICE = "ERROR billing.gate [<*>] [instance: <*>] "


def events(*texts: str, most: int = 100) -> list[int | None]:
    found = NewEvents(most)
    return [found.find(text.split()) for text in texts]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("disk of tenant acme is corrupt", "disk of tenant globex is corrupt"),
        ("moved ann to bob today at noon", "moved cy to dan today at noon"),
        (SERVICE + "disk of tenant acme is corrupt", SERVICE + "disk of tenant globex is corrupt"),
        ("billing: card of ann was refused", "shipping: card of bob was refused"),
        ("read the code <*> of (ann) now", "read the code <*> of (bob) now"),
        ("<*> = <*> <*>", "<*> = <*> <*>"),
        ("用 户 张 登 录 失 败 了", "用 户 王 登 录 失 败 了"),
    ],
)
def test_one_event(one, other):
    assert events(one, other, one) == [0, 0, 0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # What a program begins its lines with says nothing.
        (
            SERVICE + "kernel panic: guest killed by machine check",
            SERVICE + "password database stolen by some unknown intruder",
        ),
        ("opened ledger of shop", "verified balance of customer"),
        ("opened ledger of shop", "closed ledger of shop"),
        # A short sentence has a word that tells.
        ("card was accepted", "card was refused"),
        ("billing: card was accepted", "billing: card was refused"),
        ("WARN disk of tenant acme is slow", "FATAL disk of tenant acme is slow"),
        ("kernel panic: guest paused by operator", "kernel panic: all lost at host"),
        ("started", "stopped"),
        ("ERROR security_groups=<*>", "ERROR fixed_address=<*>"),
        ("=====", "-----"),
        ("", "disk is full"),
    ],
)
def test_two_events(one, other):
    assert events(one, other, one, other) == [0, 1, 0, 1]


def test_the_event_with_the_most_words_is_taken_and_then_the_first():
    texts = ("a b c d e f", "a b x y z f")
    assert events(*texts, "a b c d z f", "a b x y e f", "a b c y q f") == [0, 1, 0, 1, 0]


def test_where_there_are_too_many_only_known_ones_have_a_number():
    texts = ("disk of ann is full", "fan of it is slow", "net is down", "disk of bob is full")
    assert events(*texts, most=2) == [0, 1, None, 0]


def test_as_many_alike_as_there_may_be_are_told_apart_in_time():
    """Each is compared with few of the others: 10,000 take seconds, not minutes."""
    began, found, chance = time.monotonic(), NewEvents(10_000), random.Random(1)
    words = [chr(97 + a) + chr(97 + b) for a in range(26) for b in range(26)]
    for n in range(12_000):
        found.find(["all", "of", "them", "begin", *chance.choices(words, k=8), str(n)])
    assert time.monotonic() - began < 30
    assert len(found) > 5_000


def test_the_same_text_is_always_the_same_event():
    """Also where each of its words is in more events than a text is compared with."""
    found, chance = NewEvents(10_000), random.Random(1)
    texts = [[f"w{word}" for word in chance.choices("abcdefgh", k=12)] for _ in range(3_000)]
    first = {}
    for text in texts:
        event = found.find(text)
        first.setdefault(event, text)
    assert len(first) > 1_000
    assert all(found.find(text) == event for event, text in first.items())
