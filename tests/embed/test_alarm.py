"""How alarming lines read, by the reader that comes with the program."""

import csv
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
def read(config) -> dict[str, float]:
    """The log-odds of each text; who takes this finds them in the cache of `config`."""
    texts = [*ALARMING, *HARMLESS, WORDLESS]
    found = alarm.alarm(texts, config)
    assert found.dtype == np.float32
    return dict(zip(texts, found.tolist(), strict=True))


@pytest.mark.parametrize(("worse", "better"), [*zip(ALARMING, HARMLESS, strict=True)])
def test_lines_are_told_apart_by_what_they_say(read, worse, better):
    assert read[worse] > 0 > read[better]


def test_a_text_without_words_is_any_line(read):
    reader, _ = alarm.load()
    assert read[WORDLESS] == pytest.approx(reader.unread)
    assert reader.unread < 0  # most lines are harmless


def test_a_reading_is_what_the_changed_encoder_makes_of_the_text(read):
    reader, version = alarm.load()
    encoder = EmbedConfig(cache_dir=None, batch_size=8)
    [vector] = encode_raw([readable(ALARMING[0])], encoder, reader.low_rank, version)
    expected = alarm.FOREIGN * (vector @ reader.direction + reader.bias)
    assert read[ALARMING[0]] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("text", ["磁盘 空间 不足", "ошибка чтения диска", "ошибка на диске sda"])
def test_words_of_another_script_are_unread(text, config):
    reader, _ = alarm.load()
    assert alarm.alarm([text], config) == pytest.approx([reader.unread])


@pytest.mark.parametrize("model", ["random", "tfidf"])
def test_whatever_makes_the_vectors_the_reading_is_one(read, config, model):
    other = EmbedConfig(model, config.cache_dir, max_tokens=16)
    texts = list(read)[::-1]
    assert alarm.alarm(texts, other).tolist() == [read[text] for text in texts]


def test_a_reading_does_not_depend_on_the_other_texts_nor_on_the_cache(read):
    apart = EmbedConfig(cache_dir=None, batch_size=8)
    assert alarm.alarm([HARMLESS[1]], apart).tolist() == [read[HARMLESS[1]]]
    again = alarm.alarm([*read, "fan speed low", "user logged in"][::-1], apart)
    assert again[2:][::-1].tolist() == list(read.values())
    assert alarm.alarm([], EmbedConfig(cache_dir=None)).shape == (0,)


def test_vectors_of_the_reader_are_cached_apart_from_the_encoders_own(read, config, monkeypatch):
    def never(*given):
        raise AssertionError(given)

    monkeypatch.setattr(module, "run_model", never)
    assert alarm.alarm(list(read), config).tolist() == list(read.values())
    with pytest.raises(AssertionError):
        module.embed([ALARMING[0]], config)


def test_meanings_without_reading_are_vectors_and_zeros():
    found = alarm.meanings(["kernel panic", "job finished"], EmbedConfig("random"), reading=False)
    assert found.vectors.shape[0] == 2
    assert found.alarm.tolist() == [0, 0]


def test_a_reader_survives_its_file(tmp_path, monkeypatch):
    change = {
        "query": {"a": np.full((2, 4, 1), 0.5), "b": np.full((2, 1, 4), -0.25)},
        "up": {"a": np.ones((2, 4, 1)), "b": np.zeros((2, 1, 3))},
    }
    reader = alarm.TextReader(change, np.array([0.1, -0.2], np.float32), bias=1.5, unread=-0.5)
    path = tmp_path / "reader"  # written as it is named
    alarm.save(reader, path)
    monkeypatch.setattr(alarm, "READER", path)
    again, version = alarm.load.__wrapped__()
    np.testing.assert_equal(again.low_rank, change)
    np.testing.assert_equal(again.direction, reader.direction)
    assert (again.bias, again.unread) == (1.5, -0.5)
    assert version != alarm.load()[1]


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
    """The share of the words of both that are in each; one word alone says too little."""
    return len(a & b) / len(a | b) if min(len(a), len(b)) > 1 else 0.0


def test_overlap_of_words():
    assert overlap(words("Disk sda failed"), words("disk <*> failed: 7")) == pytest.approx(2 / 3)
    assert overlap(words("failed 7"), words("failed <*>")) == 0


def template_texts(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    [column] = [name for name in rows[0] if name.lower().endswith("template")]
    return [row[column] for row in rows]


@pytest.mark.data
def test_no_statement_comes_near_a_template_of_a_real_system(data_dir):
    """Else a reader would have been told about what it is measured on."""
    tables = sorted(data_dir.glob("*/*templates*.csv"))
    assert len(tables) >= 4
    real = {words(text) for table in tables for text in template_texts(table)}
    near = [
        text for text in alarm.primer()[0] if any(overlap(words(text), held) > 0.6 for held in real)
    ]
    assert near == []
