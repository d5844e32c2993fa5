"""Time stamps: found in a line, and turned into seconds since the epoch."""

import re
from collections import Counter
from collections.abc import Iterable

import polars as pl

# Parts of a time stamp: regular expression -> format, as Polars has it; the earlier is tried first.
# Where one expression has several formats, the lines decide (`format_of`).
MONTH = "[A-Z][A-Za-z]{2}"
WEEKDAY = "[A-Z][a-z]{2}"
DATES = {
    r"\d{4}-\d{1,2}-\d{1,2}": ("%Y-%m-%d",),
    r"\d{4}/\d{1,2}/\d{1,2}": ("%Y/%m/%d",),
    r"\d{4}\.\d\d\.\d\d": ("%Y.%m.%d",),
    rf"\d{{1,2}}/{MONTH}/\d{{4}}": ("%d/%b/%Y",),
    rf"\d{{1,2}}-{MONTH}-\d{{4}}": ("%d-%b-%Y",),
    rf"\d{{1,2}}-{MONTH}-\d\d": ("%d-%b-%y",),
    rf"{WEEKDAY}, \d{{1,2}} {MONTH} \d{{4}}": ("%a, %d %b %Y",),
    rf"\d{{1,2}} {MONTH} \d{{4}}": ("%d %b %Y",),
    rf"\d{{4}}-{MONTH}-\d{{1,2}}": ("%Y-%b-%d",),
    rf"\d{{4}} {MONTH} {{1,2}}\d{{1,2}}": ("%Y %b %e",),
    r"\d{1,2}\.\d{1,2}\.\d{4}": ("%d.%m.%Y",),
    r"\d\d/\d\d/\d\d": ("%y/%m/%d", "%d/%m/%y", "%m/%d/%y"),
    r"\d{1,2}/\d{1,2}/\d\d": ("%d/%m/%y", "%m/%d/%y"),
    r"\d{1,2}/\d{1,2}/\d{4}": ("%d/%m/%Y", "%m/%d/%Y"),
    r"\d{1,2}-\d{1,2}-\d{4}": ("%d-%m-%Y", "%m-%d-%Y"),
    r"\d{8}": ("%Y%m%d",),
    r"\d{6}": ("%y%m%d",),
    rf"{WEEKDAY} {MONTH} {{1,2}}\d{{1,2}}": ("%a %b %e",),
    rf"{MONTH} {{1,2}}\d{{1,2}}, \d{{4}}": ("%b %e, %Y",),
    rf"{MONTH} {{1,2}}\d{{1,2}} \d{{4}}": ("%b %e %Y",),
    rf"{MONTH} {{1,2}}\d{{1,2}}": ("%b %e",),
    r"\d\d-\d\d": ("%m-%d", "%d-%m"),
    r"\d\d\.\d\d": ("%m.%d", "%d.%m"),
}
CLOCKS = {
    r"\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?[ \u202f]?[AaPp][Mm]": "%I:%M:%S%.f%p",
    r"\d{1,2}:\d{1,2}:\d{1,2}": "%H:%M:%S",
    r"\d\d\.\d\d\.\d\d": "%H.%M.%S",
    r"\d{6}": "%H%M%S",
    r"\d{1,2}:\d\d": "%H:%M",
}
FRACTIONS = {r"[.,]\d{1,9}": "%.f", r":\d{1,3}": ":%3f"}
HOURS: dict[str, float] = {  # of the zones that logs name, east of Greenwich
    **{"UTC": 0.0, "GMT": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "MET": 1, "CEST": 2},
    **{"MEST": 2, "EET": 2, "SAST": 2, "EEST": 3, "MSK": 3, "IST": 5.5, "SGT": 8, "HKT": 8},
    **{"AWST": 8, "JST": 9, "KST": 9, "ACST": 9.5, "AEST": 10, "ACDT": 10.5, "AEDT": 11},
    **{"NZST": 12, "NZDT": 13, "BRT": -3, "ART": -3, "NDT": -2.5, "NST": -3.5, "ADT": -3},
    **{"AST": -4, "EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7, "PDT": -7},
    **{"PST": -8, "AKDT": -8, "AKST": -9, "HST": -10},
}
MONTH_FIRST = re.compile(r"(?:\b[ECMP][DS]T|[AaPp][Mm])(?: \d{4})?$")  # as in North America
ZONE_NAMES = "|".join(sorted(HOURS, key=len)[::-1])
YEAR = r" [12]\d{3}"
ZONES = {
    rf" (?:{ZONE_NAMES}) [12]\d{{3}}": " %Z %Y",
    YEAR: " %Y",
    r" ?[+-]\d\d:\d\d": "%z",
    r" ?[+-]\d{4}": "%z",
    r"[+-]\d\d": "%#z",
    "Z": "Z",
    rf" ?(?:{ZONE_NAMES})": " %Z",
}
PARTS: dict[str, Iterable[str]] = {
    "date": DATES,
    "clock": CLOCKS,
    "fraction": FRACTIONS,
    "zone": ZONES,
}
EPOCH = r"1\d{9}(?:\d{9}|\d{6}|\d{3}|\.\d{1,9})?"
JOIN = ",? {1,2}|[T:_-]| time="


Shape = tuple[str, str, str, str, str]  # expressions of date, clock, fraction, zone; what joins


def _any(parts: Iterable[str]) -> str:
    return "|".join(parts)


STAMP = re.compile(
    rf"(?<![\w.:/-])(?:(?:(?P<date>{_any(DATES)})(?P<join>{JOIN}))?(?P<clock>{_any(CLOCKS)})"
    rf"(?P<fraction>{_any(FRACTIONS)})?(?P<zone>{_any(ZONES)})?|(?P<epoch>{EPOCH}))(?![\w/])"
)

SHOWABLE = -62_135_596_800, 253_402_300_799  # seconds of the years 1 to 9999
DAY = 86400.0
YEARLESS = 94867200.0  # seconds since the epoch; times without a year are below


def shape(match: re.Match) -> Shape | None:
    """What the time stamps of one format have in common; None where it is no time."""
    if match["epoch"]:
        return EPOCH, "", "", "", ""
    date, clock, fraction, zone = (
        next((regex for regex in kinds if match[part] and re.fullmatch(regex, match[part])), "")
        for part, kinds in PARTS.items()
    )
    if not date and not re.fullmatch(r"\d\d:\d\d:\d\d", match["clock"]):
        return None
    if zone == YEAR and (_dated(date) or not 1970 <= int(match["zone"]) < 2100):
        zone = ""  # a number of a process
    # Some loggers leave out a fraction of zero.
    return date, clock, fraction or r"[.,]\d{1,9}", zone, (match["join"] or "").replace("  ", " ")


def _dated(date: str) -> bool:
    return any("y" in format.lower() for format in DATES.get(date, ()))


def tells_year(shape: Shape) -> bool:
    """Whether time stamps of this shape have a year."""
    return shape[0] == EPOCH or _dated(shape[0]) or "Y" in ZONES.get(shape[3], "")


def without_year(shape: Shape) -> Shape:
    """The shape without the year after the clock."""
    date, clock, fraction, zone, join = shape
    return date, clock, fraction, "" if zone == YEAR else zone, join


def pattern_of(shape: Shape) -> str:
    """The regular expression of the time stamps of a shape."""
    date, clock, fraction, zone, join = shape
    if date == EPOCH:
        return EPOCH
    zone = f"(?:{zone})" if zone else ""
    return f"{date}{join.replace(' ', ' {1,2}')}{clock}(?:{fraction})?{zone}"


def format_of(values: list[str]) -> str | None:
    """The format of over half of the times, or None.

    Where it can be read in several ways (5/1, 17/06/09), the one that most values allow, then that
    in which they lie closest together; then the day is first, or the month where the clock has AM
    or PM or the zone is one of North America.
    """
    found = [(s, m) for m in map(STAMP.fullmatch, values) if m and (s := shape(m))]
    if 2 * len(found) <= len(values):
        return None
    common = Counter(s for s, _ in found).most_common(1)[0][0]
    date, clock, _, zone, join = common
    if date == EPOCH:
        return "epoch"
    matches = [m for s, m in found if s == common]
    fraction = next((m["fraction"][0] for m in matches if m["fraction"]), "")
    rest = join + CLOCKS[clock] + {".": "%.f", "": ""}.get(fraction, fraction + "%3f")
    rest += ZONES.get(zone, "")
    dates = list(DATES.get(date, [""]))
    if any(MONTH_FIRST.search(m[0]) for m in matches):
        dates.sort(key=lambda date: not date.startswith("%m"))
    elif ":%3f" in rest or "%Z" in rest:
        dates.sort(key=lambda date: date.startswith("%y"))
    if len(dates) == 1:
        return dates[0] + rest
    texts = pl.Series([m[0] for m in matches])
    return min((date + rest for date in dates), key=lambda format: _misfit(texts, format))


def _misfit(times: pl.Series, format: str) -> tuple[int, float]:
    """How many times have not the format, and the seconds from the first to the last."""
    read = seconds(times, format).drop_nulls().to_list()
    return len(times) - len(read), max(read, default=0.0) - min(read, default=0.0)


def seconds(times: pl.Series, format: str) -> pl.Series:
    """Seconds since the epoch (f64) of times (str); null where one has not the format, or lies
    outside of the years 1 to 9999."""
    found = _seconds(times, format)
    return found.set(~found.is_between(*SHOWABLE).fill_null(False), None)


def _seconds(times: pl.Series, format: str) -> pl.Series:
    if format == "epoch":
        numbers = times.cast(pl.Float64, strict=False)
        size = numbers.abs()
        unit = pl.select(
            pl.when(size > 1e17).then(1e9).when(size > 1e14).then(1e6).when(size > 1e11).then(1e3)
            .otherwise(1.0)
        ).to_series()  # fmt: skip
        return numbers / unit
    zones = times.str.extract(rf"\b({ZONE_NAMES})\b") if "%Z" in format else None
    if zones is not None:
        times, format = times.str.replace(rf" ?\b({ZONE_NAMES})\b", ""), format.replace(" %Z", "")
    if "%p" in format:
        times = times.str.replace(r"[ \u202f]([AaPp][Mm])", "$1").str.replace(r",(\d)", ".$1")
    if "%3f" in format:  # as a fraction, because some loggers do not pad it
        times = times.str.replace(r"^(.*)[,:](\d{1,9})", "$1.$2")
        format = re.sub("[,:]%3f", "%.f", format)
    if not has_year(format):  # a leap year: it has a 29 February; but it has other days of the week
        times = times.str.replace("^[A-Z][a-z]{2} ([A-Z])", "$1")
        times = "1972 " + times if "%e" in format or "%d" in format else "1972 1 1 " + times
        date = "%Y " if "%e" in format or "%d" in format else "%Y %m %d "
        format = date + format.removeprefix("%a ")
    stamps = times.str.to_datetime(format, time_unit="us", strict=False, ambiguous="earliest")
    read = stamps.dt.epoch("us").cast(pl.Float64) / 1e6
    if zones is None:
        return read
    return read - 3600 * zones.replace_strict(
        list(HOURS), [float(h) for h in HOURS.values()], default=0.0, return_dtype=pl.Float64
    )


def period(format: str | None) -> float | None:
    """Seconds after which times of this format repeat: a year, a day, or never (None)."""
    if format is None or has_year(format):
        return None
    return 366 * DAY if "%e" in format or "%d" in format else DAY


def has_year(format: str) -> bool:
    """Whether a time has a year."""
    return format == "epoch" or "%Y" in format or "%y" in format
