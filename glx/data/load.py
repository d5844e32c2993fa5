"""A system from disk: its sequences, their split, and the parser for more of its lines.

In: a `System` and `DataConfig`. Out: `Parsed`. Templates are mined from the adapt part alone and
then frozen; what only later parts hold gets new ids. No label is read here.
"""

from dataclasses import asdict, dataclass, replace

import numpy as np
import polars as pl

from glx.config import nested, setting
from glx.data import numbered
from glx.data.awaited import awaited, due_ages
from glx.data.inputs import layout_of_all
from glx.data.sessions import measured, problem
from glx.data.split import (
    Events,
    SplitConfig,
    check_parts,
    draw_windows,
    split_rows,
    split_sessions,
    split_windows,
)
from glx.data.systems import ReadConfig, System
from glx.data.windows import Window
from glx.errors import InputError
from glx.parse.events import collect, fit_part
from glx.parse.layout import Layout
from glx.parse.log import Log
from glx.parse.miner import Miner
from glx.parse.names import Given
from glx.parse.read import ReadCounts, head
from glx.parse.records import records
from glx.sequences import ADAPT, Sequences, Templates
from glx.state import State

REDACT = (
    "mask secrets (passwords, tokens, keys, e-mail addresses, card numbers) in what people or a "
    "model get to read."
)
WINDOW = 20  # lines, where there are neither sessions nor --window


@dataclass(frozen=True)
class DataConfig(ReadConfig):
    """Where logs are, how they are read and how the target is cut."""

    data_dir: str | None = setting(
        None, "folder of the real data sets, laid out as docs/data.md says."
    )
    panel: str | None = setting(
        None,
        "a YAML file (or a folder with `panel.yaml`) that describes systems, which can then be "
        "named like those of docs/data.md; docs/formats.md says how.",
    )
    bgl_inferred_text: bool = setting(
        False, "keep the texts of `bgl` that were assigned with the help of labels."
    )
    protocol: str = setting(
        "sound",
        "`sound`; `transductive`: adaptation also sees the test part, unlabelled; or `paper`: the "
        "leaky one of the literature, for hdfs, bgl and openstack_loghub only, which draws the "
        "adaptation part at random from windows of the whole file (bgl 120 lines, "
        "openstack_loghub 20 events, hdfs blocks). Outputs are stamped with it.",
        among=("sound", "transductive", "paper"),
    )
    sim_lines: int = setting(40_000, "length of each simulated system.", low=1000, high=100_000_000)
    sim_seed: int = setting(0, "of the simulated systems.", low=0)
    cache_dir: str | None = setting(
        None, "folder of simulated systems and compiled programs; None for ~/.cache/glx."
    )
    redact: bool = setting(True, REDACT)
    split: SplitConfig = nested(SplitConfig)


@dataclass(frozen=True)
class LogParser:
    """Turns more logs of a system into event ids; saved with a detector.

    Attributes:
      miner: frozen templates and those that are new since.
      layout: of raw lines, with the session rule; None: raw lines cannot be parsed.
      window: lines in a window, or a span of time as `5m`; None for sessions.
      numbers: `<int64>[V]` the event number of each template, where the system came as numbers.
      due: `<float64>[V]` when sessions are to hold each event (`glx.data.awaited`); None: unknown.
    """

    miner: Miner
    layout: Layout | None
    window: Window | None
    numbers: np.ndarray | None = None
    due: np.ndarray | None = None

    @property
    def texts(self) -> list[str]:
        """Template texts by id, new ones included."""
        return self.miner.templates.texts

    def to_state(self) -> State:
        """All but the new templates, for `glx.checkpoint`."""
        fitted = self.miner.fitted
        columns = {
            "text": fitted.texts, "count": fitted.counts, "number": self.numbers, "due": self.due,
        }  # fmt: skip
        schema = {"text": pl.String, "count": pl.Int64, "number": pl.Int64, "due": pl.Float64}
        settings = {
            "published": self.miner.published,
            "layout": None if self.layout is None else asdict(self.layout),
            "window": self.window,
        }
        return State({}, {"templates": pl.DataFrame(columns, schema=schema)}, settings)

    @classmethod
    def from_state(cls, state: State) -> "LogParser":
        """What `to_state` gave."""
        table, layout = state.tables["templates"], state.settings["layout"]
        fitted = Templates(table["text"].to_list(), table["count"].to_numpy())
        numbers, due = table["number"], table["due"]
        return cls(
            miner=Miner(fitted, published=state.settings["published"]),
            layout=layout and Layout.of(layout),
            window=state.settings["window"],
            numbers=None if numbers.null_count() else numbers.to_numpy(),
            due=None if due.null_count() else due.to_numpy(),
        )


@dataclass(frozen=True)
class Parsed:
    """A system parsed into sequences, which are split into adapt, gap and test.

    Attributes:
      sequences: all of them; raw ones in the order of their first line.
      part: `<int8>[N]` adapt, gap or test.
      adaptable: `<bool>[N]` the sequences that adaptation may see, unlabelled.
      templates: the fitted table; counts are of lines of adaptable sequences.
      parser: for more logs of the system.
      ordered: sequences are in the order of time (that of each file in turn, where there are
        several), however they were split.
      counts: lines read, and those that had to be repaired.
      log: the files that were read.
    """

    system: System
    sequences: Sequences
    part: np.ndarray
    adaptable: np.ndarray
    templates: Templates
    parser: LogParser
    ordered: bool
    counts: ReadCounts
    log: Log

    @property
    def adapt(self) -> Sequences:
        """The sequences to adapt on: the adapt part; all in the transductive protocol."""
        return self.sequences.take(np.flatnonzero(self.adaptable))


def load(system: System, config: DataConfig, adapt_share: float | None = None) -> Parsed:
    """Read a system.

    Args:
      system: as `resolve` gives it for the protocol.
      adapt_share: overrides the split's; 1.0 for a source, all of which is adapt part.

    Raises:
      InputError: the file or a setting is not as it should be.
    """
    if adapt_share is not None:
        config = replace(config, split=replace(config.split, adapt_share=adapt_share))
    read = _load_raw if system.numbered is None else _load_numbered
    parsed = read(system, config)
    check_parts(system.name, parsed.part, config.split.adapt_share)
    return parsed


def _load_numbered(system: System, config: DataConfig) -> Parsed:
    spec = system.numbered
    assert spec is not None
    numbers, texts = numbered.read_templates(spec, config.bgl_inferred_text)
    window: Window | None = None
    read = ReadCounts()
    if spec.whole_rows:
        sequences = numbered.read_sequences(system.path, spec, numbers, read)
        part = split_rows(len(sequences), config.split)
    else:
        window = window_in(system, config)
        assert isinstance(window, int)
        events = numbered.read_events(system.path, spec, numbers, read)
        split = draw_windows if config.protocol == "paper" else split_windows
        sequences, part = split(events, window, config.split)
    adaptable = _adaptable(part, config)
    ids = sequences.ids[np.repeat(adaptable, sequences.lengths)]
    fitted = Templates(texts, np.bincount(ids, minlength=len(texts)).astype(np.int64))
    miner = Miner(fitted, published=True)
    return Parsed(
        system,
        sequences,
        part,
        adaptable,
        miner.templates,
        LogParser(miner, system.raw, window, numbers),
        # Also where `paper` drew the parts: the audit must detect that time was mixed, and what is
        # scored still comes in bursts, half of each, so the bootstrap must draw whole blocks.
        ordered=not spec.whole_rows,
        counts=read,
        log=system.log,
    )


def _load_raw(system: System, config: DataConfig) -> Parsed:
    if config.protocol == "paper":
        raise InputError(
            f"{system.name}: --protocol=paper reads hdfs, bgl and openstack_loghub only"
        )
    layout = raw_layout(system, config)
    log, counts = system.log, ReadCounts()
    frame, texts = collect(records(log, layout, counts))
    if not len(frame):
        raise InputError(f"{log}: no line with text; give a log with at least one event")
    events = Events(
        ids=np.arange(len(frame)),  # grouping carries the place of each event along
        lines=frame["line"].to_numpy(),
        times=frame["time"].to_numpy(),
    )
    window: Window | None = None
    if layout.session is None:
        window = window_in(system, config)
        try:
            sequences, part = split_windows(events, window, config.split)
        except InputError as e:
            raise InputError(f"{system.path}: {e}") from e
    else:
        sequences, part = split_sessions(_keyed(system, layout, events, frame["key"]), config.split)
    unit = "window" if layout.session is None else "session"
    check_parts(system.name, part, config.split.adapt_share, unit)
    adaptable = _adaptable(part, config)
    mined = np.zeros(len(frame), dtype=bool)
    mined[sequences.ids[np.repeat(adaptable, sequences.lengths)]] = True
    miner, ids = fit_part(frame["text"].to_numpy(), texts, mined)
    times = frame["time"].to_numpy()[sequences.ids]
    sequences = replace(sequences, ids=ids[sequences.ids])
    due = None
    if layout.session is not None:
        due = due_ages(sequences, times, adaptable, len(miner.fitted))
    if due is not None:
        sequences = replace(sequences, awaited=awaited(sequences, due, float(np.nanmax(times))))
    return Parsed(
        system,
        sequences,
        part,
        adaptable,
        miner.fitted,
        LogParser(miner, layout, window, due=due),
        ordered=True,
        counts=counts,
        log=log,
    )


def raw_layout(system: System, config: ReadConfig) -> Layout:
    """The layout of raw lines, with the session rule: the system's, or the detected one."""
    config = system.how or config
    raw = system.raw
    if raw is not None and (raw.header is not None or raw.format == "csv"):
        return raw
    if raw is not None:
        return replace(layout_of_all(system.log.files), session=raw.session)
    if config.session is not None and config.window is not None:
        raise InputError("--session and --window: exclude each other; give one of them")
    given = Given(config.text_field, config.time_field, config.level_field)
    layout = layout_of_all(system.log.files, config.format, given)
    return replace(layout, session=config.session, max_record=config.max_record)


def window_in(system: System, config: ReadConfig) -> Window:
    """The window of a system without sessions; a span of time cuts no known system."""
    config = system.how or config
    known = system.window is not None
    given = None if known and isinstance(config.window, str) else config.window
    return given or system.window or WINDOW


def _keyed(system: System, layout: Layout, events: Events, keys: pl.Series) -> Events:
    assert layout.session is not None
    found = measured(layout.session, keys)
    if found.number < 2 and (wrong := problem(found, head(system.path), layout)):
        raise InputError(f"{system.path}: {wrong}")
    codes = keys.rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1
    names = keys.drop_nulls().unique().sort().to_numpy().astype(object)
    return replace(events, session=codes, keys=names)


def _adaptable(part: np.ndarray, config: DataConfig) -> np.ndarray:
    """`<bool>[N]` the sequences that adaptation may see, unlabelled."""
    return np.full(len(part), True) if config.protocol == "transductive" else part == ADAPT
