"""The systems that glx knows by name: which file, its layout, where its labels are.

In: a folder. Out: `System`s, descriptions only; nothing is read here. Where labels are is named
here; for a target, `glx/evaluate/labels.py` alone reads them.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from glx.config import setting
from glx.data.windows import window_of
from glx.parse.layout import FORMATS, MAX_RECORD, Layout
from glx.parse.log import Log


@dataclass(frozen=True)
class ReadConfig:
    """How files are read that glx does not know by name."""

    format: str = setting("auto", "of your own files.", among=FORMATS)
    session: str | None = setting(
        None,
        "of your own files: a regular expression that finds the session id in a line (its group 1 "
        "if it has one), or the name of a column; unset, lines are cut into windows.",
    )
    text_field: str | None = setting(
        None,
        "of your own files: the field of JSON objects, or the column of a table, that is the text "
        "of an event; dots reach into objects (fields.message); unset, the usual names are tried.",
    )
    time_field: str | None = setting(None, "likewise, of the time.")
    level_field: str | None = setting(None, "likewise, of the level.")
    window: int | str | None = setting(
        None,
        "for what is cut into windows: lines in each (default 20), or a span of time as 30s, 5m, "
        "1h or 1d, aligned to the clock.",
        read=window_of,
    )
    max_record: int = setting(
        MAX_RECORD,
        "lines of a record, such as an exception with its stack trace, that are read.",
        low=1,
    )


@dataclass(frozen=True)
class LabelPlace:
    """Where the labels of a system are.

    Attributes:
      path: the file.
      by: `row` (a row of the file is a sequence), `key` (a session id) or `line` (a row of the
        log).
      column: column that is 1 for anomalous; None: the first word of a line is not `-`.
      key: column of the session id or line number; None for the row's own number.
    """

    path: Path
    by: str
    column: str | None = "label"
    key: str | None = None


@dataclass(frozen=True)
class Numbered:
    """A table of event numbers in place of raw lines.

    Attributes:
      column: holds a whole sequence of numbers, or one event number a row.
      templates: file of template texts.
      template_columns: columns of the event number (a letter before it is dropped) and of the text.
      whole_rows: True where a row is a sequence; else all rows are one stream, cut into windows.
      key: column of the sequence's id, or None.
      clock: column of the time of a row of a stream; where it decreases, another file begins, and
        so another window.
    """

    column: str
    templates: Path
    template_columns: tuple[str, str]
    whole_rows: bool
    key: str | None = None
    clock: str | None = None


@dataclass(frozen=True)
class System:
    """One system's logs.

    Attributes:
      path: the file, or the first of several that are one log.
      more: the other files of that log, in the order of time.
      how: it is read; None: as the settings of the run say.
      raw: how raw lines of this system are laid out, with the session rule; None: to be detected.
      numbered: set where `path` holds event numbers in place of raw lines.
      window: lines in a window; None where sessions group the lines.
      labels: where labels are, or None.
      family: None for its own name; a source of the target's family is refused.
    """

    name: str
    path: Path
    raw: Layout | None = None
    numbered: Numbered | None = None
    window: int | None = None
    labels: LabelPlace | None = None
    family: str | None = None
    more: tuple[Path, ...] = ()
    how: ReadConfig | None = None

    @property
    def log(self) -> Log:
        """All of its files as one log, which is not read yet."""
        return Log((self.path, *self.more))


SIMULATED = ("sim_blocks", "sim_vms", "sim_ras")
HDFS_HEADER = r"^(?P<time>\d{6} \d{6}) \d+ [A-Z]+ [^ ]+: (?P<text>.*)$"
# The first word of a BGL line is its label. These fit every line, however it continues, so that the
# word is in no group and never part of a text.
BGL_HEADER = r"^\S* ?(?:(?P<time>\d+) (?:\S+ ){7})?(?P<text>.*)$"
RAS_HEADER = r"^\S* ?(?:(?P<time>\d+) (?:\S+ ){6}(?P<level>\S+) ?)?(?P<text>.*)$"
NOVA_HEADER = (
    r"^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) \d+ (?P<level>[A-Z]+) \S+ ?"
    r"(?:\[req-[^\]]*\] )?(?P<text>.*)$"
)
LOGHUB, OURS = ("EventId", "EventTemplate"), ("event_id", "template")  # columns of template tables
BLOCK_ID = r"blk_-?\d+"
INSTANCE_ID = r"\[instance: ([0-9a-f-]{36})\]"


def known(data_dir: Path) -> dict[str, System]:
    """Every system of `docs/data.md` by name, with files under `data_dir`."""
    hdfs, bgl, openstack = (data_dir / name for name in ("hdfs", "bgl", "openstack"))
    sequences, blocks = hdfs / "hdfs_block_sequences.csv.zst", hdfs / "hdfs_raw_2pct.csv.zst"
    events, ras = bgl / "bgl_events_50to80.csv.zst", bgl / "BGL_first100k.log.zst"
    faults = openstack / "openstack_faultinj_nova_odd.tsv.zst"
    outcomes = openstack / "openstack_faultinj_nova_odd_labels.csv"
    instances = openstack / "openstack_sessions.csv.zst"

    hdfs_lines = Layout(header=HDFS_HEADER, time_format="%y%m%d %H%M%S", session=BLOCK_ID)
    bgl_lines = Layout(header=BGL_HEADER, time_format="epoch")
    nova_lines = Layout(header=NOVA_HEADER, time_format="%Y-%m-%d %H:%M:%S%.f")
    no_level = NOVA_HEADER.replace("?P<level>", "?:")  # published templates do not name it
    table = Layout("csv", text="message", time=("date", "time"), level="level", session="block_id")
    tsv = Layout("csv", text="line", separator="\t", quote=False, session="session_id")
    systems = [
        System(
            "hdfs",
            sequences,
            raw=hdfs_lines,
            numbered=Numbered("sequence", hdfs / "hdfs_templates.csv", LOGHUB, whole_rows=True),
            labels=LabelPlace(sequences, "row"),
        ),
        System(
            "hdfs_raw",
            blocks,
            raw=replace(table, time_format=hdfs_lines.time_format),
            labels=LabelPlace(blocks, "key", key="block_id"),
        ),
        System(
            "bgl",
            events,
            raw=bgl_lines,
            numbered=Numbered("event_id", bgl / "bgl_templates.csv", OURS, whole_rows=False),
            window=20,
            labels=LabelPlace(events, "line"),
        ),
        System(
            "bgl_raw",
            ras,
            raw=replace(bgl_lines, header=RAS_HEADER),
            window=20,
            labels=LabelPlace(ras, "line", column=None),
        ),
        System(
            "openstack",
            faults,
            raw=replace(tsv, header=NOVA_HEADER, time_format=nova_lines.time_format),
            labels=LabelPlace(outcomes, "key", column="label_failure", key="session_id"),
        ),
        System(
            "openstack_loghub",
            instances,
            raw=replace(nova_lines, header=no_level, session=INSTANCE_ID),
            numbered=Numbered(
                "sequence", openstack / "openstack_templates.csv", OURS, True, key="instance_id"
            ),
            labels=LabelPlace(instances, "row", column="label_file"),
        ),
    ]
    return {s.name: replace(s, family=s.name.split("_")[0]) for s in systems}


def paper(data_dir: Path) -> dict[str, System]:
    """The systems of `--protocol=paper` by name, each in the unit of the nearest public code.

    Only a label tells which file a minute of OpenStack is from, and no input may depend on it. But
    the abnormal file, the earliest, comes last, so that the clock tells it too.
    """
    systems, openstack = known(data_dir), data_dir / "openstack"
    instances, minutes = systems["openstack_loghub"], openstack / "openstack_minute_windows.csv.zst"
    assert instances.raw is not None
    templates = openstack / "openstack_templates_2k.csv"
    return {
        "hdfs": systems["hdfs"],
        "bgl": replace(systems["bgl"], window=120),
        "openstack_loghub": replace(
            instances,
            path=minutes,
            raw=replace(instances.raw, session=None),
            numbered=Numbered("sequence", templates, LOGHUB, False, clock="datetime"),
            window=20,
            labels=LabelPlace(minutes, "line", column="label_file"),
        ),
    }


def simulated(name: str, folder: Path) -> System:
    """A simulated system whose files `glx.data.simulate.write` put into `folder`."""
    session = {"sim_blocks": BLOCK_ID, "sim_vms": INSTANCE_ID, "sim_ras": None}[name]
    by = "line" if session is None else "key"
    return System(
        name,
        folder / f"{name}.log",
        raw=Layout(session=session),
        window=20 if session is None else None,
        labels=LabelPlace(folder / f"{name}.labels.csv", by, key=by),
    )
