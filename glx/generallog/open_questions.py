"""A file of questions for somebody to answer: our templates, with `p` left open.

In: template texts, and the file of an earlier time, if there is one. Out: a CSV that
`glx.generallog.answers` reads once `p` is filled in; what was filled in earlier stays.
"""

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np

from glx.errors import InputError, is_disk_full
from glx.files import whole
from glx.generallog.answers import collect, event_number, read_rows, squeezed, template_text
from glx.redact import Mask, redact

COLUMNS = ("id", "count", "template", "p")


def write_questions(
    path: Path,
    texts: list[str],
    counts: np.ndarray,
    numbers: np.ndarray | None,
    mask: Mask = redact,
) -> None:
    """Our templates as a file for `answers.read`, the most frequent first; it appears whole.

    Nobody's work is lost: of a file that is there, a row of ours (by `id` with a template table,
    else by `template`) keeps its `p` and further columns, and other rows with a `p` stay behind.

    Args:
      counts: `<int64>[V]` lines of each.
      numbers: `<int64>[V]` event numbers, None for a system without a template table.
      mask: what becomes of a text there. Texts that become the same are a row of all their lines.

    Raises:
      InputError: it cannot be written there, or what is there is no such file.
    """
    names, filled = filled_in(path, numbers is not None)
    more = [name for name in names if name not in COLUMNS]
    try:
        with whole(path, encoding="utf-8", errors="replace", newline="") as file:
            writer = csv.DictWriter(file, [*COLUMNS, *more], restval="")
            writer.writeheader()
            taken: set[Any] = set()
            for row, keys in _questions(texts, counts, numbers, mask):
                earlier = [filled.get(key, {}) for key in keys]
                writer.writerow(max(earlier, key=lambda one: one.get("p", "").strip() != "") | row)
                taken.update(keys)
            writer.writerows(r for key, r in filled.items() if key not in taken and r["p"].strip())
    except OSError as error:
        if is_disk_full(error):
            raise
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); give another --write_questions"
        ) from error


def _questions(
    texts: list[str], counts: np.ndarray, numbers: np.ndarray | None, mask: Mask
) -> list[tuple[dict[str, Any], list[Any]]]:
    """The rows to write, the most frequent first, and by which keys each may be there already."""
    rows: dict[Any, tuple[dict[str, Any], list[Any]]] = {}
    for v, text in enumerate(texts):
        shown = mask(text)
        key = squeezed(shown) if numbers is None else int(numbers[v])
        new = {"id": v if numbers is None else key, "count": 0, "template": shown}
        row, keys = rows.setdefault(key, (new, [key]))
        row["count"] += int(counts[v])
        keys += [] if numbers is not None else [squeezed(text), squeezed(redact(text))]
    return sorted(rows.values(), key=lambda one: -one[0]["count"])


def filled_in(path: Path, by_id: bool) -> tuple[list[str], dict[Any, dict[str, str]]]:
    """The columns of the file at `path`, and its rows by number or text; none without a file.

    Raises:
      InputError: it is no file of answers, so that to overwrite it may lose something.
    """
    if not os.path.isfile(path) or not path.stat().st_size:
        return [], {}
    column, key = ("id", event_number) if by_id else ("template", template_text)
    try:
        names, rows = read_rows(path)
        if column not in names:
            raise InputError(f"{path}: line 1: no column `{column}`")
        collect(rows, key)  # of rows that disagree none may win
    except InputError as error:
        raise InputError(f"{error}; mend it or give another --write_questions") from error
    return names, {key(row): row.cells for row in rows}
