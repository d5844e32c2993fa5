"""Drain's tree with faster comparisons: the same clusters, in the same order, as the package's.

A text is compared with a template at the template's words only, all at once. Most texts are equal
there, which leaves the template unchanged.
"""

from collections.abc import Callable, Sequence
from operator import eq, itemgetter
from typing import Any

from drain3.drain import Drain, LogCluster, Node

from glx.sequences import WILDCARD

Tokens = tuple[str, ...]
Pick = Callable[[Sequence[str]], Tokens]
Words = tuple[Tokens, Pick]
Start = tuple[int | str, ...]  # how many tokens, and the first of them


class FastDrain(Drain):
    """`drain3.drain.Drain` whose wildcard is `<*>` and which forgets no cluster."""

    max_starts = 10_000  # starts of texts whose candidate clusters are cached

    def __init__(self, **settings: Any) -> None:
        super().__init__(param_str=WILDCARD, **settings)
        self._words: dict[int, Words] = {}  # of each cluster's template
        self._candidates: dict[Start, Sequence[int]] = {}  # clusters of texts that start like this

    def add_log_message(self, content: str) -> tuple[LogCluster, str]:
        """The cluster that a text joins, and what that did to it."""
        tokens = content.split()
        start: Start = (len(tokens), *tokens[: self.max_node_depth - 1])
        found = self._candidates.get(start)
        if found is None:
            found = candidates(self.root_node, tokens, self.max_node_depth)
            if len(self._candidates) < self.max_starts:
                self._candidates[start] = found
        cluster, fits = self._closest(found, tokens, self.sim_th, False)
        if cluster is None:
            cluster, change = super().add_log_message(content)
            self._words[cluster.cluster_id] = words_of(cluster.log_template_tokens)
            return cluster, change
        cluster.size += 1
        if fits:
            return cluster, "none"
        template = cluster.log_template_tokens
        cluster.log_template_tokens = tuple(
            a if a == b else WILDCARD for a, b in zip(template, tokens, strict=True)
        )
        self._words[cluster.cluster_id] = words_of(cluster.log_template_tokens)
        return cluster, "cluster_template_changed"

    def add_seq_to_prefix_tree(self, root_node: Node, cluster: LogCluster) -> None:
        """Add a cluster, which may be a candidate for texts whose candidates are cached."""
        self._candidates.clear()
        super().add_seq_to_prefix_tree(root_node, cluster)

    def tree_search(
        self, root_node: Node, tokens: list[str], sim_th: float, include_params: bool
    ) -> LogCluster | None:
        """The most similar of the clusters with as many tokens and the same first ones."""
        found = candidates(root_node, tokens, self.max_node_depth)
        return self._closest(found, tokens, sim_th, include_params)[0]

    def _closest(
        self, cluster_ids: Sequence[int], tokens: list[str], sim_th: float, include_params: bool
    ) -> tuple[LogCluster | None, bool]:
        """The cluster with the most equal tokens, of these the one with the most wildcards.

        None where too few are equal; and whether all words of its template are.
        """
        best, most, most_wildcards, fits = 0, -1, -1, False
        for id_ in cluster_ids:
            words, pick = self._words[id_]
            picked, same = pick(tokens), len(words)
            wildcards = len(tokens) - same
            equal = picked == words
            if not equal:
                same = sum(map(eq, picked, words))
            if include_params:
                same += wildcards
            if same > most or (same == most and wildcards > most_wildcards):
                best, most, most_wildcards, fits = id_, same, wildcards, equal
        lead = 0  # what names a component is no part of what is said
        while lead < len(tokens) and tokens[lead][-1] == ":":
            lead += 1
        if most < 0 or most - lead < sim_th * (len(tokens) - lead):
            return None, False
        return self.id_to_cluster[best], fits


def candidates(root: Node, tokens: list[str], depth: int) -> Sequence[int]:
    """The clusters with as many tokens and the same first ones."""
    node = root.key_to_child_node.get(str(len(tokens)))
    for token in tokens[: min(depth, len(tokens)) - 1]:
        if node is None:
            break
        children = node.key_to_child_node
        node = children.get(token) or children.get(WILDCARD)
    return () if node is None else node.cluster_ids


def words_of(template: Tokens) -> Words:
    """The words of a template, and a function that takes the tokens of a text in their places."""
    return words_at(template, [at for at, token in enumerate(template) if token != WILDCARD])


def words_at(template: Sequence[str], places: Sequence[int]) -> Words:
    """The same for the tokens in some places."""
    pick: Pick
    if len(places) > 1:
        pick = itemgetter(*places)
    else:
        pick = lambda tokens: tuple(tokens[at] for at in places)  # noqa: E731
    return pick(template), pick
