r"""What containers and terminals put around a line: Docker, Kubernetes, compose, grep, colours.

In: the lines of a block. Out: the lines within, the line of the block that each begins at, and what
was around it: a time, for lines that have none of their own, and the source, such as a container.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from glx.parse.digits import distinct_codes
from glx.parse.levels import standard_levels
from glx.parse.read import LONGEST, without_lone_surrogates
from glx.parse.times import STAMP, seconds

TIME = r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))"
FILE = r"[^\s:]*\.(?:log|out|err|txt)"
PREFIXES = {  # what may stand before a line (Rust syntax)
    "cri": rf"^{TIME} (?P<stream>stdout|stderr) (?P<part>[PF])(?: |$)",
    "kubectl": r"^\[(?P<source>pod/[^\]\s]+)\] ?",
    "compose": r"^(?P<source>[A-Za-z0-9][\w.-]*) +\| ?",
    "stamp": rf"^{TIME} ",  # docker logs -t
    "grep": rf"^(?P<source>{FILE}(?:\.\d+)?)(?::(?:\d+:)?|-(?:\d+-)?)",
    "file": rf"^(?P<source>{FILE}[\w.:-]*)\s+",
}
# Docker's json-file: a line without a line break at its end goes on in the next one. Other shippers
# write the same fields without line breaks, a line each.
DOCKER, SHIPPED = "docker", "json-log"
NAMES = (DOCKER, SHIPPED, *PREFIXES)
PARTS = {  # the stream of a line, and a group where the line goes on in the next one of the stream
    DOCKER: re.compile(rb'(?=.*"stream":"(\w+)")(?!.*\\n",)()'),
    "cri": re.compile(rb"\S+ (std\w+) (P)?"),
}
FAR = 256  # lines from the end of a block in which a line that goes on is searched for
OSC = r"\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # such as links and titles
COLOURS = (
    rf"\x1b\[[0-?]*[ -/]*[@-~]|{OSC}|\x1b[ -/]+[0-~]|\x1b[@-Z\\^_]"
    r"|\\u001[bB]\][^\\]*(?:\\u0007|\\u001[bB]\\\\)|(?:\\u001[bB]|\\x1[bB]|\\033|#033)\[[0-9;?]*[A-Za-z]"
)


@dataclass(frozen=True)
class Inner:
    """The `N` lines within those of a block.

    Attributes:
      lines: str.
      rows: `<int64>[N]` the line of the block at which each begins.
      time: str, ISO 8601, null where there was none around the line.
      source: str, where the line is from, such as a container or file; "" where nothing says it.
    """

    lines: pl.Series
    rows: np.ndarray
    time: pl.Series
    source: pl.Series

    def seconds(self) -> pl.Series:
        """The times in seconds since the epoch (f64)."""
        return seconds(self.time.str.replace("Z$", "+00:00"), "%Y-%m-%dT%H:%M:%S%.f%z")


def without_colours(raw: bytes) -> bytes:
    """Clean lines without the sequences by which terminals colour and link, escaped or not."""
    escaped = (rb"\u001b", rb"\u001B", rb"\x1b[", rb"\x1B[", rb"\033[")
    if not (
        b"\x1b" in raw
        or (b"\\" in raw and any(mark in raw for mark in escaped))
        or (b"#" in raw and b"#033[" in raw)
    ):
        return raw
    return pl.Series([raw.decode()]).str.replace_all(COLOURS, "")[0].encode()


def unwrap(lines: pl.Series, wrap: Sequence[str]) -> Inner:
    """The lines within.

    Args:
      lines: str, clean.
      wrap: some of `NAMES`, the outermost first.
    """
    none = pl.repeat(None, len(lines), dtype=pl.String, eager=True)
    found = pl.DataFrame(
        {"text": lines, "time": none, "source": none, "stream": none, "part": none}
    )
    for name in wrap:
        around = _fields(found["text"], name)
        found = found.with_columns(around["text"]).with_columns(
            pl.coalesce(around[column], pl.col(column)) for column in around.columns[1:]
        )
    found = found.with_columns(pl.col("source").fill_null("")).with_row_index("row")
    if (found["part"] == "P").any():
        found = _whole(found)
    rows = found["row"].to_numpy().astype(np.int64)
    return Inner(found["text"], rows, found["time"], found["source"])


def _fields(lines: pl.Series, name: str) -> pl.DataFrame:
    """What one wrapping has around each line, null where it is not there, and the `text` within."""
    if name in (DOCKER, SHIPPED):
        return _logged(lines, parts=name == DOCKER)
    around = lines.str.extract_groups(PREFIXES[name]).struct.unnest()
    return around.insert_column(0, lines.str.replace(PREFIXES[name], "").alias("text"))


def _logged(lines: pl.Series, parts: bool) -> pl.DataFrame:
    """The fields of Docker's JSON objects, one a line."""
    names = ("log", "stream", "time")
    objects = lines.set(~lines.str.starts_with("{"), None)
    try:
        kind = pl.Struct(dict.fromkeys(names, pl.String))
        found = objects.str.json_decode(kind).struct.unnest()
    except pl.exceptions.ComputeError:  # one is broken
        found = pl.DataFrame({name: objects.str.json_path_match(f"$.{name}") for name in names})
    goes_on = ~pl.col("log").str.ends_with("\n") & parts
    text = pl.col("log").str.strip_chars_end("\r\n").str.replace_all("\n", " ", literal=True)
    return found.select(
        text=_mended(found.select(pl.coalesce(text, lines)).to_series()),
        time="time",
        stream=pl.when(pl.col("log").is_not_null()).then("stream"),
        part=pl.when(goes_on).then(pl.lit("P")).otherwise(pl.lit("F")),
    )


def _mended(texts: pl.Series) -> pl.Series:
    """The texts, which may be JSON again, without escapes that are half a character."""
    at = texts.str.contains(r"\\u[dD]").fill_null(False).arg_true()
    mended = [without_lone_surrogates(text.encode()).decode() for text in texts.gather(at)]
    return texts.scatter(at, mended) if mended else texts


def _whole(found: pl.DataFrame) -> pl.DataFrame:
    """Parts of a line put together, each with the next of its source and stream."""
    of = pl.concat_str(found["source"], found["stream"].fill_null(""), separator="\n")
    codes = distinct_codes(pl.select(of).to_series())[1].to_numpy()
    order = np.argsort(codes, kind="stable")
    goes_on = (found["part"] == "P").fill_null(False).to_numpy()[order]
    begins = np.append(True, ~goes_on[:-1]) | (np.diff(codes[order], prepend=codes[:1]) != 0)
    line = np.empty(len(order), dtype=np.int64)
    line[order] = order[np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))]
    return (
        found.with_columns(row=pl.Series(line))
        .group_by("row", maintain_order=True)
        .agg(pl.col("text").str.join(""), pl.col("time", "source").first())
    )


def whole_lines(blocks: Iterator[bytes], wrap: Sequence[str]) -> Iterator[bytes]:
    """The blocks, where a line of several parts ends in the block in which it begins."""
    part = PARTS.get(wrap[0]) if wrap else None
    if part is None:
        yield from blocks
        return
    rest = b""
    for block in blocks:
        joined = rest + block
        end = _end_of_parts(joined, part) if block else 0
        end = end if len(joined) - end <= LONGEST else len(joined)
        rest = joined[end:]
        if end or not block:
            yield joined[:end]
    if rest:
        yield rest


def _end_of_parts(block: bytes, part: re.Pattern) -> int:
    """The end of the lines after which no line of the block goes on in the next block."""
    end = len(block)
    while True:
        start = at = end
        ended: set[bytes] = set()
        for _ in range(FAR):
            at, until = block.rfind(b"\n", 0, max(at - 1, 0)) + 1, at
            line = part.match(block, at, until)
            if line and line[2] is None:
                ended.add(line[1])
            elif line and line[1] not in ended:
                start = at
            if not at:
                break
        if start == end:
            return end
        end = start


def wrapping(lines: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """What is around the first lines of a log, the outermost first, and the lines within."""
    raw = without_colours("\n".join(lines).encode())
    inner = outer = pl.Series(raw.decode().split("\n"), dtype=pl.String)
    wrap: tuple[str, ...] = ()
    while len(wrap) < 4 and (name := _around(inner)):
        wrap = (*wrap, name)
        inner = unwrap(outer, wrap).lines
        inner = pl.Series(without_colours("\n".join(inner).encode()).decode().split("\n"))
    return wrap, inner.to_list()


def _around(lines: pl.Series) -> str | None:
    """What is around at least nine in ten of the lines that are not blank."""
    filled = lines.filter(lines.str.strip_chars() != "")
    for name in (DOCKER, *PREFIXES):
        around = _fields(filled, name)
        sure = around.drop("text", "part", strict=False)
        there = sure.select(pl.all_horizontal(pl.all().is_not_null())).to_series()
        if 10 * there.sum() < 9 * max(len(filled), 1):
            continue
        around = around.filter(there)
        if name == DOCKER:
            return DOCKER if 2 * (around["part"] == "F").sum() > len(around) else SHIPPED
        timed = [bool(STAMP.match(line.lstrip("[("))) or line[:1] == "{" for line in around["text"]]
        if name in ("stamp", "grep", "file") and 2 * sum(timed) < len(timed):
            continue
        if name == "compose":
            source = around["source"]
            few = source.n_unique() <= max(1, len(source) // 2)
            if not few or standard_levels(source).is_not_null().all():
                continue
        return name
    return None
