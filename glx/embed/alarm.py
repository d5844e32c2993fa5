"""The alarm model: by its text, the log-odds that a line deserves an operator's attention.

In: template texts. Out: `<float32>[V]` log-odds. The model is the mean of two members, each the
default sentence encoder with a low-rank change of its weights and a linear head. Both are fitted by
`glx.embed.distill` to `primer.csv`: statements as programs of all kinds log them, each with the
probability that it deserves attention; the second also to log statements with their authors' levels
(`glx.embed.severity`). A large language model wrote the primer without a log at hand
(docs/method.md), so that its general knowledge of logs comes at the price of a small model.
`reader.npz` holds what was fitted; `experiments.fit_reader` makes it again.
"""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from glx.embed.embed import UNKNOWN, EmbedConfig, embed, encode_raw, readable
from glx.errors import InputError
from glx.files import read_whole, whole
from glx.parse.levels import RANK, severities
from glx.parse.table import check_once
from glx.redact import Mask, redact
from glx.statements.match import Origin, Statements

TRANSFER = 0.6
"""Factor of the log-odds on systems that the primer is not about: over 1,636 templates of five of
them and of nine public logs, those of a large language model rise by 0.6 for each that this model
gives, within one of them by 0.3 to 0.6 (no label is in this)."""
AUTHORS = np.array([-1, -0.5, 0.5, 0.5], dtype=np.float32)
"""Log-odds that the authors' word adds where a template's statement is known: at INFO and below, at
WARN, ERROR, FATAL. A quarter of what the reading may say for an anomaly, half of it against one:
authors log what they corrected, and mistakes of users, as errors too."""
PRIMER, MODEL = (Path(__file__).parent / name for name in ("primer.csv", "reader.npz"))


@dataclass(frozen=True)
class Meanings:
    """What the texts of `V` templates mean.

    Attributes:
      texts: the `V` template texts.
      vectors: `<float32>[V, D]` unit vectors (`glx.embed.embed`).
      alarm: `<float32>[V]` log-odds that a line of the template deserves attention.
      origins: the log statement that each comes from, None where it is not known; empty without
        source code.
      mask: what becomes of a text where it is shown.
    """

    texts: list[str]
    vectors: np.ndarray
    alarm: np.ndarray
    origins: list[Origin | None] = field(default_factory=list)
    mask: Mask = redact

    @cached_property
    def shown(self) -> list[str]:
        """The `V` texts as they are shown."""
        return [self.mask(text) for text in self.texts]

    @cached_property
    def levels(self) -> np.ndarray:
        """`<int8>[V]` as of `severities`: what the line says, else its statement if it is sure."""
        own = severities(self.texts)
        known = [RANK.get(origin.level, 0) if origin else 0 for origin in self.origins]
        sure = np.where(self.sure, known, 0).astype(np.int8)
        return np.where(own > 0, own, sure) if self.origins else own

    @cached_property
    def sure(self) -> np.ndarray:
        """`<bool>[V]` whether a template fits its statement exactly; empty without source code."""
        return np.array(
            [origin is not None and origin.exact for origin in self.origins], dtype=bool
        )

    def origin(self, event: int) -> list[str]:
        """In words, where a template is logged and at what level; nothing where it is not known."""
        return [str(origin) for origin in self.origins[event : event + 1] if origin]

    def nearest(self, known: int, event: int) -> str | None:
        """Of a new event the one of the `known` first events that reads most like it."""
        if event < known or not known:
            return None
        cosines = self.vectors[:known] @ self.vectors[event]
        at = int(np.argmax(cosines))
        return f"{self.shown[at]} ({cosines[at]:.2f})"

    def __add__(self, more: "Meanings") -> "Meanings":
        """These templates, and `more` whose ids follow."""
        vectors = np.concatenate([self.vectors, more.vectors])
        alarm, origins = np.append(self.alarm, more.alarm), self.origins + more.origins
        return Meanings(self.texts + more.texts, vectors, alarm, origins, self.mask)


@dataclass(frozen=True)
class AlarmModel:
    """What a member of the alarm model adds to the sentence encoder; the members are averaged.

    Attributes:
      low_rank: for each changed matrix of the layers `a <float32>[layers, in, r]` and
        `b <float32>[layers, r, out]`, whose product is added to it.
      direction: `<float32>[D]`; the log-odds are `v . direction + bias` for a text's vector `v`.
      prior: log-odds of a line whose text the encoder cannot read; `unread` in the file.
    """

    low_rank: dict[str, dict[str, np.ndarray]]
    direction: np.ndarray
    bias: float
    prior: float


def meanings(
    texts: Sequence[str],
    config: EmbedConfig,
    with_alarm: bool = True,
    statements: Statements | None = None,
    mask: Mask = redact,
) -> Meanings:
    """Vectors of template texts, and their log-odds (0 for each without `with_alarm`).

    Args:
      statements: of the programs that log them. Where a template fits its statement exactly, what
        the authors called severe reads worse by `AUTHORS`, what they did not reads better.
      mask: what becomes of a text where it is shown.
    """
    alarms = alarm(texts, config) if with_alarm else np.zeros(len(texts), np.float32)
    read = Meanings(list(texts), embed(texts, config), alarms, mask=cache(mask))  # shown often
    if statements is None:
        return read
    found = replace(read, origins=statements.origins(texts))
    return replace(found, alarm=alarms + with_alarm * found.sure * AUTHORS[found.levels])


def alarm(texts: Sequence[str], config: EmbedConfig) -> np.ndarray:
    """`<float32>[V]` log-odds that a line of each template deserves attention.

    The default encoder is used (its package must be installed) whatever encoder makes the vectors,
    because the model is a change of its weights. A text without words that it knows gets the
    model's `prior`.
    """
    members, version = load()
    words = [readable(text) for text in texts]
    known = [text != UNKNOWN and _latin(text) for text in words]
    encoder = replace(config, model="minilm", max_tokens=EmbedConfig.max_tokens)
    log_odds = np.zeros(len(words), np.float32)
    for n, member in enumerate(members):
        vectors = encode_raw(words, encoder, member.low_rank, f"{version} {n}")
        # No matrix product: its rounding of a row depends on how many rows there are.
        log_odds += (vectors * member.direction).sum(axis=1) + member.bias
    log_odds *= TRANSFER / len(members)
    return np.where(np.array(known, dtype=bool), log_odds, members[0].prior).astype(np.float32)


def _latin(text: str) -> bool:
    """Whether at least half of the letters are ASCII: the encoder knows no other script."""
    letters = [character for character in text if character.isalpha()]
    return 2 * sum(character.isascii() for character in letters) >= max(len(letters), 1)


@cache
def load(path: Path = MODEL) -> tuple[list[AlarmModel], str]:
    """The members of an alarm model, by default the package's; a digest that identifies it.

    Raises:
      InputError: no such file, or none that `save` wrote.
    """
    try:
        content = read_whole(path)
        version = hashlib.sha256(content).hexdigest()
        with np.load(io.BytesIO(content)) as file:
            arrays = {name: file[name].astype(np.float32) for name in file.files}
        return [
            _member(tree) for _, tree in sorted(unflatten_dict(arrays, sep=".").items())
        ], version
    except (OSError, EOFError, ValueError, KeyError, AttributeError, BadZipFile) as error:
        why = error.strerror if isinstance(error, OSError) else None
        why = why or "none that experiments.fit_reader wrote"  # NumPy's words are for its callers
        raise InputError(f"{path}: no alarm model that can be read ({why})") from error


def _member(tree: dict[str, Any]) -> AlarmModel:
    direction, bias, prior = (tree.pop(name) for name in ("direction", "bias", "unread"))
    return AlarmModel(tree, direction, float(bias), float(prior))


def save(members: Sequence[AlarmModel], path: Path) -> None:
    """Write a model; its low-rank factors in float16, the precision that they need."""
    arrays: dict[str, Any] = {}
    for n, member in enumerate(members):
        factors = flatten_dict(member.low_rank, sep=".")
        own = {name: factor.astype(np.float16) for name, factor in factors.items()}
        own |= {"direction": member.direction, "bias": member.bias, "unread": member.prior}
        arrays |= {f"{n}.{name}": array for name, array in own.items()}
    with whole(path, "wb") as file:  # by its path it would get an end of `.npz`
        np.savez_compressed(file, allow_pickle=False, **arrays)


def primer(path: Path = PRIMER) -> tuple[list[str], np.ndarray]:
    """The statements and `<float32>[n]` the probability that each deserves attention.

    Raises:
      InputError: the file is no CSV of `p,text`, a `p` is no number between 0 and 1, or there are
        too few statements.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, restval="")
            check_once(path, reader.fieldnames or (), ("p", "text"))
            rows = list(reader)
        p = np.array([row["p"] for row in rows], dtype=np.float32)
        texts = [row["text"] for row in rows]
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV of p,text ({error}); see --help") from error
    if len(texts) < 100 or not all(texts) or not ((p >= 0) & (p <= 1)).all():
        raise InputError(
            f"{path}: give at least 100 statements, each with a text and a p between 0 and 1"
        )
    if not 0.1 <= np.mean(p > 0.5) <= 0.9:
        raise InputError(f"{path}: give a tenth of the statements at least with p on either side")
    return texts, p
