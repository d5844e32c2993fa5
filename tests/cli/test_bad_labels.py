"""Labels that do not fit their logs and sessions that there are not: one sentence, exit code 2."""

from pathlib import Path

import pytest
from shop import LINES, write_labels

LABELS = {
    "key,label\n": ("", "no label"),
    "key,label\n1,0\n2,yes\n": (": line 3", "'yes'"),
    "key,label\n1,0\n\n2\n": (": line 4", "None"),
    "key,label\n1,0\n2,0,0\n": (": line 3", "not a row"),
    'key,label\n1,0\n"2,0\n': (": line 3", "not a row"),
    "key,label\n0,0\n1,1\n": ("", "38 of 40 sessions"),
    "line,label\n0,0\n-1,0\n": (": line 3", f"from 0 to {LINES - 1}"),
    f"line,label\n0,0\n{LINES - 1},0\n{LINES},1\n": (": line 4", f"'{LINES}'"),
    "line,label\nfirst,0\n": (": line 2", "'first'"),
    "session,failed\n1,0\n": (": line 1", "session, failed"),
    "\nkey,label\n1,0\n": (": line 1", "empty"),
    "key,label,label\n1,0,1\n": (": line 1", "'label'"),
    "key,label,key\n1,0,1\n": (": line 1", "'key'"),
    'line,"label",label\n1,0,1\n': (": line 1", "'label'"),
    "key,label\n1,\u0661\n": (": line 2", "\u0661"),
    "key,label\n1,1.0\n": (": line 2", "1.0"),
    "key,label\n1,nan\n": (": line 2", "nan"),
    "line,label\n0_1,1\n": (": line 2", "'0_1'"),
    "line,label\n\u0661,1\n": (": line 2", "\u0661"),
    "line,label\n 1 ,1\n": (": line 2", "' 1 '"),
    "line,label\n1e0,1\n": (": line 2", "'1e0'"),
    "key,label\n1,0\n2,1\n1,0\n1,1\n": (": line 5", "in line 2"),
    "line,label\n3,1\n03,0\n": (": line 3", "in line 2"),
}


@pytest.mark.parametrize("content", LABELS)
def test_labels_that_do_not_fit(content, refused):
    Path("jobs.csv").write_text(content)
    where, what = LABELS[content]
    refused(f"jobs.csv{where}", what)


def test_labels_that_are_no_file(refused):
    Path("jobs.csv").unlink()
    refused("jobs.csv", "no such file")
    Path("jobs.csv").mkdir()
    refused("jobs.csv", "directory")


def test_labels_by_line_need_one_file(refused):
    Path("more.log").write_text("2024-05-01 09:00:00 INFO job=0 created by user 1\n")
    write_labels(["0,1"], header="line,label")
    refused("jobs.csv", "2 files", "--source=jobs=more.log")


def test_labels_of_the_target_are_looked_at_before_the_work(refused):
    both = ("jobs=jobs.csv", "shop=shop.csv")
    refused("shop.csv", "no such file", labels=both)
    Path("shop.csv").write_text("order,failed\n1,0\n")
    refused("shop.csv: line 1", "order, failed", labels=both)


OF_TARGET = {
    "key,label\n": ("", "no label"),
    "key,label\n1,0\n2,2\n": (": line 3", "'2'"),
    "key,label\n0,0\n1,1\n": ("", "58 of 60 sessions"),
    "key,label\n1,0\n2,0,0\n": (": line 3", "not a row"),
    "key,label\n1,0\n1,1\n": (": line 3", "in line 2"),
    "line,label\n0,0\n99999,1\n": (": line 3", "'99999'"),
    "line,label\nfirst,0\n": (": line 2", "'first'"),
}


@pytest.mark.parametrize("content", OF_TARGET)
def test_labels_of_the_target_that_do_not_fit_are_told_before_the_training(
    content, refused, monkeypatch
):
    monkeypatch.setattr("glx.runs.fit._training", lambda *how: pytest.fail("is trained"))
    Path("shop.csv").write_text(content)
    where, what = OF_TARGET[content]
    refused(f"shop.csv{where}", what, labels=("jobs=jobs.csv", "shop=shop.csv"))


@pytest.mark.parametrize(("value", "word"), [(0, "no anomalous"), (1, "no normal")])
def test_a_source_of_one_kind(value, word, refused):
    write_labels(f"{i},{value}" for i in range(40))
    refused("jobs", word)


def test_session_rules(refused):
    refused("jobs.csv", "`line,label`", session="--window=10")
    refused("jobs.log", "--session 'order=('", session="--session=order=(")
    refused("jobs.log", "'2024-05-01 10:00:00 INFO job=0", session="--session=ticket=([0-9]+)")
    refused("jobs.log", "no other id than 'INFO'", session="--session=INFO")
    refused("--session and --window", "", "--window=5")


def test_too_few_logs_to_split(refused):
    Path("shop.log").write_text("order=0 came\n")
    refused("shop", "give")
    write_labels([f"{i},{int(i % 10 == 3)}" for i in range(LINES)], header="line,label")
    refused("shop", "--adapt_share", session="--window=2")
