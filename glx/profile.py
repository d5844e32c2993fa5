"""How unusual a sequence is for its own system: structural evidence that needs no label.

In: the distinct sequences of a system's adaptation part (`Distinct`) and the size of its template
table. Out: `Profile` (arrays only), and from them statistics per sequence, template and event.

Every surprise is `-log10` of a probability, so 2 means "once in a hundred". The probability that a
sequence holds event `v` is smoothed by Laplace's rule of succession, `P(v) = (n_v + 1) / (N + 2)`.
An id that is not in the table (a template first seen at detection) counts as unseen. All results
are functions of the multiset of sequences: no order of rows, no randomness.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from glx.sequences import Distinct

STATISTICS = (
    "presence_max",  # rarest event that is there
    "presence_sum",
    "absence_max",  # most usual event that is not there
    "absence_sum",
    "bound",  # the larger of the two: -log10 min(P(present), P(absent))
    "transition_mean",
    "transition_max",
    "count_max",  # an event repeated unusually often or unusually rarely
    "count_sum",
    "length",  # two-sided tail of the number of events
    "unseen_share",  # share of the events that no adaptation sequence holds
)
EVENT_STATISTICS = (
    "rarity",  # -log10 P(present)
    "absence",  # -log10 P(absent)
    "tail",  # -log10 share of the adaptation events that are at least as rare
    "repeats",  # log10 of the mean count where present
    "branching",  # entropy of the next event, in decades
    "unseen",  # 1 where no adaptation sequence holds it
)
TRANSITION_PRIOR = 1.0  # pseudo-transitions per event, spread as the events are overall


@dataclass(frozen=True)
class Profile:
    """What is usual for one system; `V` templates, `N` sequences of which `U` are distinct.

    Attributes:
      n_sequences: `<int64>[]` the adaptation sequences, `N`.
      present: `<int64>[V]` sequences that hold the event.
      seen: `<bool>[V]` events that some sequence of the system held, left out of these or not.
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


class Membership(NamedTuple):
    """Which events `U` distinct sequences hold: sorted pairs, none twice.

    Attributes:
      row, event: `<int64>[M]`; events of the table alone.
      counts: `<int64>[U]` how often each sequence occurs.
    """

    row: np.ndarray
    event: np.ndarray
    counts: np.ndarray


def fit_profile(distinct: Distinct, n_templates: int, whole: Distinct | None = None) -> Profile:
    """The profile of the sequences of `distinct` over a table of `n_templates` templates.

    Args:
      whole: all sequences of the system, where `distinct` is a part of them.
    """
    whole = distinct if whole is None else whole
    row, event, repeats = _pairs(distinct)
    weight = distinct.counts[row]
    known = (event >= 0) & (event < n_templates)
    (repeat_event, repeat_value), repeat_count = _count(
        (event[known], repeats[known]), weight[known]
    )
    source, target, owner = _transitions(distinct, n_templates)
    (bigram_from, bigram_to), bigram_count = _count((source, target), distinct.counts[owner])
    (lengths,), length_counts = _count((distinct.lengths,), distinct.counts)
    empty = np.zeros((len(STATISTICS), 0))
    profile = Profile(
        n_sequences=np.asarray(distinct.counts.sum(), dtype=np.int64),
        present=_sums(event[known], weight[known], n_templates),
        seen=presence(membership(whole, n_templates), n_templates) > 0,
        bigram_from=bigram_from,
        bigram_to=bigram_to,
        bigram_count=bigram_count,
        repeat_event=repeat_event,
        repeat_value=repeat_value,
        repeat_count=repeat_count,
        lengths=lengths,
        length_counts=length_counts,
        values=empty.astype(np.float32),
        at_least=empty.astype(np.int64),
    )
    columns = sequence_statistics(profile, distinct).T
    order = np.argsort(columns, axis=1, kind="stable")
    at_least = np.cumsum(distinct.counts[order][:, ::-1], axis=1)[:, ::-1]
    return replace(
        profile,
        values=np.ascontiguousarray(np.take_along_axis(columns, order, axis=1)),
        at_least=np.ascontiguousarray(at_least, dtype=np.int64),
    )


def sequence_statistics(profile: Profile, distinct: Distinct) -> np.ndarray:
    """`<float32>[U, F]`: the columns `STATISTICS` of each distinct sequence."""
    n = len(distinct)
    row, event, repeats = _pairs(distinct)
    presence, absence = _presence(profile)
    absence[-1] = 0.0  # nobody misses an event that is not in the table
    event = _states(event, len(profile.present))

    absence_max = absence[_most_usual_missing(absence, row, event, n)]
    absence_sum = np.maximum(absence.sum() - np.bincount(row, absence[event], n), 0.0)

    presence_max = _row_max(row, presence[event], n)
    transition, owner = _transition_surprise(profile, distinct)
    count = _count_surprise(profile, event, repeats)
    unseen = np.append(profile.present, 0)[_states(distinct.ids, len(profile.present))] == 0
    columns = (
        presence_max,
        np.bincount(row, presence[event], n),
        absence_max,
        absence_sum,
        np.maximum(presence_max, absence_max),
        np.bincount(owner, transition, n) / (distinct.lengths + 1),
        _row_max(owner, transition, n),
        _row_max(row, count, n),
        np.bincount(row, count, n),
        _length_surprise(profile, distinct.lengths),
        np.bincount(_owners(distinct), unseen, n) / np.maximum(distinct.lengths, 1),
    )
    return np.stack(columns, axis=1).astype(np.float32)


def sequence_tails(profile: Profile, statistics: np.ndarray) -> np.ndarray:
    """How unusual each statistic is for its own system: `-log10 (#{adapt >= x} + 1) / (N + 1)`.

    Args:
      statistics: `<float32>[U, F]` from `sequence_statistics`.

    Returns:
      `<float32>[U, F]`, from 0 (nothing is smaller) to `log10(N + 1)` (nothing reaches it).
    """
    out = np.empty(statistics.shape, dtype=np.float32)
    for f in range(len(profile.values)):
        out[:, f] = _tail(profile, f, statistics[:, f])
    return out


def event_tails(profile: Profile, n_templates: int) -> np.ndarray:
    """`<float64>[V]` `-log10` of the share of adaptation sequences that hold an event as rare."""
    presence = _presence(profile)[0][_states(np.arange(n_templates), len(profile.present))]
    return _tail(profile, STATISTICS.index("presence_max"), presence.astype(np.float32))


def _tail(profile: Profile, f: int, values: np.ndarray) -> np.ndarray:
    """`<float64>` tails of values (`<float32>`) of the `f`-th statistic."""
    first = np.searchsorted(profile.values[f], values, side="left")
    reached = np.append(profile.at_least[f], 0)[first]
    return np.log10((int(profile.n_sequences) + 1) / (reached + 1))


def event_statistics(profile: Profile, n_templates: int | None = None) -> np.ndarray:
    """`<float32>[V, G]`: the columns `EVENT_STATISTICS` of each template, all finite.

    `n_templates` (default `V`) may be larger: the rows from `V` on are those of an unseen template.
    """
    v = len(profile.present)
    presence, absence = _presence(profile)
    occurrences = _sums(profile.repeat_event, profile.repeat_value * profile.repeat_count, v + 1)
    order = np.argsort(-presence, kind="stable")
    # Equally rare events share the total of all that are as rare.
    rarer = np.cumsum(occurrences[order])
    last = np.searchsorted(-presence[order], -presence, side="right") - 1
    tail = np.log10((occurrences.sum() + 1) / (rarer[last] + 1))
    present = np.append(profile.present, 0)
    totals = _sums(profile.bigram_from, profile.bigram_count, v + 2)
    share = profile.bigram_count / totals[profile.bigram_from]
    branching = np.bincount(profile.bigram_from, -share * np.log10(share), v + 2)[: v + 1]
    repeats = np.log10(np.maximum(occurrences, 1) / np.maximum(present, 1))
    columns = (presence, absence, tail, repeats, branching, present == 0)
    table = np.stack(columns, axis=1).astype(np.float32)
    return table[_states(np.arange(v if n_templates is None else n_templates), v)]


def membership(sequences: Distinct, n_templates: int) -> Membership:
    """Which of the `V` events of the table each sequence holds."""
    row, event, _ = _pairs(sequences)
    known = (event >= 0) & (event < n_templates)
    return Membership(row[known], event[known], sequences.counts)


def presence(held: Membership, n_templates: int) -> np.ndarray:
    """`<int64>[V]` sequences that hold each event of the table, duplicates counted."""
    return _sums(held.event, held.counts[held.row], n_templates)


def sum_of_present(held: Membership, values: np.ndarray) -> np.ndarray:
    """`<float64>[U]` sum of `values` (`<float>[V]`) over the events that each holds."""
    return np.bincount(held.row, values[held.event], len(held.counts))


def most_usual_missing(profile: Profile, sequences: Distinct) -> np.ndarray:
    """`<int64>[U]` the most usual event that each sequence lacks; `V` where it lacks none."""
    row, event, _ = _pairs(sequences)
    absence = _presence(profile)[1]
    absence[-1] = 0.0
    event = _states(event, len(profile.present))
    return _most_usual_missing(absence, row, event, len(sequences))


def _most_usual_missing(
    absence: np.ndarray, row: np.ndarray, event: np.ndarray, n: int
) -> np.ndarray:
    """The same of `n` rows that hold each `event` once, by the absence surprise of the `V` and 0.

    Number the events from the most usual one on; then it is the smallest number that a sequence
    lacks, the first place where its sorted numbers and 0, 1, 2, ... part, or where nothing parts
    the one after all that it holds.
    """
    usual = np.argsort(-absence, kind="stable")
    number = np.argsort(usual)[event]
    number = number[np.lexsort((number, row))]
    missing = np.bincount(row, minlength=n)
    place = np.arange(len(row)) - np.repeat(np.cumsum(missing) - missing, missing)
    parts = number != place
    np.minimum.at(missing, row[parts], place[parts])
    return np.append(usual, len(absence) - 1)[missing]


def _presence(profile: Profile) -> tuple[np.ndarray, np.ndarray]:
    """Presence and absence surprise, `<float64>[V + 1]`; the last row is an unseen template."""
    n, present = int(profile.n_sequences), np.append(profile.present, 0)
    return np.log10((n + 2) / (present + 1)), np.log10((n + 2) / (n - present + 1))


def _transition_surprise(profile: Profile, distinct: Distinct) -> tuple[np.ndarray, np.ndarray]:
    """`<float64>[E + U]` surprise of each transition, and `<int64>[E + U]` its sequence.

    `P(b | a) = (c(a, b) + k p(b)) / (c(a) + k)`, `p` the add-one share of `b` among all targets,
    `k = TRANSITION_PRIOR` (the Dirichlet prior of MacKay and Peto, 1995).
    """
    size = len(profile.present) + 2
    source, target, owner = _transitions(distinct, size - 2)
    key, keys = source * size + target, profile.bigram_from * size + profile.bigram_to
    at = np.searchsorted(keys, key)
    found = np.append(keys, -1)[at] == key
    count = np.where(found, np.append(profile.bigram_count, 0)[at], 0)
    targets = _sums(profile.bigram_to, profile.bigram_count, size)
    overall = (targets + 1) / (targets.sum() + size)
    totals = _sums(profile.bigram_from, profile.bigram_count, size)
    k = TRANSITION_PRIOR
    return np.log10((totals[source] + k) / (count + k * overall[target])), owner


def _count_surprise(profile: Profile, event: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    """Two-sided tail of an event's count among the adaptation sequences that hold the event."""
    width = profile.repeat_value.max(initial=0) + 2
    keys = profile.repeat_event * width + profile.repeat_value
    key = event * width + np.minimum(repeats, width - 1)
    total = np.concatenate([[0], np.cumsum(profile.repeat_count)])
    first, last = (total[np.searchsorted(keys, k)] for k in (event * width, (event + 1) * width))
    at_least = last - total[np.searchsorted(keys, key, side="left")]
    at_most = total[np.searchsorted(keys, key, side="right")] - first
    return np.log10((last - first + 1) / (np.minimum(at_least, at_most) + 1))


def _length_surprise(profile: Profile, lengths: np.ndarray) -> np.ndarray:
    total = np.concatenate([[0], np.cumsum(profile.length_counts)])
    at_least = total[-1] - total[np.searchsorted(profile.lengths, lengths, side="left")]
    at_most = total[np.searchsorted(profile.lengths, lengths, side="right")]
    return np.log10((total[-1] + 1) / (np.minimum(at_least, at_most) + 1))


def _states(ids: np.ndarray, n_templates: int) -> np.ndarray:
    """`<int64>` ids with every id outside the table folded into `n_templates`, the unseen event."""
    ids = ids.astype(np.int64)
    return np.where((ids < 0) | (ids >= n_templates), n_templates, ids)


def _owners(distinct: Distinct) -> np.ndarray:
    """`<int64>[E]` the row of each event."""
    return np.repeat(np.arange(len(distinct)), distinct.lengths)


def _pairs(distinct: Distinct) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, event and count of each event in each row, sorted by row and event."""
    (row, event), count = _count(
        (_owners(distinct), distinct.ids.astype(np.int64)), np.ones(len(distinct.ids), np.int64)
    )
    return row, event, count


def _transitions(distinct: Distinct, n_templates: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From-state, to-state and row of each transition, `<int64>[E + U]`, edges included."""
    n, states = len(distinct), _states(distinct.ids, n_templates)
    source = np.insert(states, distinct.offsets[:-1], n_templates + 1)
    target = np.insert(states, distinct.offsets[1:], n_templates + 1)
    return source, target, np.repeat(np.arange(n), distinct.lengths + 1)


def _count(
    columns: tuple[np.ndarray, ...], weights: np.ndarray
) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """The distinct rows of equally long int columns, sorted, and the sum of the weights of each."""
    order = np.lexsort(columns[::-1])
    ordered = tuple(column[order].astype(np.int64) for column in columns)
    new = np.ones(len(order), dtype=bool)
    if len(order):
        new[1:] = np.any([column[1:] != column[:-1] for column in ordered], axis=0)
    sums = np.add.reduceat(weights[order], np.flatnonzero(new)) if len(order) else weights
    return tuple(column[new] for column in ordered), sums.astype(np.int64)


def _sums(index: np.ndarray, weights: np.ndarray, size: int) -> np.ndarray:
    """`<int64>[size]` sum of the int `weights` at each index (exact below 2**53)."""
    return np.bincount(index, weights, size).astype(np.int64)


def _row_max(row: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """`<float64>[n]` largest of the non-negative values of each row, 0 for a row without any."""
    out = np.zeros(n)
    np.maximum.at(out, row, values)
    return out
