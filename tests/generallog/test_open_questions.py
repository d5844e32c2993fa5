"""Files of questions: written, filled in, written again, read."""

import csv
import re

import numpy as np
import pytest

from glx.errors import InputError
from glx.generallog import answers
from glx.generallog.open_questions import COLUMNS, write_questions
from glx.redact import mask_of

TEXTS = ["send <*> to <*>", "send block to <*>", "disk failed", "other thing"]
NUMBERS = np.array([5, 7, 22, 1000])
NAN = float("nan")


def same(found, expected):
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("numbers", [NUMBERS, None])
def test_questions_come_back_as_answers(numbers, tmp_path):
    path = tmp_path / "questions.csv"
    texts = ['a "quoted", <*>', "a <*>", "line\nbreak <*> <*>", "ünknown"]
    write_questions(path, texts, np.array([3, 9, 0, 9]), numbers)
    ids = [0, 1, 2, 3] if numbers is None else numbers.tolist()
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(int(r["id"]), int(r["count"]), r["template"], r["p"]) for r in rows] == [
        (ids[v], count, texts[v], "") for v, count in ((1, 9), (3, 9), (0, 3), (2, 0))
    ]
    same(answers.read(path, texts, numbers), [NAN] * 4)
    for row, p in zip(rows, ("0.1", "0.2", "0.3", ""), strict=True):
        row["p"] = p
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    same(answers.read(path, texts, numbers), [0.3, 0.1, NAN, 0.2])
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("numbers", "before", "after"),
    [
        (
            None,
            "id,count,template,p,note\n3,9,disk  failed,0.10,sure\n4,2,other thing,,hm\n"
            "5,1,<*> burns,1,ours\n6,1,gone,,\n",
            "id,count,template,p,note\n0,4,send <*> to <*>,,\n1,3,send block to <*>,,\n"
            "2,2,disk failed,0.10,sure\n3,1,other thing,,hm\n5,1,<*> burns,1,ours\n",
        ),
        (
            NUMBERS,
            "p,id\n0.5,E22\n0.25,8\n,9\n",
            "id,count,template,p\n5,4,send <*> to <*>,\n7,3,send block to <*>,\n"
            "22,2,disk failed,0.5\n1000,1,other thing,\n8,,,0.25\n",
        ),
    ],
)
def test_questions_keep_what_is_filled_in(numbers, before, after, tmp_path):
    path = tmp_path / "q.csv"
    path.write_text(before)
    write_questions(path, TEXTS, np.array([4, 3, 2, 1]), numbers)
    assert path.read_text() == after


@pytest.mark.parametrize(
    ("text", "numbers", "line"),
    [
        ("my notes\n", None, 1),
        ("id,p\n5,0.5\n", None, 1),
        ("template,p\na,0.5\n", NUMBERS, 1),
        ("template,p\na,0.5\na,0.6\n", None, 3),
        ("template,p\na,high\n", None, 2),
    ],
)
def test_questions_overwrite_no_other_file(text, numbers, line, tmp_path):
    path = tmp_path / "q.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"q\.csv: line {line}: .*--write_questions"):
        write_questions(path, TEXTS, np.ones(4, int), numbers)
    assert path.read_text() == text


SECRET = [
    "login password=hunter2 of <*>",
    "mail to bob@example.org",
    "mail to eve@example.org",
    "login <*> of <*>",
    "all well",
]


def fill_in(path, p):
    """Write `p` by template into a file of questions; those of no template stay open."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | {"p": str(p.get(row["template"], row["p"]))} for row in rows)
    return [(row["template"], int(row["count"])) for row in rows]


@pytest.mark.parametrize("reads", ["shown", "raw"])
def test_answers_to_masked_questions_come_back_to_the_texts(reads, tmp_path):
    """Whatever mask a file was written with, it is read the same."""
    path, mask = tmp_path / "q.csv", mask_of(reads == "shown")
    write_questions(path, SECRET, np.array([5, 4, 3, 2, 1]), None, mask)
    p = {mask(text): n / 8 for n, text in enumerate(SECRET)}
    asked = fill_in(path, p)
    shown = [("login password=[masked password] of <*>", 5), ("mail to [masked e-mail]", 7)]
    if reads == "shown":
        assert sorted(asked)[1:] == sorted([*shown, ("login <*> of <*>", 2)])
    same(answers.read(path, SECRET, None), [p[mask(text)] for text in SECRET])


@pytest.mark.parametrize(("first", "then"), [(True, True), (False, True), (True, False)])
def test_masked_questions_keep_what_is_filled_in(first, then, tmp_path):
    path = tmp_path / "q.csv"
    write_questions(path, SECRET, np.ones(5, int), None, mask_of(first))
    fill_in(path, {mask_of(first)(text): 0.25 for text in SECRET[:3]})
    write_questions(path, SECRET, np.ones(5, int), None, mask_of(then))
    same(answers.read(path, SECRET, None)[:3], [0.25] * 3)
    if then:
        assert not re.search("hunter2|bob@|eve@", path.read_text())


def test_by_number_each_masked_question_is_a_row_of_its_own(tmp_path):
    path = tmp_path / "q.csv"
    write_questions(path, SECRET, np.ones(5, int), np.arange(5))
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["id"]) for row in rows] == [0, 1, 2, 3, 4]
    assert rows[1]["template"] == rows[2]["template"] == "mail to [masked e-mail]"


def test_an_empty_file_is_no_obstacle_to_questions(tmp_path):
    (tmp_path / "q.csv").touch()
    write_questions(tmp_path / "q.csv", TEXTS, np.ones(4, int), None)
    same(answers.read(tmp_path / "q.csv", TEXTS, None), [NAN] * 4)


def test_questions_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match="--write_questions"):
        write_questions(tmp_path / "no" / "q.csv", TEXTS, np.ones(4, int), None)
