"""The expert without a model: its parts by hand on axes of a small space, and what it says."""

from functools import partial

import numpy as np
import pytest
from expert_inputs import expert_input

from glx import evidence
from glx.generallog import knowledge, retrieval
from glx.generallog.entries import EVENT, NOTE, SEQUENCE, Entry
from glx.generallog.route import unit
from glx.llm.request import Costs

AXES = np.eye(4, dtype=np.float32)
GOING, OTHER = AXES[1], AXES[2]
EVENTS = ("disk failed", "write done", "tick", "<*> <*>")
VECTORS = np.array([0.6 * AXES[0] + 0.8 * AXES[2], AXES[1], AXES[3], AXES[3]], dtype=np.float32)
ALARM = np.array([1.0, -1.5, 0.5, -9.0], dtype=np.float32)
SHARE = np.array([0.01, 0.5, 1.0, 0.0])
KNOWN = (
    Entry("disk broken", EVENT, "blocks", "anomalous", 7, 83, 0.04),
    Entry("a | b", SEQUENCE, "blocks", "normal", 9, 1, 0.1),
)


def case(sequences, alarm=ALARM, beside=(0,) * 4):
    return expert_input(
        sequences,
        EVENTS,
        vectors=VECTORS,
        alarm=np.float32(alarm),
        beside=np.float32(beside),
        share=SHARE,
        seen=SHARE > 0,
    )


def known(*more):
    return knowledge.build([*KNOWN, *more], np.array([OTHER, GOING, *[AXES[3]] * len(more)]))


judge = partial(retrieval.judge, k=5)


def test_the_parts_of_an_event_by_hand():
    log_odds, _ = retrieval.examine(case([[0]]), np.array([0, 1, 2, 3]), known(), 5)
    says = KNOWN[0].log_odds  # the only event: the sequence between them is not asked
    assert says == pytest.approx(np.log(83.08 / 8.92) - np.log(0.04 / 0.96))
    # The alarm within bounds, and half of what the neighbours say.
    expected = [1 + 0.4 * says, -1.5, 0.5, -evidence.ALARM_LIMIT]
    np.testing.assert_allclose(log_odds, expected, atol=1e-6)


def test_neighbours_count_by_the_inverse_of_their_distance():
    entries = [
        Entry("same", NOTE, label="normal"),
        Entry("far", NOTE, label="anomalous"),
    ]
    vectors = np.array([VECTORS[0], AXES[0]])
    log_odds, _ = retrieval.examine(
        case([[0]]), np.array([0]), knowledge.build(entries, vectors), 2
    )
    near, far = 1 / 0.02, 1 / 0.42  # cosines 1 and 0.6
    expected = (far - near) * 8 / (near + far) * (near + 0.6 * far) / (near + far)
    np.testing.assert_allclose(log_odds, [ALARM[0] + 0.5 * expected], rtol=1e-5)


def test_a_sequence_gets_its_most_anomalous_event():
    judged = judge(case([[2, 1, 0, 0], [1, 1], [2]]), known())
    alone = judge(case([[0], [1], [2]]), known())
    assert judged.log_odds.tolist() == alone.log_odds.tolist()
    assert judged.places.tolist() == [2, 0, 0]
    assert judged.reasons == alone.reasons
    assert judged.log_odds[0] > 2.2 > -1.4 > judged.log_odds[1]
    assert (judged.log_odds.dtype, judged.places.dtype) == (np.float64, np.int64)
    assert judged.costs == Costs(questions=3)


def test_every_event_is_judged_however_familiar():
    assert judge(case([[1, 0]]), known()).places.tolist() == [1]


def test_what_is_known_beside_is_added():
    judged = judge(case([[0, 1]], beside=(-5, 1, 0, 0)), known())
    assert judged.places.tolist() == [1]
    assert judged.log_odds.tolist() == (judge(case([[1]]), known()).log_odds + 1).tolist()


def test_a_note_on_the_very_event_decides():
    before = judge(case([[2]]), known()).log_odds[0]
    bad = judge(case([[2]]), known(Entry("tick", NOTE, label="anomalous"))).log_odds[0]
    good = judge(case([[2]]), known(Entry("tick", NOTE, label="normal"))).log_odds[0]
    assert good < 0 < before < bad


@pytest.mark.parametrize("alarm", [1.0, 1.5, 9.0])
def test_a_note_decides_against_how_the_text_reads(alarm):
    """Other events that are a little like it are known as well, and say the opposite."""
    for label, says, n in (("normal", alarm, (1, 60)), ("anomalous", -alarm, (60, 1))):
        others = [Entry("tock", EVENT, "s", "mixed", *n, 0.5)] * 4
        vectors = [AXES[3], *[0.6 * AXES[3] + 0.8 * AXES[0]] * 4]
        of = knowledge.build([Entry("tick", NOTE, label=label), *others], np.array(vectors))
        log_odds = judge(case([[2]], alarm=[says] * 4), of).log_odds[0]
        assert (log_odds > 0) == (label == "anomalous")


def test_the_reason_says_what_it_leaned_on():
    note = Entry("tick\x1b[0m " + "x" * 200, NOTE, label="normal")
    reasons = judge(case([[0], [2], [3]]), known(note)).reasons
    assert reasons[0] == (
        'reads alarming (73%); near "disk broken" of blocks (anomalous in 83 of 90 sequences); '
        "in 1.00% of usual sequences"
    )
    assert reasons[1].startswith('reads alarming (62%); near "tick [0m xxx')
    assert 'x…" of the notes (normal); in 100.00%' in reasons[1]
    assert reasons[2] == "has no words; never seen before"
    assert all(reason.isprintable() for reason in reasons)


def test_words_are_not_found_where_there_are_none():
    """An event without words has the vector of `unknown event`, near to others without reason."""
    with_note = judge(case([[3]]), known(Entry("unknown event", NOTE, label="anomalous")))
    assert with_note.log_odds.tolist() == judge(case([[3]]), known()).log_odds.tolist()


def test_nothing_known_and_nothing_asked():
    nothing = knowledge.build([], AXES[:0])
    judged = judge(case([[0], [1]]), nothing)
    assert judged.log_odds[0] > judged.log_odds[1]
    assert judged.reasons[1] == "reads harmless (18%); in 50.00% of usual sequences"
    empty = judge(case([]), known())
    assert (len(empty.log_odds), len(empty.places), empty.reasons, empty.costs) == (
        0,
        0,
        [],
        Costs(),
    )


def test_a_verdict_does_not_depend_on_what_else_is_asked():
    rng = np.random.default_rng(0)
    vectors = unit(rng.normal(size=(60, 16)))
    of = knowledge.build([KNOWN[0]] * 20, vectors[:20])
    alarm = rng.normal(size=60).astype(np.float32)

    def log_odds(events):
        rows, texts = [[v] for v in events], ["some text"] * 60
        return judge(expert_input(rows, texts, vectors=vectors, alarm=alarm), of).log_odds

    whole = log_odds(list(range(60)))
    assert [log_odds([event])[0] for event in range(60)] == whole.tolist()
