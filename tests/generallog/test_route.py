"""The router against similarities worked out by hand, and against what must not matter."""

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import unique

from glx.config import check
from glx.data.catalogue import resolve
from glx.data.load import DataConfig, load
from glx.data.systems import SIMULATED
from glx.embed.alarm import Meanings
from glx.embed.embed import EmbedConfig, embed
from glx.errors import InputError
from glx.generallog import route
from glx.generallog.route import RouteConfig
from glx.sequences import TEST, distinct

# Cosines to the sources (0.8, 0.6) and (1, 0): event 0 has 0.8 and 1, 1 0.96 and 0.6, 2 0.6 and 0.
TARGET = np.array([[1, 0], [0.6, 0.8], [0, 1]], dtype=np.float32)
SOURCES = [np.array([[0.8, 0.6]], dtype=np.float32), np.array([[1, 0]], dtype=np.float32)]
PAPER = RouteConfig("paper", tau=0.8)


def random_units(n: int, d: int, seed: int) -> np.ndarray:
    return route.unit(np.random.default_rng(seed).normal(size=(n, d)))


def fitted(asked, config=PAPER, target=TARGET, sources=SOURCES, seed=0):
    """A router adapted on `asked`, and where it sends them."""
    names = [f"source {i}" for i in range(len(sources))]
    router = route.fit(target, asked, sources, names, config, seed)
    return router, route.route(router, asked, target)


def test_two_sequences_by_hand():
    _, routed = fitted(unique([0, 1], [0, 0, 2, 2]))  # sorted, [0, 0, 2, 2] comes first
    assert routed.cosine == pytest.approx([1, 0.96, 0.6])
    assert routed.similarity.tolist() == routed.cosine.tolist()
    assert routed.nearest.tolist() == [1, 0, 0]
    assert routed.x_sim == pytest.approx([0.6, 0.96])
    assert routed.general.tolist() == [False, True]
    assert routed.deciding.tolist() == [2, 1]
    assert routed.event.tolist() == [2, 1]
    types = {"x_sim": np.float32, "similarity": np.float32, "cosine": np.float32}
    types |= {"nearest": np.int32, "deciding": np.int64, "event": np.int64, "general": np.bool_}
    assert {name: getattr(routed, name).dtype for name in types} == types


def test_a_similarity_of_exactly_tau_is_general():
    _, routed = fitted(unique([0], [1]), RouteConfig("paper", tau=1.0))
    assert routed.general.tolist() == [True, False]


def test_explains_by_the_deciding_event_and_its_nearest_source_template():
    sources = [SOURCES[1], np.concatenate([-TARGET, SOURCES[0]])]
    router, routed = fitted(unique([0, 1, 0, 2]), sources=sources)
    (found,) = route.explain(
        router, routed, Meanings(["x", "y", "z"], *[np.zeros(3)] * 2), [["p"], ["q", "r", "s", "t"]]
    )
    cosine = pytest.approx(0.6)
    source = {"source": "source 1", "nearest": "t"}
    assert found == {"event": 3, "text": "z", "cosine": cosine} | source


def test_common_events_count_as_known():
    # Event 0 is in all sequences, 1 in half of them, 2 in one of four, 3 in none.
    target = random_units(4, 8, seed=1)
    adapt = unique([0, 1], [0, 1, 1], [0, 2], [0])
    router = route.fit(target, adapt, [random_units(5, 8, seed=2)], ["s"], RouteConfig())
    assert router.common.tolist() == [True, True, False, False]
    asked = unique([0, 1, 0], [0, 3, 1], [1, 2, 3, 2])
    routed = route.route(router, asked, target)
    assert routed.similarity[:2].tolist() == [1, 1]
    assert routed.similarity[2:].tolist() == routed.cosine[2:].tolist()
    assert routed.cosine[:2].max() < 1
    assert routed.x_sim[0] == 1
    assert routed.general[0]
    # Nothing but common events: the least like the sources decides, at its first place.
    least = int(np.argmin(routed.cosine[:2]))
    assert (routed.event[0], routed.deciding[0]) == (least, least)
    assert routed.event[1:].tolist() == [3, 2 + int(routed.cosine[3] < routed.cosine[2])]
    assert routed.deciding[1] == 1
    assert not route.fit(target, adapt, [target], ["s"], PAPER).common.any()


def test_centring_takes_off_what_all_templates_of_a_system_share():
    # One direction is shared within each system, the other says what happened.
    shared = np.eye(4, dtype=np.float32)
    target = route.unit(5 * shared[0] + np.stack([shared[2], -shared[2], shared[2] + shared[3]]))
    source = route.unit(5 * shared[1] + np.stack([shared[2], -shared[2]]))
    adapt = unique([0], [1], [2])
    _, routed = fitted(adapt, RouteConfig("centred", tau=0.5), target, [source])
    assert routed.nearest.tolist() == [0, 1, 0]
    _, plain = fitted(adapt, PAPER, target, [source])
    assert plain.cosine.max() < 0.05
    assert routed.cosine.min() > 0.2


@pytest.mark.parametrize("name", ["centred", "paper"])
def test_systems_of_one_template_are_no_special_case(name):
    one = TARGET[:1]
    router, routed = fitted(unique([0]), RouteConfig(name), one, [one, TARGET[2:]])
    assert routed.cosine == pytest.approx([1])
    assert np.isfinite(router.tau)
    assert routed.general.tolist() == [True]


def test_templates_that_are_new_since_the_fit():
    target, source = random_units(7, 8, seed=4), [random_units(6, 8, seed=5)]
    adapt = unique([0, 1], [0, 2], [0, 3, 4])
    router = route.fit(target[:5], adapt, source, ["s"], RouteConfig())
    # Rows that adaptation does not hold change nothing.
    again = route.fit(target, adapt, source, ["s"], RouteConfig())
    assert (again.tau, again.mean.tolist()) == (router.tau, router.mean.tolist())
    old = route.route(router, unique([0, 1], [3]), target[:5])
    new = route.route(router, unique([0, 1], [0, 5], [3], [6, 5]), target)
    assert new.cosine[:5] == pytest.approx(old.cosine, abs=1e-6)
    assert new.x_sim[[0, 2]] == pytest.approx(old.x_sim, abs=1e-6)
    assert new.event[[1, 3]].tolist() == [5, 5 + int(new.cosine[6] < new.cosine[5])]
    with pytest.raises(ValueError, match="without events"):
        route.route(router, unique([0], []), target)


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(6)), st.permutations(range(7)), st.permutations(range(9)))
def test_order_does_not_matter(within, rows, templates):
    target, source = random_units(9, 8, seed=6), random_units(7, 8, seed=7)
    of_old = np.array(templates)  # new id of each template
    sequence = [0, 3, 3, 5, 1, 8]
    asked, shuffled = unique(sequence), unique([int(of_old[sequence[i]]) for i in within])
    moved = target[np.argsort(of_old)]
    _, left = fitted(asked, PAPER, target, [source])
    _, right = fitted(shuffled, PAPER, moved, [source[list(rows)]])
    assert right.x_sim == pytest.approx(left.x_sim, abs=1e-6)
    assert right.event[0] == of_old[left.event[0]]
    assert shuffled.ids[right.deciding[0]] == right.event[0]
    assert right.event[0] not in shuffled.ids[: right.deciding[0]]


def test_default_tau_by_hand():
    x_sim = np.array([0.1, 0.3, 0.5, 1.0], dtype=np.float32)
    counts = np.array([2, 38, 40, 20])  # below each next value: 2 %, 40 %, 80 %
    for level, tau in (
        (0.45, 0.45),  # 40 % lie below it: taken at its word
        (0.2, 0.4),  # 2 % would be too few, (0.3 + 0.5) / 2
        (0.9, 0.4),  # 80 % would be too many
        (0.05, 0.4),
    ):
        assert route.default_tau(x_sim, counts, level) == pytest.approx(tau)
    # No cut is within 5 and 50 %: the 2 % are nearer than the 80 %.
    assert route.default_tau(x_sim[[0, 2, 3]], np.array([2, 78, 20]), 0.9) == pytest.approx(0.3)
    assert route.default_tau(x_sim[:1], counts[:1], 0.7) == pytest.approx(0.7)
    # Neighbours among the float32: the cut still parts them.
    close = np.array([0.3, np.nextafter(np.float32(0.3), np.float32(1))], dtype=np.float32)
    tau = route.default_tau(close, np.array([1, 1]), 0.9)
    assert (close >= np.float32(tau)).tolist() == [False, True]


def test_within_source_similarity_by_hand():
    source = np.array([[1, 0], [0.8, 0.6], [0, 1], [0, 1]], dtype=np.float32)
    # (1, 0): 0.8; (0.8, 0.6): 0.8; (0, 1) stands twice and counts once: 0.6. Their 5 % quantile
    # lies a tenth of the way from 0.6 to 0.8.
    assert route.within_source_similarity([source]) == pytest.approx(0.62)
    assert route.within_source_similarity([source, source[:2]]) == pytest.approx((0.62 + 0.8) / 2)
    assert route.within_source_similarity([source[:1]]) == 0.0


def test_default_routes_both_ways_on_tiny_data():
    # Event 0 is common, 1 the source knows too, 2 it does not.
    target = np.eye(6, dtype=np.float32)[[0, 1, 2]]
    source = np.eye(6, dtype=np.float32)[[1, 3, 4]]
    adapt = unique(*[[0, 1]] * 3, *[[0]] * 5, *[[0, 2]] * 2)
    router, routed = fitted(adapt, RouteConfig(), target, [source])
    assert routed.general.tolist() == [True, True, False]  # [0], [0, 1], [0, 2]
    assert routed.similarity[2] < router.tau <= routed.similarity[1]
    assert route.summary(routed, adapt.counts)["share_proprietary"] == pytest.approx(0.2)


def test_summary_and_its_warning():
    asked = unique(*[[0]] * 99, *[[2]] * 2, [1])
    _, routed = fitted(asked)
    report = route.summary(routed, asked.counts)
    assert report["share_proprietary"] == pytest.approx(2 / 102)
    assert report["n_similarities"] == 3
    expected = [[(0.6 + 0.96) / 2, 2 / 102], [(0.96 + 1) / 2, 3 / 102]]
    np.testing.assert_allclose(report["share_over_tau"], expected, rtol=1e-6)
    assert report["warning"] is None
    json.dumps(report)
    some = route.summary(routed, asked.counts, rows=1)
    assert some["share_over_tau"] == report["share_over_tau"][:1]
    for tau, share in ((-1.0, "0.0%"), (1.0, "100.0%")):
        _, routed = fitted(one := unique([1]), RouteConfig("paper", tau=tau))
        report = route.summary(routed, one.counts)
        assert report["warning"].startswith(share)
        assert report["share_over_tau"] == []


@pytest.mark.parametrize("name", ["general", "proprietary"])
def test_one_route_for_all_is_centred_in_everything_else(name):
    adapt = unique([0], [1], [2], [0, 1])
    router, centred = fitted(adapt, RouteConfig("centred"))
    assert {*centred.general.tolist()} == {True, False}
    other, routed = fitted(adapt, RouteConfig(name))
    assert routed.general.tolist() == [name == "general"] * 4
    assert other.tau == router.tau
    for field in ("x_sim", "deciding", "event", "similarity", "cosine", "nearest"):
        np.testing.assert_array_equal(getattr(routed, field), getattr(centred, field))
    report = route.summary(routed, adapt.counts, one_way=True)
    assert report["share_proprietary"] == (name == "proprietary")
    assert report["warning"] is None
    assert route.summary(routed, adapt.counts)["warning"] is not None


def test_random_sends_as_many_as_centred():
    adapt = unique([0], [1], [2], [0, 1])
    centred, _ = fitted(adapt, RouteConfig("centred"))
    router, other = (fitted(adapt, RouteConfig("random"), seed=seed)[0] for seed in (0, 1))
    many = unique(
        *[[0] * a + [1] * b + [2] * c for a in range(15) for b in range(1, 15) for c in (0, 1)]
    )
    similar, chosen = (route.route(r, many, TARGET).general for r in (centred, router))
    assert 0 < (~similar).sum() < len(many)
    assert (~chosen).sum() == (~similar).sum()
    assert 0 < (chosen & similar).sum() < similar.sum()  # but not the same ones
    assert route.route(other, many, TARGET).general.tolist() != chosen.tolist()
    assert route.route(router, many, TARGET).general.tolist() == chosen.tolist()


def test_random_numbers_by_hand():
    numbers = route.random_numbers(many := unique([7], [7, 1], [2**31 - 1]), 0)
    assert ((numbers >= 0) & (numbers < 1)).all()
    # BLAKE2b of the ids as little-endian int32, keyed with the seed as eight bytes.
    one = hashlib.blake2b(b"\7\0\0\0", digest_size=8, key=bytes(8)).digest()
    assert numbers[0] == pytest.approx(int.from_bytes(one, "little") / 2**64)
    assert route.random_numbers(many.take(np.zeros(0, dtype=int)), 2**63 - 1).tolist() == []
    spread = np.sort(route.random_numbers(unique(*[[i] for i in range(1000)]), 5))
    assert np.abs(spread - np.arange(1000) / 1000).max() < 0.06


def test_as_many_are_general_as_by_similarity():
    many = unique(*[[i] for i in range(40)])
    similar = np.arange(40) < 25
    one, again, other = (route.random_route(many, similar, seed) for seed in (0, 0, 1))
    assert one.sum() == other.sum() == 25
    assert one.tolist() == again.tolist() != other.tolist()
    numbers = route.random_numbers(many, 0)
    assert numbers[~one].max() < numbers[one].min()  # the lowest go to the expert


def test_copies_go_one_way():
    heavy = unique(*[[2]] * 10, *[[0, 1]] * 10)
    for seed in range(9):
        assert heavy.counts @ route.random_route(heavy, np.array([True, False]), seed) == 10
        assert route.random_route(heavy, np.array([True, True]), seed).all()
        assert not route.random_route(heavy, np.array([False, False]), seed).any()


@pytest.mark.parametrize("wrong", [RouteConfig("cosine"), RouteConfig(tau=1.5)])
def test_settings_out_of_bounds(wrong):
    with pytest.raises(InputError, match=r"--(route|tau)="):
        check(wrong)


def assert_both_routes_are_used(target: str, systems: tuple[str, ...], config: DataConfig) -> None:
    """By the default, in either part of the target, with both and with one source."""
    sources = [name for name in systems if name != target]
    chosen = resolve(target, tuple(sources), (), config)
    read = {s.name: load(s, config, adapt_share=1.0).templates.texts for s in chosen.sources}
    table = {name: embed(texts, EmbedConfig()) for name, texts in read.items()}
    parsed = load(chosen.target, config)
    vectors = embed(parsed.parser.texts, EmbedConfig())
    adapt = distinct(parsed.adapt)
    test = distinct(parsed.sequences.take(np.flatnonzero(parsed.part == TEST)))
    for names in (sources, sources[:1], sources[1:]):
        router = route.fit(vectors, adapt, [table[n] for n in names], names, RouteConfig())
        for part in (adapt, test):
            report = route.summary(route.route(router, part, vectors), part.counts)
            assert report["warning"] is None
            assert report["n_similarities"] >= 5
            assert 0.01 <= report["share_proprietary"] <= 0.99


@pytest.mark.parametrize("target", SIMULATED)
def test_both_routes_are_used_on_simulated_logs(target, tmp_path):
    config = DataConfig(sim_lines=4000, cache_dir=str(tmp_path))
    assert_both_routes_are_used(target, SIMULATED, config)


REAL = ("hdfs", "bgl", "openstack")


@pytest.mark.data
@pytest.mark.parametrize("target", REAL)
def test_both_routes_are_used_on_real_logs(target, data_dir):
    assert_both_routes_are_used(target, REAL, DataConfig(data_dir=str(data_dir)))
