"""Labels that do not fit their logs and sessions that there are not: one sentence, exit code 2."""

from pathlib import Path

import pytest
from shop import write_labels

LABELS = {
    "key,label\n": "no label below the header; give at least one",
    "key,label\n1,0\n2,yes\n": (
        "line 3: label 'yes' in column 'label' is neither 0 (normal) nor 1 (anomalous)"
    ),
    "key,label\n1,0\n\n2\n": (
        "line 4: label None in column 'label' is neither 0 (normal) nor 1 (anomalous)"
    ),
    "key,label\n1,0\n2,0,0\n": "line 3: not a row of the table; correct it",
    'key,label\n1,0\n"2,0\n': "line 3: not a row of the table; correct it",
    "key,label\n0,0\n1,1\n": (
        "no label for 38 of 40 sessions, such as '2'; labels and logs do not belong together, or "
        "--session finds other keys"
    ),
    "line,label\n0,0\n-1,0\n": (
        "line 3: '-1' in column 'line' is no line of the log, from 0 to 83; labels and logs do not "
        "belong together"
    ),
    "line,label\n0,0\n83,0\n84,1\n": (
        "line 4: '84' in column 'line' is no line of the log, from 0 to 83; labels and logs do not "
        "belong together"
    ),
    "line,label\nfirst,0\n": (
        "line 2: 'first' in column 'line' is no line of the log, from 0 to 83; labels and logs do "
        "not belong together"
    ),
    "session,failed\n1,0\n": (
        "line 1: needs the columns `key,label` or `line,label`, found session, failed"
    ),
    "\nkey,label\n1,0\n": "line 1: is empty; give a table with a header line",
}


def test_labels_that_are_no_file(refused):
    Path("jobs.csv").unlink()
    assert refused() == "jobs.csv: no such file; check the path"
    Path("jobs.csv").mkdir()
    assert refused() == "jobs.csv: a directory; give one file in it"


def test_labels_of_the_target_are_looked_at_before_the_work(refused):
    both = ("jobs=jobs.csv", "shop=shop.csv")
    assert refused(labels=both) == "shop.csv: no such file; check the path"
    Path("shop.csv").write_text("order,failed\n1,0\n")
    assert refused(labels=both) == (
        "shop.csv: line 1: needs the columns `key,label` or `line,label`, found order, failed"
    )


@pytest.mark.parametrize("content", LABELS)
def test_labels_that_do_not_fit(content, refused):
    Path("jobs.csv").write_text(content)
    assert refused() == f"jobs.csv: {LABELS[content]}"


def test_labels_by_session_where_there_are_windows(refused):
    assert refused(session="--window=10") == (
        "jobs.csv: labels by session, but the logs were cut into windows; give --session or labels "
        "by `line,label`"
    )


@pytest.mark.parametrize(("value", "word"), [(0, "anomalous"), (1, "normal")])
def test_a_source_of_one_kind(value, word, refused):
    write_labels(f"{i},{value}" for i in range(40))
    assert refused().startswith(f"jobs: no {word} sequence")


def test_session_rules(refused):
    said = refused(session="--session=order=(")
    assert said.startswith("jobs.log: --session 'order=(' is not a regular expression (")
    assert refused(session="--session=ticket=([0-9]+)") == (
        "jobs.log: no line has a session id by --session=ticket=([0-9]+); check the expression, "
        "or give --window"
    )
    assert refused("--window=5") == "--session and --window exclude each other; give one of them"


def test_too_few_logs_to_split(refused):
    Path("shop.log").write_text("order=1 came\n")
    assert refused() == ("shop: no sequence to adapt on; give more logs or a larger --adapt_share")
    Path("shop.log").write_text("order=1 came\norder=2 came\norder=3 came\norder=4 came\n")
    assert refused() == (
        "the target's adapt part holds fewer than two distinct sequences: give it more logs, or "
        "another --session or --window"
    )
    write_labels([f"{i},{int(i % 10 == 3)}" for i in range(84)], header="line,label")
    assert refused(session="--window=2") == (
        "shop: no sequence left to score; give more logs or a smaller --adapt_share"
    )
