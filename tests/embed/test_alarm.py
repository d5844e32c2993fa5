"""The alarm model that comes with the package, and its file."""

import csv
import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from glx.embed import alarm
from glx.embed import embed as module
from glx.embed.embed import EmbedConfig, encode_raw, readable
from glx.errors import InputError

ALARMING = ("kernel panic", "uncorrectable error", "disk failed")
HARMLESS = ("job finished", "error detected and corrected", "disk check passed")
WORDLESS = "<*>: --"


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return EmbedConfig(cache_dir=str(tmp_path_factory.mktemp("vectors")), batch_size=8)


@pytest.fixture(scope="module")
def found(config) -> dict[str, float]:
    """The log-odds of each text, whose vectors are then in the cache of `config`."""
    texts = [*ALARMING, *HARMLESS, WORDLESS]
    log_odds = alarm.alarm(texts, config)
    assert log_odds.dtype == np.float32
    return dict(zip(texts, log_odds.tolist(), strict=True))


@pytest.mark.parametrize(("worse", "better"), [*zip(ALARMING, HARMLESS, strict=True)])
def test_alarming_and_harmless_lines_differ_in_sign(found, worse, better):
    assert found[worse] > 0 > found[better]


def test_the_log_odds_are_the_changed_encoders(found):
    members, version = alarm.load()
    encoder = EmbedConfig(cache_dir=None, batch_size=8)
    log_odds = []
    for member in members:
        [vector] = encode_raw([readable(ALARMING[0])], encoder, member.low_rank, version)
        log_odds.append(vector @ member.direction + member.bias)
    expected = alarm.TRANSFER * np.mean(log_odds)
    assert found[ALARMING[0]] == pytest.approx(expected, abs=1e-5)


def test_words_of_another_script_or_none_get_the_prior(config):
    prior = alarm.load()[0][0].prior
    assert prior < 0  # most lines are harmless
    texts = [WORDLESS, "磁盘 空间 不足", "ошибка чтения диска", "ошибка на диске sda"]
    assert alarm.alarm(texts, config) == pytest.approx([prior] * 4)


@pytest.mark.parametrize("model", ["random", "tfidf"])
def test_the_log_odds_do_not_depend_on_what_makes_the_vectors(found, config, model):
    other = EmbedConfig(model, config.cache_dir, max_tokens=16)
    texts = list(found)[::-1]
    assert alarm.alarm(texts, other).tolist() == [found[text] for text in texts]


def test_the_log_odds_do_not_depend_on_the_other_texts_nor_on_the_cache(found):
    apart = EmbedConfig(cache_dir=None, batch_size=8)
    assert alarm.alarm([HARMLESS[1]], apart).tolist() == [found[HARMLESS[1]]]
    again = alarm.alarm([*found, "fan speed low", "user logged in"][::-1], apart)
    assert again[2:][::-1].tolist() == list(found.values())
    assert alarm.alarm([], apart).shape == (0,)


def test_vectors_of_the_model_are_cached_apart_from_the_encoders_own(found, config, monkeypatch):
    def never(*given):
        raise AssertionError(given)

    monkeypatch.setattr(module, "run_model", never)
    assert alarm.alarm(list(found), config).tolist() == list(found.values())
    with pytest.raises(AssertionError):
        module.embed([ALARMING[0]], config)


def test_meanings_without_alarm_are_vectors_and_zeros():
    found = alarm.meanings(["kernel panic", "job finished"], EmbedConfig("random"), False)
    assert found.vectors.shape[0] == 2
    assert found.alarm.tolist() == [0, 0]


def test_a_model_survives_its_file(tmp_path):
    change = {
        "query": {"a": np.full((2, 4, 1), 0.5), "b": np.full((2, 1, 4), -0.25)},
        "up": {"a": np.ones((2, 4, 1)), "b": np.zeros((2, 1, 3))},
    }
    one = alarm.AlarmModel(change, np.array([0.1, -0.2], np.float32), bias=1.5, prior=-0.5)
    other = dataclasses.replace(one, bias=-2.0)
    path = tmp_path / "model"  # written as it is named
    alarm.save([one, other], path)
    members, version = alarm.load(path)
    for again, written in zip(members, (one, other), strict=True):
        np.testing.assert_equal(dataclasses.asdict(again), dataclasses.asdict(written))
    assert version != alarm.load()[1]


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04", b"p,text\n0.5,disk full\n"])
def test_a_file_that_is_no_model_is_named(content, tmp_path):
    path = tmp_path / "model"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="no alarm model that can be read") as e:
        alarm.load(path)
    assert "pickle" not in str(e.value)


def test_members_are_averaged(config, monkeypatch):
    members, _ = alarm.load()
    version = "another"  # else the second's vectors were in the cache
    shifted = [dataclasses.replace(members[0], bias=members[0].bias + n) for n in (0, 3)]
    texts = ["kernel panic", WORDLESS]
    monkeypatch.setattr(alarm, "load", lambda: (shifted[:1], version))
    [alone, unread] = alarm.alarm(texts, config)
    monkeypatch.setattr(alarm, "load", lambda: (shifted, version))
    averaged = alarm.alarm(texts, config)
    assert averaged == pytest.approx([alone + 1.5 * alarm.TRANSFER, unread], abs=1e-5)


ROWS = ["p,text", *[f"0.{1 + 8 * (i % 2)},line {i}" for i in range(100)]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["p,words", *ROWS[1:]], "not a CSV of p,text"),
        (ROWS[:-1], "give at least 100 statements"),
        (["p,text", *["0.1,fine"] * 100], "a tenth of the statements"),
        (["p,text", *["0.9,dire"] * 100], "a tenth of the statements"),
    ],
)
def test_statements_that_are_refused(tmp_path, rows, message):
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(rows) + "\n")
    with pytest.raises(InputError) as refused:
        alarm.primer(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert message in str(refused.value)


def test_the_statements_that_come_with_the_program():
    texts, p = alarm.primer()
    assert len(set(texts)) == len(texts) == len(p) > 4000
    assert p.dtype == np.float32
    assert ((p > 0) & (p < 1)).all()
    assert 0.1 < (p > 0.5).mean() < 0.5
    assert all(any(map(str.isalnum, text)) for text in texts)


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall("[a-z]{2,}", readable(text).lower()))


def overlap(a: frozenset[str], b: frozenset[str]) -> float:
    """The share of the words of both that are in each; 0 for a text of one word."""
    return len(a & b) / len(a | b) if min(len(a), len(b)) > 1 else 0.0


def template_texts(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    [column] = [name for name in rows[0] if name.lower().endswith("template")]
    return [row[column] for row in rows]


@pytest.mark.data
def test_no_statement_comes_near_a_template_of_a_real_system(data_dir):
    """Else the model would have been fitted to what it is measured on."""
    assert overlap(words("Disk sda failed"), words("disk <*> failed: 7")) == pytest.approx(2 / 3)
    assert overlap(words("failed 7"), words("failed <*>")) == 0
    tables = sorted(data_dir.glob("*/*templates*.csv"))
    assert len(tables) >= 4
    real = {words(text) for table in tables for text in template_texts(table)}
    statements = {text: words(text) for text in alarm.primer()[0]}
    near = [text for text, own in statements.items() if any(overlap(own, w) > 0.6 for w in real)]
    assert near == []


def test_bfloat16_reads_as_float32_does(config):
    texts = [*alarm.primer()[0][:16], *ALARMING, *HARMLESS]
    exact, rounded = (
        alarm.alarm(texts, dataclasses.replace(config, dtype=dtype))
        for dtype in ("float32", "bfloat16")
    )
    np.testing.assert_allclose(rounded, exact, atol=0.05)
    assert exact.std() > 0.5


def test_the_known_event_that_reads_most_like_a_new_one():
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    read = alarm.Meanings(["up", "disk is slow", "disk is full"], vectors, np.zeros(3))
    assert read.nearest(2, 2) == "disk is slow (0.80)"
    assert read.nearest(2, 1) is None  # is known itself
    assert read.nearest(0, 2) is None
