"""Lots by hand: what they are a hash of, and how many go each way."""

import hashlib

import numpy as np
import pytest

from glx.generallog.route import random_numbers, random_route
from glx.sequences import Distinct, Sequences, csr_offsets, distinct


def make(*rows: list[int]) -> Distinct:
    ids = np.array([i for row in rows for i in row], dtype=np.int32)
    at = np.arange(len(rows))
    offsets = csr_offsets(np.array([len(row) for row in rows], dtype=np.int64))
    return distinct(Sequences(ids, offsets, first_line=at, last_line=at))


def test_lots_by_hand():
    numbers = random_numbers(many := make([7], [7, 1], [2**31 - 1]), 0)
    assert ((numbers >= 0) & (numbers < 1)).all()
    # BLAKE2b of the ids as little-endian int32, keyed with the seed as eight bytes.
    one = hashlib.blake2b(b"\7\0\0\0", digest_size=8, key=bytes(8)).digest()
    assert numbers[0] == pytest.approx(int.from_bytes(one, "little") / 2**64)
    assert random_numbers(many.take(np.zeros(0, dtype=int)), 2**63 - 1).tolist() == []
    spread = np.sort(random_numbers(make(*[[i] for i in range(1000)]), 5))
    assert np.abs(spread - np.arange(1000) / 1000).max() < 0.06


def test_as_many_are_general_as_by_similarity():
    many = make(*[[i] for i in range(40)])
    similar = np.arange(40) < 25
    one, again, other = (random_route(many, similar, seed) for seed in (0, 0, 1))
    assert one.sum() == other.sum() == 25
    assert one.tolist() == again.tolist() != other.tolist()
    numbers = random_numbers(many, 0)
    assert numbers[~one].max() < numbers[one].min()  # the lowest random_numbers go to the expert


def test_copies_go_one_way():
    heavy = make(*[[2]] * 10, *[[0, 1]] * 10)
    for seed in range(9):
        assert heavy.counts @ random_route(heavy, np.array([True, False]), seed) == 10
        assert random_route(heavy, np.array([True, True]), seed).all()
        assert not random_route(heavy, np.array([False, False]), seed).any()
