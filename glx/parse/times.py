"""Time stamps: found in a line, and turned into seconds since the epoch."""

import re
from collections import Counter

import polars as pl

# Parts of a time stamp: format -> regular expression. The earlier is tried first.
DATES = {
    "%Y-%m-%d": r"\d{4}-\d\d-\d\d",
    "%Y/%m/%d": r"\d{4}/\d\d/\d\d",
    "%Y.%m.%d": r"\d{4}\.\d\d\.\d\d",
    "%d/%b/%Y": r"\d\d/[A-Z][a-z]{2}/\d{4}",
    "%d.%m.%Y": r"\d\d\.\d\d\.\d{4}",
    "%y/%m/%d": r"\d\d/\d\d/\d\d",
    "%Y%m%d": r"\d{8}",
    "%y%m%d": r"\d{6}",
    "%m/%d/%Y": r"\d{1,2}/\d{1,2}/\d{4}",
    "%a %b %e": r"[A-Z][a-z]{2} [A-Z][a-z]{2} {1,2}\d{1,2}",
    "%b %e": r"[A-Z][a-z]{2} {1,2}\d{1,2}",
    "%m-%d": r"\d\d-\d\d",
    "%m.%d": r"\d\d\.\d\d",
}
CLOCKS = {
    "%I:%M:%S %p": r"\d{1,2}:\d{1,2}:\d{1,2} [AP]M",
    "%H:%M:%S": r"\d{1,2}:\d{1,2}:\d{1,2}",
    "%H.%M.%S": r"\d\d\.\d\d\.\d\d",
    "%H%M%S": r"\d{6}",
}
FRACTIONS = {"%.f": r"\.\d{1,9}", ",%3f": r",\d{1,3}", ":%3f": r":\d{1,3}"}
ZONES = {" %Y": r" [12]\d{3}", "%z": r" ?[+-](?:\d\d:\d\d|\d{4})", "Z": "Z"}
STAMP_PARTS = {"date": DATES, "clock": CLOCKS, "fraction": FRACTIONS, "zone": ZONES}
EPOCH = r"1\d{9}(?:\d{3}|\.\d{1,9})?"


def _any(parts: dict[str, str]) -> str:
    return "|".join(parts.values())


JOIN = ",? |[T:-]"
# 5/1 is the first of May where the clock has AM or PM; elsewhere it is ambiguous.
AMBIGUOUS = rf"(?!{DATES['%m/%d/%Y']}(?:{JOIN})(?!{CLOCKS['%I:%M:%S %p']}))"
STAMP = re.compile(
    rf"(?<![\w.:/-])(?:{AMBIGUOUS}(?P<date>{_any(DATES)})(?P<join>{JOIN})(?P<clock>{_any(CLOCKS)})"
    rf"(?P<fraction>{_any(FRACTIONS)})?(?P<zone>{_any(ZONES)})?|(?P<epoch>{EPOCH}))(?![\w/])"
)


def format_of(values: list[str]) -> str | None:
    """The format of over half of the times, or None."""
    found = Counter(stamp(m)[1] for m in map(STAMP.fullmatch, values) if m)
    return found.most_common(1)[0][0] if found.total() * 2 > len(values) else None


def stamp(match: re.Match) -> tuple[str, str]:
    """The regular expression and the format of one time stamp."""
    if match["epoch"]:
        return EPOCH, "epoch"
    pattern, format = "", ""
    for part, kinds in STAMP_PARTS.items():
        if match[part]:
            kind = next(k for k, regex in kinds.items() if re.fullmatch(regex, match[part]))
            pattern, format = pattern + kinds[kind], format + kind
        if part == "date":
            pattern, format = pattern + match["join"], format + match["join"]
    return pattern, format


def seconds(times: pl.Series, format: str) -> pl.Series:
    """Seconds since the epoch (f64) of times (str); null where one has not the format."""
    if format == "epoch":
        numbers = times.cast(pl.Float64, strict=False)
        size = numbers.abs()
        unit = pl.select(
            pl.when(size > 1e17).then(1e9).when(size > 1e14).then(1e6).when(size > 1e11).then(1e3)
            .otherwise(1.0)
        ).to_series()  # fmt: skip
        return numbers / unit
    if "%3f" in format:  # as a fraction, because some loggers do not pad it
        times = times.str.replace(r"[,:](\d+)(\D*)$", ".$1$2")
        format = re.sub("[,:]%3f", "%.f", format)
    if not has_year(format):
        times, format = "1972 " + times, "%Y " + format  # a leap year: it has a 29 February
    stamps = times.str.to_datetime(format, time_unit="us", strict=False, ambiguous="earliest")
    return stamps.dt.epoch("us").cast(pl.Float64) / 1e6


def has_year(format: str) -> bool:
    """Whether a time has a year."""
    return format == "epoch" or "%Y" in format or "%y" in format
