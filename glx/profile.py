"""The profile of a system: what its unlabelled sequences usually hold, and how far others deviate.

In: the distinct sequences of a system's adaptation part and the size `V` of its template table.
Out: `Profile` (arrays only); from it statistics of sequences (`STATISTICS`), their tails, and
statistics of templates (`EVENT_STATISTICS`). There is no label, no randomness, and the order of
sequences does not matter.

A surprise is `-log10` of a probability (in decades): 2 means one in a hundred. Of `N` sequences
`n_v` hold event `v`, and `c_ab` times event `b` follows event `a`:

    presence(v)   = -log10 P(v)          P(v) = (n_v + 1) / (N + 2), Laplace's rule of succession
    absence(v)    = -log10 (1 - P(v))
    transition    = -log10 (c_ab + k p_b) / (c_a + k)      p_b = (c_b + 1) / (sum of c + V + 2)
    count, length = -log10 (min(#{n >= x}, #{n <= x}) + 1) / (#{n} + 1)
    tail(x)       = -log10 (#{n >= x} + 1) / (N + 1)

Transitions have the Dirichlet prior of MacKay and Peto (1995), `k = TRANSITION_PRIOR`. `count`
compares how often an event is repeated with the sequences that hold it, `length` the number of
events with all sequences, `tail` a statistic with its value in all sequences. An id outside the
table (a template first seen at detection) is an unseen event.

Shares of rare things are estimated without the count of one that Laplace adds, or "never" would
look common in a short log: `surprise(k, N) = -log10 (k + 1/2) / (N + 1)`, after Krichevsky and
Trofimov (1981).
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from glx.kinds import Kinds, fit_kinds
from glx.membership import (
    count_pairs,
    events_of,
    first_missing,
    holding,
    membership,
    presence,
    states,
    sums,
)
from glx.parse.levels import SEVERE
from glx.sequences import Distinct
from glx.steps import surprise

STATISTICS = (
    "presence_max",  # the rarest event that is there
    "presence_sum",
    "absence_max",  # the commonest event that is not there
    "absence_sum",
    "bound",  # the larger of presence_max and absence_max
    "transition_mean",
    "transition_max",
    "count_max",  # an event repeated unusually often or unusually rarely
    "count_sum",
    "length",
    "unseen_share",  # share of the events that no adaptation sequence holds
)
EVENT_STATISTICS = (
    "rarity",  # presence(v)
    "absence",
    "tail",  # -log10 share of the adaptation events that are at least as rare
    "repeats",  # log10 of the mean count where present
    "branching",  # entropy of the next event, in decades
    "unseen",  # 1 where no adaptation sequence holds it
)
TRANSITION_PRIOR = 1.0  # pseudo-transitions per event, spread as the events are overall


@dataclass(frozen=True)
class Profile:
    """Counts over `N` sequences (`U` distinct) of a system with `V` templates.

    Attributes:
      n_sequences: `<int64>[]` the adaptation sequences, `N`.
      present: `<int64>[V]` sequences that hold the event.
      seen: `<bool>[V]` events of any sequence of the system, also of those left out here.
      level_tails: `<float64>[4]` surprise of a sequence with an event of any level, at or above
        WARN, at or above ERROR, at FATAL.
      new_tail: `<float64>[]` surprise of a sequence with an event that no other sequence holds.
      kinds: what sequences of each kind usually hold.
      bigram_from, bigram_to: `<int64>[M]` transitions seen, sorted; the state `V` is an unseen
        event, `V + 1` the edge (before the first and after the last event).
      bigram_count: `<int64>[M]` how often.
      repeat_event, repeat_value, repeat_count: `<int64>[R]`, sorted: `repeat_count` sequences hold
        `repeat_event` exactly `repeat_value` times (at least once).
      lengths, length_counts: `<int64>[K]` distinct lengths, sorted, and the sequences of each.
      values: `<float32>[F, U]` adaptation values of each of `STATISTICS`, sorted.
      at_least: `<int64>[F, U]` adaptation sequences whose value is at least `values`.
    """

    n_sequences: np.ndarray
    present: np.ndarray
    seen: np.ndarray
    level_tails: np.ndarray
    new_tail: np.ndarray
    kinds: Kinds
    bigram_from: np.ndarray
    bigram_to: np.ndarray
    bigram_count: np.ndarray
    repeat_event: np.ndarray
    repeat_value: np.ndarray
    repeat_count: np.ndarray
    lengths: np.ndarray
    length_counts: np.ndarray
    values: np.ndarray
    at_least: np.ndarray

    @classmethod
    def of(cls, arrays: dict[str, Any]) -> Self:
        """From what `dataclasses.asdict` makes of one."""
        return cls(**arrays | {"kinds": Kinds(**arrays["kinds"])})


def fit_profile(
    distinct: Distinct,
    n_templates: int,
    everything: Distinct | None = None,
    levels: np.ndarray | None = None,
) -> Profile:
    """The profile of the sequences of `distinct` over a table of `n_templates` templates.

    Args:
      everything: all sequences of the system, where `distinct` is a part of them.
      levels: `<int8>[V]` as of `glx.parse.levels.severities`; None for a system without levels.
    """
    everything = distinct if everything is None else everything
    levels = np.zeros(n_templates, np.int8) if levels is None else levels
    held = presence(everything, n_templates)
    members, n = membership(distinct, n_templates), int(distinct.counts.sum())
    severe = [holding(distinct, members, levels >= level) for level in range(len(SEVERE) + 1)]
    row, event, repeats = events_of(distinct, n_templates)
    known = event < n_templates
    source, target, owner = _transitions(distinct, n_templates)
    lengths, of_length = np.unique(distinct.lengths, return_inverse=True)
    profile = Profile(
        np.asarray(distinct.counts.sum(), dtype=np.int64),
        presence(distinct, n_templates),
        held > 0,
        surprise(np.array(severe), n),
        surprise(holding(distinct, members, held == 1), n),
        fit_kinds(distinct, everything, n_templates),
        *count_pairs(source, target, distinct.counts[owner]),
        *count_pairs(event[known], repeats[known], distinct.counts[row[known]]),
        lengths,
        sums(of_length, distinct.counts, len(lengths)),
        values=np.zeros((len(STATISTICS), 0), np.float32),
        at_least=np.zeros((len(STATISTICS), 0), np.int64),
    )
    columns = sequence_statistics(profile, distinct).T
    order = np.argsort(columns, axis=1, kind="stable")
    at_least = np.cumsum(distinct.counts[order][:, ::-1], axis=1)[:, ::-1]
    return replace(
        profile,
        values=np.ascontiguousarray(np.take_along_axis(columns, order, axis=1)),
        at_least=np.ascontiguousarray(at_least, dtype=np.int64),
    )


def share_at_level(profile: Profile, level: int) -> float:
    """Share of the sequences with an event at or above a level of `severities`."""
    n = int(profile.n_sequences)
    return float(round((n + 1) / 10 ** profile.level_tails[level] - 0.5) / max(n, 1))


def sequence_statistics(profile: Profile, distinct: Distinct) -> np.ndarray:
    """`<float32>[U, F]`: the columns `STATISTICS` of each distinct sequence."""
    n = len(distinct)
    row, event, repeats = events_of(distinct, len(profile.present))
    present, absent = _surprises(profile)
    absent[-1] = 0.0  # an event that is not in the table is never missing
    presence_max = _row_max(row, present[event], n)
    absence_max = absent[commonest_missing(profile, distinct)]
    transition, owner = _transition_surprise(profile, distinct)
    count = _count_surprise(profile, event, repeats)
    unseen = repeats * (np.append(profile.present, 0)[event] == 0)
    columns = (
        presence_max,
        np.bincount(row, present[event], n),
        absence_max,
        np.maximum(absent.sum() - np.bincount(row, absent[event], n), 0.0),
        np.maximum(presence_max, absence_max),
        np.bincount(owner, transition, n) / (distinct.lengths + 1),
        _row_max(owner, transition, n),
        _row_max(row, count, n),
        np.bincount(row, count, n),
        _length_surprise(profile, distinct.lengths),
        np.bincount(row, unseen, n) / np.maximum(distinct.lengths, 1),
    )
    return np.stack(columns, axis=1).astype(np.float32)


def sequence_tails(profile: Profile, statistics: np.ndarray) -> np.ndarray:
    """`tail` of each statistic (`<float32>[U, F]`) among the adaptation sequences.

    Returns:
      `<float32>[U, F]`, from 0 (nothing is smaller) to `log10(N + 1)` (nothing reaches it).
    """
    tails = [_tail(profile, f, statistics[:, f]) for f in range(len(profile.values))]
    return np.stack(tails, axis=1).astype(np.float32)


def event_tails(profile: Profile, n_templates: int) -> np.ndarray:
    """`<float64>[V]` `-log10` of the share of adaptation sequences that hold an event as rare."""
    present = _surprises(profile)[0][states(np.arange(n_templates), len(profile.present))]
    return _tail(profile, STATISTICS.index("presence_max"), present.astype(np.float32))


def _tail(profile: Profile, f: int, values: np.ndarray) -> np.ndarray:
    """`<float64>` tails of values (`<float32>`) of the `f`-th statistic."""
    first = np.searchsorted(profile.values[f], values, side="left")
    reached = np.append(profile.at_least[f], 0)[first]
    return np.log10((int(profile.n_sequences) + 1) / (reached + 1))


def event_statistics(profile: Profile, n_templates: int | None = None) -> np.ndarray:
    """`<float32>[V, F]`: the columns `EVENT_STATISTICS` of each template, all finite.

    `n_templates` (default `V`) may be larger: the rows from `V` on are those of an unseen template.
    """
    v = len(profile.present)
    present, absent = _surprises(profile)
    occurrences = sums(profile.repeat_event, profile.repeat_value * profile.repeat_count, v + 1)
    order = np.argsort(-present, kind="stable")
    # Equally rare events share the total of all that are as rare.
    rarer = np.cumsum(occurrences[order])
    last = np.searchsorted(-present[order], -present, side="right") - 1
    tail = np.log10((occurrences.sum() + 1) / (rarer[last] + 1))
    sequences = np.append(profile.present, 0)
    totals = sums(profile.bigram_from, profile.bigram_count, v + 2)
    share = profile.bigram_count / totals[profile.bigram_from]
    branching = np.bincount(profile.bigram_from, -share * np.log10(share), v + 2)[: v + 1]
    repeats = np.log10(np.maximum(occurrences, 1) / np.maximum(sequences, 1))
    columns = (present, absent, tail, repeats, branching, sequences == 0)
    table = np.stack(columns, axis=1).astype(np.float32)
    return table[states(np.arange(v if n_templates is None else n_templates), v)]


def commonest_missing(profile: Profile, sequences: Distinct) -> np.ndarray:
    """`<int64>[U]` the commonest event that each sequence lacks; `V` where it lacks none."""
    return first_missing(_surprises(profile)[1][:-1], sequences)


def _surprises(profile: Profile) -> tuple[np.ndarray, np.ndarray]:
    """`presence` and `absence`, `<float64>[V + 1]`; the last row is an unseen event."""
    n, present = int(profile.n_sequences), np.append(profile.present, 0)
    return np.log10((n + 2) / (present + 1)), np.log10((n + 2) / (n - present + 1))


def _transition_surprise(profile: Profile, distinct: Distinct) -> tuple[np.ndarray, np.ndarray]:
    """`<float64>[E + U]` surprise of each transition, and `<int64>[E + U]` its sequence."""
    size = len(profile.present) + 2
    source, target, owner = _transitions(distinct, size - 2)
    key, keys = source * size + target, profile.bigram_from * size + profile.bigram_to
    at = np.searchsorted(keys, key)
    count = np.where(np.append(keys, -1)[at] == key, np.append(profile.bigram_count, 0)[at], 0)
    targets = sums(profile.bigram_to, profile.bigram_count, size)
    overall = (targets + 1) / (targets.sum() + size)
    totals = sums(profile.bigram_from, profile.bigram_count, size)
    k = TRANSITION_PRIOR
    return np.log10((totals[source] + k) / (count + k * overall[target])), owner


def _count_surprise(profile: Profile, event: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    width = profile.repeat_value.max(initial=0) + 2
    keys = profile.repeat_event * width + profile.repeat_value
    key = event * width + np.minimum(repeats, width - 1)
    first, last = (np.searchsorted(keys, edge * width) for edge in (event, event + 1))
    return _two_sided(keys, profile.repeat_count, key, first, last)


def _length_surprise(profile: Profile, lengths: np.ndarray) -> np.ndarray:
    return _two_sided(profile.lengths, profile.length_counts, lengths, 0, len(profile.lengths))


def _two_sided(keys: np.ndarray, counts: np.ndarray, key: np.ndarray, first, last) -> np.ndarray:
    """Two-sided tail of each `key` among `keys[first:last]` (sorted), each seen `counts` times."""
    total = np.concatenate([[0], np.cumsum(counts)])
    at_least = total[last] - total[np.searchsorted(keys, key, side="left")]
    at_most = total[np.searchsorted(keys, key, side="right")] - total[first]
    return np.log10((total[last] - total[first] + 1) / (np.minimum(at_least, at_most) + 1))


def _transitions(distinct: Distinct, n_templates: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From-state, to-state and row of each transition, `<int64>[E + U]`, edges included."""
    state = states(distinct.ids, n_templates)
    source = np.insert(state, distinct.offsets[:-1], n_templates + 1)
    target = np.insert(state, distinct.offsets[1:], n_templates + 1)
    return source, target, np.repeat(np.arange(len(distinct)), distinct.lengths + 1)


def _row_max(row: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """`<float64>[n]` largest of the non-negative values of each row, 0 for a row without any."""
    out = np.zeros(n)
    np.maximum.at(out, row, values)
    return out
