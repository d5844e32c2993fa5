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


def test_of_equal_texts_the_least_severe_counts(known):
    (match,) = known.find(["flushed cache"])
    assert known.table.row(match.row) == ("flushed cache", "DEBUG", "a.c:7", "f7", 2)


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
