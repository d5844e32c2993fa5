"""Whether a change made something slower: ratios to peers beside those that are committed.

In: rows, a file of rows. Out: sentences, one for each ratio that fell. A ratio to a peer that was
measured in the same run says the same on a fast machine and a slow one; a rate does not.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from experiments.benchmarks.measure import Row
from glx.errors import InputError

WORST = 0.7  # of the committed ratio
Ratios = dict[tuple[str, str, str], float]  # by what, case, peer


def read_ratios(path: Path) -> Ratios:
    """The ratio of each (what, case, peer) of a `bench.json`; rows without a peer have none.

    Raises:
      InputError: it is no such file.
    """
    try:
        rows = json.loads(path.read_text())
        return {
            (row["what"], row["case"], row["peer"]): float(row["ratio"])
            for row in rows
            if row["ratio"] is not None
        }
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise InputError(f"--against={path}: no bench.json of this program ({e})") from e


def fallen(rows: Sequence[Row], committed: Ratios | None) -> list[str]:
    """A sentence for each row whose ratio is under `WORST` times the committed one; None: no guard.

    Raises:
      InputError: a row has a peer and no committed ratio.
    """
    fallen_ratios = []
    for row in rows:
        if committed is None or row.ratio is None or row.peer is None:
            continue
        before = committed.get((row.what, row.case, row.peer))
        if before is None:
            raise InputError(
                f"--against: nothing is committed for {row.what}, {row.case}, {row.peer}; "
                "write it anew with --out"
            )
        if not row.ratio >= WORST * before:  # what is no number has fallen too
            fallen_ratios.append(
                f"{row.what}, {row.case}: {row.ratio:.2f} times {row.peer}, was {before:.2f}"
            )
    return fallen_ratios


def lost(rows: Sequence[Row], committed: Ratios | None, what: Sequence[str]) -> list[str]:
    """A sentence for each committed ratio of the benchmarks `what` that no row has."""
    measured = {(row.what, row.case, row.peer) for row in rows}
    missing = [key for key in committed or {} if key[0] in what and key not in measured]
    return [f"{', '.join(key)}: not measured any more" for key in missing]
