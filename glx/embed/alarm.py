"""How alarming a line reads: log-odds that whoever runs a system should look at it, by its text.

In: template texts. Out: `<float32>[V]`. The default sentence encoder reads them with a low-rank
change of its weights that `glx.embed.distill` fitted to `primer.csv`: statements as programs of all
kinds log them, each with the probability that it deserves attention. A large language model wrote
both, with no log at hand (docs/method.md says what it was told): what such a model knows of logs in
general, at the price of a small one. What was fitted lies in `reader.npz`;
`experiments.fit_reader` makes it again.
"""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from glx.embed.embed import UNKNOWN, EmbedConfig, embed, encode_raw, readable
from glx.errors import InputError

FOREIGN = 0.6
"""What the reader's log-odds are worth on systems that the primer is not about. Over 222 templates
of two of them, the log-odds with which a large model finds them alarming rise by 0.5 to 0.65 for
each that the reader gives (no label is in this)."""
PRIMER, READER = (Path(__file__).parent / name for name in ("primer.csv", "reader.npz"))


@dataclass(frozen=True)
class Meanings:
    """What the texts of `V` templates mean.

    Attributes:
      texts: the `V` template texts.
      vectors: `<float32>[V, D]` unit vectors (`glx.embed.embed`).
      alarm: `<float32>[V]` log-odds that a line of the template deserves attention.
    """

    texts: list[str]
    vectors: np.ndarray
    alarm: np.ndarray

    def __add__(self, more: "Meanings") -> "Meanings":
        """These templates, and `more` whose ids follow."""
        vectors = np.concatenate([self.vectors, more.vectors])
        return Meanings(self.texts + more.texts, vectors, np.append(self.alarm, more.alarm))


@dataclass(frozen=True)
class TextReader:
    """What makes a reader of the sentence encoder.

    Attributes:
      low_rank: for each changed matrix of the layers `a <float32>[layers, in, r]` and
        `b <float32>[layers, r, out]`, whose product is added to it.
      direction: `<float32>[D]`; the log-odds are `v . direction + bias` for a text's vector `v`.
      unread: log-odds of a line of which nothing is known but that a program wrote it.
    """

    low_rank: dict[str, dict[str, np.ndarray]]
    direction: np.ndarray
    bias: float
    unread: float


def meanings(texts: Sequence[str], config: EmbedConfig, reading: bool = True) -> Meanings:
    """Vectors of template texts, and how alarming they read (0 for each without `reading`)."""
    alarms = alarm(texts, config) if reading else np.zeros(len(texts), np.float32)
    return Meanings(list(texts), embed(texts, config), alarms)


def alarm(texts: Sequence[str], config: EmbedConfig) -> np.ndarray:
    """`<float32>[V]` log-odds that a line of each template deserves attention.

    Whatever encoder makes the vectors, the default one reads: the reader is a change of its weights
    (so its package must be installed). A text without words that the reader knows gets what holds
    for any line.
    """
    reader, version = load()
    words = [readable(text) for text in texts]
    # The encoder knows words of the Latin script; of others it says something, but knows nothing.
    known = [text != UNKNOWN and _latin(text) for text in words]
    encoder = replace(config, model="minilm", max_tokens=EmbedConfig.max_tokens)
    vectors = encode_raw(words, encoder, reader.low_rank, version)
    # No matrix product: its rounding of a row depends on how many rows there are.
    read = FOREIGN * ((vectors * reader.direction).sum(axis=1) + reader.bias)
    return np.where(np.array(known, dtype=bool), read, reader.unread).astype(np.float32)


def _latin(text: str) -> bool:
    """Whether at least half of the letters are ASCII; digits alone are no words either."""
    letters = [character for character in text if character.isalpha()]
    return 2 * sum(character.isascii() for character in letters) >= max(len(letters), 1)


@cache
def load() -> tuple[TextReader, str]:
    """The reader that comes with the program, and what tells it from others."""
    version = hashlib.sha256(READER.read_bytes()).hexdigest()
    with np.load(READER) as file:
        arrays = {name: file[name].astype(np.float32) for name in file.files}
    low_rank: dict[str, dict[str, np.ndarray]] = {}
    for name in arrays:
        part, _, factor = name.partition(".")
        if factor:
            low_rank.setdefault(part, {})[factor] = arrays[name]
    return TextReader(
        low_rank, arrays["direction"], float(arrays["bias"]), float(arrays["unread"])
    ), version


def save(reader: TextReader, path: Path) -> None:
    """Write a reader; its low-rank factors in float16, the precision that they need."""
    factors = {
        f"{part}.{name}": factor.astype(np.float16)
        for part, change in reader.low_rank.items()
        for name, factor in change.items()
    }
    rest = {name: np.asarray(getattr(reader, name)) for name in ("direction", "bias", "unread")}
    with path.open("wb") as file:  # a path without `.npz` would get one
        np.savez_compressed(file, allow_pickle=False, **factors, **rest)


def primer(path: Path = PRIMER) -> tuple[list[str], np.ndarray]:
    """The statements and `<float32>[n]` the probability that each deserves attention.

    Raises:
      InputError: the file is no CSV of `p,text`, or a `p` is no number between 0 and 1.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, restval=""))
        p = np.array([row["p"] for row in rows], dtype=np.float32)
        texts = [row["text"] for row in rows]
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV of p,text ({error}); see --help") from error
    if len(texts) < 100 or not all(texts) or not ((p >= 0) & (p <= 1)).all():
        raise InputError(
            f"{path}: give at least 100 statements, each with a text and a p between 0 and 1"
        )
    if 10 * np.count_nonzero(p > 0.5) < len(p) or 10 * np.count_nonzero(p <= 0.5) < len(p):
        raise InputError(f"{path}: give a tenth of the statements at least with p on either side")
    return texts, p
