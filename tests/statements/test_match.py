"""Templates and the statements they come from."""

import polars as pl
import pytest

from glx.statements.match import Statements, common_words, compare, distinct, tokens_of
from glx.statements.table import SCHEMA

ROWS = [
    ("cannot capture payment of order <*>: <*>", "ERROR"),
    ("capturing payment of order <*> for customer <*>", "INFO"),
    ("gateway <*> answered after <*> ms", "WARN"),
    ("user <*> logged in", "INFO"),
    ("<*> failed", "ERROR"),
    ("<*>: <*>", "ERROR"),
    ("disk 3 of 4 is full", "FATAL"),
    ("flushed cache", "DEBUG"),
    ("flushed cache", "ERROR"),
    ("could not flush <*> pages of the write-ahead journal to disk", "WARN"),
    ("ledger closed", "INFO"),
]


@pytest.fixture
def known():
    rows = [(t, level, f"a.c:{n}", f"f{n}", "C") for n, (t, level) in enumerate(ROWS)]
    return Statements(distinct(pl.DataFrame(rows, schema=SCHEMA, orient="row")))


@pytest.mark.parametrize(
    ("template", "text", "exact"),
    [
        ("cannot capture payment of order <*>: <*>", ROWS[0][0], True),
        ("ERROR cannot capture payment of order <*>: timeout", ROWS[0][0], True),
        ("[req-<*>] pay.gateway cannot capture payment of order <*>: <*>", ROWS[0][0], False),
        ("capturing payment of order <*> for customer <*>", ROWS[1][0], True),
        ("capturing payment <*> order <*> for <*> <*>", ROWS[1][0], False),
        ("user admin logged in", ROWS[3][0], True),
        ("disk <*> of <*> is full", "disk <*> of <*> is full", True),
        ("could not flush <*> pages of write-ahead journal to the disk", ROWS[9][0], False),
        (
            "could not flush <*> pages of the write-ahead journal to disk: java.io.IOException: "
            "connection reset by a peer that nobody knows of",
            ROWS[9][0],
            False,
        ),
        ("connection to the database failed", None, None),
        ("session <*> opened by <*>", None, None),
        ("<*>", None, None),
        ("", None, None),
        ("ledger opened", None, None),
    ],
)
def test_the_statement_of_a_template(known, template, text, exact):
    (match,) = known.find([template])
    assert (match and known.table["text"][match.row]) == text
    assert match is None or match.exact == exact


def test_of_equal_texts_that_of_the_own_level_counts_else_the_least_severe(known):
    texts = ["flushed cache", "ERROR flushed cache", "WARN flushed cache"]
    debug, error = "logged as debug at a.c:7 in f7", "logged as error at a.c:8 in f8"
    assert [*map(str, known.origins(texts))] == [debug, error, debug]


def test_other_places_are_counted():
    rows = [("lost <*>", "WARN", f"a.c:{n}", None, "C") for n in (1, 2, 3)]
    for n, more in ((1, ""), (2, " and 1 other place"), (3, " and 2 other places")):
        table = pl.DataFrame(rows[:n], schema=SCHEMA, orient="row")
        (origin,) = Statements(distinct(table)).origins(["lost <*>"])
        assert str(origin) == f"logged as warn at a.c:1{more}"


@pytest.mark.parametrize(
    ("statement", "template"),
    [
        ("user profile not loaded from cache", "user profile loaded from cache"),
        ("volume <*> is attached to server <*>", "volume <*> is detached from server <*>"),
        ("replica sync enabled on shard <*>", "replica sync disabled on shard <*>"),
        ("job finished with status success", "job finished with status failure"),
        ("backup of <*> completed", "backup of <*> not completed"),
        ("open valve <*> now", "failed to open valve <*> now"),
        ("the session of <*> is known", "the session of <*> isn't known"),
    ],
)
def test_a_text_is_not_taken_for_its_opposite(statement, template):
    others = [statement, "the disk is up", "loading a page", "a queue of jobs grows"]
    assert Statements(pl.DataFrame({"text": others})).find([template]) == [None]
    others[0] = template
    assert Statements(pl.DataFrame({"text": others})).find([statement]) == [None]


def test_order_counts(known):
    assert known.find(["journal write disk could pages not flush ahead the of to"]) == [None]


def test_a_score_by_hand():
    def weight(token):
        return {"<*>": 0.0, "a": 1.0, "b": 2.0, "c": 3.0}.get(token, 4.0)

    # b and c are common; a is missing where the template has a value: half of 1.
    assert compare(tokens_of("a b <*> c"), tokens_of("<*> b c"), weight) == (False, 5 / 5.5)
    # x stands where the statement has a value, y after all that is common: half of 4 each.
    assert compare(tokens_of("b <*> c"), tokens_of("b x c y"), weight) == (False, 5 / 9)
    assert compare(tokens_of("b <*> c"), tokens_of("b x c"), weight) == (True, 5 / 7)
    assert common_words(["a", "b", "c"], ["c", "a", "b"], weight) in ([(0, 1), (1, 2)], [(2, 0)])
    assert common_words(["b", "c"], ["c", "c", "b"], weight) == [(1, 1)]


def test_the_same_in_one_call_or_many(known):
    templates = [text for text, _ in ROWS] * 40
    assert known.find(templates) == [known.find([text])[0] for text in templates]
