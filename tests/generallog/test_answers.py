"""The expert `answers`: probabilities from a file, by event number or by text."""

import csv

import numpy as np
import pytest
from expert_inputs import expert_input

from glx import evidence
from glx.errors import InputError
from glx.generallog import answers
from glx.generallog.experts import ExpertConfig, ExpertContext, make_expert
from glx.generallog.knowledge import build
from glx.llm.request import Costs

TEXTS = ["send <*> to <*>", "send block to <*>", "disk failed", "other thing"]
NUMBERS = np.array([5, 7, 22, 1000])
NAN = float("nan")


@pytest.fixture
def read(tmp_path):
    """`answers.read` of a file with this text."""

    def read_text(text, numbers=NUMBERS, texts=TEXTS):
        path = tmp_path / "answers.csv"
        path.write_text(text)
        return answers.read(path, texts, numbers).tolist()

    return read_text


def same(found, expected):
    np.testing.assert_array_equal(found, expected)


def test_by_number(read):
    same(read("id,p\n7,0.5\n22,1\n5,0\n999,0.3\n"), [0.0, 0.5, 1.0, NAN])
    same(read("p,note,id\r\n0.25,x,E22\r\n,,7\r\n"), [NAN, NAN, 0.25, NAN])


def test_templates_beyond_the_table_stay_open(read):
    same(read("id,template,p\n7,new,0.5\n", NUMBERS, [*TEXTS, "new"]), [NAN, 0.5, NAN, NAN, NAN])


def test_by_text_the_row_with_our_text_then_the_fewest_wildcards_then_the_most_text(read):
    same(
        read("template,p\nsend <*>,0.1\nsend <*> to <*>,0.2\n<*>,0.3\n", None), [0.2, 0.1, 0.3, 0.3]
    )
    same(
        read('template,p\n"<*> to <*>",0.1\n<*> failed,0.2\ndisk <*>,0.25\n', None),
        [0.1, 0.1, 0.2, NAN],
    )

    same(read("template,p\nsend <*>,0.1\nsend block <*>,0.2\n", None), [0.1, 0.2, NAN, NAN])


NEAR = {
    "WARNING No protocol specified for api server <*>": 0.1,
    "Took <*> seconds to build instance.": 0.2,
    "[req-<*> <*> - -] Volume <*> created successfully": 0.3,
    "ERROR volume <*> could not be found": 0.4,
    "disk <*> is full": 0.95,
    "backup of <*> completed in time": 0.02,
}


@pytest.mark.parametrize(
    ("text", "p"),
    [
        ("WARN No protocol specified for api server <*>", 0.1),
        ("WARN No protocol specified in for api server '<*>'", 0.1),
        ("Took <*> to build instance.", 0.2),
        ("[<*>] Volume <*> created successfully", 0.3),
        ("ERROR the volume <*> could not be found", 0.4),
        ("FATAL the volume <*> could not be found", NAN),  # of another level
        ("disk <*> is not full", NAN),
        ("disk <*> is empty", NAN),
        ("backup of <*> not completed in time", NAN),
        ("backup of <*> failed, completed in time", NAN),
        ("kernel panic", NAN),
        ("<*>", NAN),
        ("", NAN),
    ],
)
def test_a_text_that_is_worded_a_little_differently(text, p):
    same(answers.by_text(NEAR, [text]), [p])


def test_without_any_row_nothing_is_answered():
    same(answers.by_text({}, TEXTS), [NAN] * 4)


def test_an_open_row_leaves_its_template_open(read):
    same(read("template,p\ndisk failed,\n<*>,0.5\n", None), [0.5, 0.5, NAN, 0.5])


def test_without_a_template_table_the_text_counts(read):
    text = 'id,count,template,p\n0,9,"disk  failed",0.75\n'
    same(read(text, None), [NAN, NAN, 0.75, NAN])
    same(read(text, np.array([3, 2, 1, 0])), [NAN, NAN, NAN, 0.75])


@pytest.mark.parametrize(
    ("pieces", "text", "found"),
    [
        ("a<*>b", "ab", True),
        ("a<*>b", "axb", True),
        ("a<*>b", "axbc", False),
        ("a<*>a", "a", False),
        ("<*>x<*>x<*>", "x", False),
        ("<*>x<*>x<*>", "axbxc", True),
        ("a<*>b<*>c", "a c b", False),
        ("a<*>bc<*>c", "abc", False),
        ("<*>", "", True),
    ],
)
def test_matching(pieces, text, found):
    assert answers.matches(pieces.split("<*>"), text) is found


def test_matching_is_linear():
    assert not answers.matches(("<*>a" * 200 + "<*>b").split("<*>"), "a" * 100_000)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("id,p\n5,0.1\n7,1.5\n", 3),
        ("id,p\n5,nan\n", 2),
        ("id,p\n5,high\n", 2),
        ("id,p\n5,0_1\n", 2),
        ("id,p\n5,\u0660.\u0665\n", 2),
        ("id,p\n5,1e400\n", 2),
        ("id,p\n5, 0.5 \n", 2),
        ('id,p\n5,"0,5"\n', 2),
        ("id,p\n5,0x1\n", 2),
        ("id,p\n5,infinity\n", 2),
        ("id,p\n\u0665,0.5\n", 2),
        ("id,p\n5_0,0.5\n", 2),
        ("id,p,p\n5,0.5,0.1\n", 1),
        ("id,p, p\n5,0.5,0.5\n", 1),
        ("id,id,p\n5,7,0.1\n", 1),
        ("id,note,note,p\n5,a,b,0.1\n", 1),
        ("id,p\n5,-0.1\n", 2),
        ("id,p\nfive,0.1\n", 2),
        ("id,p\n5,0.1,x\n", 2),
        ("id,p\n5,0.1\n\n5,0.2\n", 4),
        ("id,q\n5,0.1\n", 1),
        ("", 1),
        ("event,p\n5,0.1\n", 1),
    ],
)
def test_a_bad_row_is_named_by_its_line(text, line, read):
    with pytest.raises(InputError, match=rf"answers\.csv: line {line}: "):
        read(text)


def test_ids_say_nothing_without_a_template_table(read):
    with pytest.raises(InputError, match="`template`, since there is no template table"):
        read("id,p\n5,0.1\n", None)


def test_a_row_may_be_there_twice_if_both_agree(read):
    same(read("id,p\n5,0.1\n5,0.1\n7,\n7,\n"), [0.1, NAN, NAN, NAN])


def test_files_that_are_none(tmp_path):
    (tmp_path / "binary").write_bytes(b"id,p\n\xff\xfe,0.1\n")
    for path in (tmp_path / "gone.csv", tmp_path, tmp_path / "binary"):
        with pytest.raises(InputError, match=path.name):
            answers.read(path, TEXTS, NUMBERS)


def log_odds(*p):
    """Of answers, where nothing is rare or common."""
    return pytest.approx(evidence.bounded_logit(np.array(p)), nan_ok=True)


def test_a_sequence_takes_the_largest_of_all_its_events():
    judged = answers.judge(
        expert_input(
            [[0, 1, 3, 1], [3, 3], [2], [1, 0]],
            TEXTS,
            alarm=np.array([0, 0, 0, -2]),
            deciding=np.array([0, 1, 0, 0]),
        ),
        np.array([0.25, 0.75, 0.0, NAN]),
    )
    assert judged.log_odds == log_odds(0.75, NAN, 0.0, 0.75)
    assert judged.places.tolist() == [1, 1, 0, 0]
    assert judged.reasons == [
        "0.75 for: send block to <*>",
        "no answer for any of its events",
        "0 for: disk failed",
        "0.75 for: send block to <*>",
    ]
    assert judged.costs == Costs(questions=4, abstained=1)


@pytest.mark.parametrize(
    ("row", "p", "beside", "place"),
    [
        ([0, 1], [0.75, 0.25, NAN, NAN], [0, 0, 0, 0], 0),
        ([0, 1], [0.75, 0.25, NAN, NAN], [-2, 1, 9, 9], 1),  # log-odds 1.1 - 2 and -1.1 + 1
        ([0, 1], [0.0, 0.0, NAN, NAN], [-8, 1, 0, 0], 1),  # of sure answers the rarest
        ([0, 1], [1.0, 1.0, NAN, NAN], [-8, 1, 0, 0], 1),
    ],
)
def test_what_is_known_beside_is_added(row, p, beside, place):
    judged = answers.judge(expert_input([row], TEXTS, beside=np.array(beside)), np.array(p))
    event = row[place]
    assert judged.places.tolist() == [place]
    assert judged.log_odds == [evidence.bounded_logit(p[event]) + beside[event]]


def test_of_an_event_without_an_answer_the_evidence_speaks():
    own = np.array([-3, 0, 0, 1.5])  # of the last, which nobody answered
    judged = answers.judge(
        expert_input([[0, 3], [2, 3]], TEXTS, evidence=own), np.array([0.1, NAN, 0.9, NAN])
    )
    assert judged.log_odds.tolist() == [1.5, pytest.approx(np.log(9))]
    assert judged.reasons == [f"no answer for: {TEXTS[3]}", f"0.9 for: {TEXTS[2]}"]


def test_an_event_without_words_needs_no_answer(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("template,p\n<*> <*>,1\ndisk failed,0.75\n")
    nothing = ExpertContext(build([], np.zeros((0, 2), np.float32)), k=5)
    texts = ["<*> <*>", "disk failed", "<*>", "<*> disk"]
    asked = expert_input([[0], [1], [2], [3]], texts, alarm=np.array([-2, -2, -1, -2]))
    judged = make_expert(ExpertConfig("answers", str(path)), nothing)(asked)
    # The pattern `<*> <*>` is an answer for `<*> disk` all the same.
    assert judged.log_odds[[0, 2]].tolist() == [-2, -1]
    assert judged.log_odds[[1, 3]] == log_odds(0.75, 1.0)


def test_no_sequence_at_all():
    judged = answers.judge(expert_input([], TEXTS), np.array([0.25, 0.75, 0.0, NAN]))
    found = len(judged.log_odds), len(judged.places), judged.reasons, judged.costs
    assert found == (0, 0, [], Costs())


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "table", "column"),
    [("bgl_events", "bgl/bgl_templates", "event_id"), ("hdfs_events", None, None)],
)
def test_the_files_of_a_reader(data_dir, file, table, column):
    path = data_dir / "reader" / f"{file}.csv"
    if table is None:
        numbers = np.arange(1, 30)
    else:
        with (data_dir / f"{table}.csv").open(newline="") as lines:
            numbers = np.array([int(row[column]) for row in csv.DictReader(lines)])
    p = answers.read(path, ["x"] * len(numbers), numbers)
    assert np.isfinite(p).mean() > 0.9
