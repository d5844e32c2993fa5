"""Quicker, and the same clusters as the package's."""

from drain3.drain import Drain
from hypothesis import given, settings
from hypothesis import strategies as st

from glx.parse.drain import FastDrain

TOKENS = st.sampled_from(["a", "b", "c", "d7", "<*>"])
TEXTS = st.lists(st.lists(TOKENS, max_size=6).map(" ".join), max_size=40)


@settings(deadline=None)
@given(
    *(TEXTS, st.sampled_from([0.2, 0.4, 0.7]), st.sampled_from([2, 100])),
    *(st.integers(3, 5), st.sampled_from([2, 10_000])),
)
def test_the_same_clusters_as_the_package(texts, similarity, children, depth, most_starts):
    ours, theirs = (
        made(depth=depth, sim_th=similarity, max_children=children) for made in (FastDrain, Drain)
    )
    ours.max_starts = most_starts
    for text in texts:
        a, b = ours.add_log_message(text), theirs.add_log_message(text)
        assert (a[0].cluster_id, a[0].get_template(), a[0].size, a[1]) == (
            b[0].cluster_id, b[0].get_template(), b[0].size, b[1],
        )  # fmt: skip
        found, known = ours.match(text), theirs.match(text)
        assert (found and found.cluster_id) == (known and known.cluster_id)
