"""Levels: the words, letters and numbers of all scales, on one standard scale.

In: what stands for the level in a line or a field. Out: one of `SCALE`, or null where it is none.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

SCALE = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
SEVERE = ("WARN", "ERROR", "FATAL")
RANK = {level: n for n, level in enumerate(SEVERE, start=1)}
# Words that stand for a level, in lines and in fields.
WORDS = {
    "TRACE": "VERBOSE FINER FINEST TRC TRAC TRCE VRB",
    "DEBUG": "DBG DEBU DBUG FINE",
    "INFO": "INF INFORMATION INFORMATIONAL NOTICE NOTE CONFIG LOG SYSTEM NORMAL AUDIT OK DETAIL "
    "HINT STATEMENT CONTEXT",
    "WARN": "WARNING WRN",
    "ERROR": "ERR ERRO SEVERE FAILURE FAIL FAILED",
    "FATAL": "CRITICAL CRIT CRT ALERT EMERGENCY EMERG PANIC PANI DPANIC PNC FATA FTL",
}
# Letters, numbers and words that do in a field of its own. Numbers are those of syslog (0 to 7, the
# lowest the worst), OpenTelemetry (from 8 up), pino and bunyan (tens), java.util.logging (300 to
# 1000) and logback (thousands); one that several scales have is of the first of them. Windows names
# levels in the language of the system.
CODES = {
    "TRACE": "T V ALL SILLY 10 300 400 5000",
    "DEBUG": "D D0 D1 D2 D3 D4 D5 DEBUG0 DEBUG1 DEBUG2 DEBUG3 DEBUG4 DEBUG5 - . 7 8 500 10000",
    "INFO": "I N A O * DEFAULT BASIC SUCCESS AUDIT_SUCCESS SUCCESSAUDIT QUERY LOCATION "
    "INFORMATIONEN INFORMATIONS INFORMACIÓN INFORMAZIONI 5 6 9 11 12 20 30 700 800 20000",
    "WARN": "W R # AUDIT_FAILURE FAILUREAUDIT WARNUNG AVERTISSEMENT ADVERTENCIA AVVISO "
    "4 13 14 15 16 40 900 30000",
    "ERROR": "E S EXCEPTION FEHLER ERREUR ERRORE 3 17 18 19 50 1000 40000",
    "FATAL": "F C KRITISCH CRITIQUE CRÍTICO CRITICO 0 1 2 21 22 23 24 60 50000",
}
STANDARD = {name: e for e in SCALE for name in [e, *WORDS[e].split(), *CODES[e].split()]}
# 1 to 24, four for each level; as OpenTelemetry names the field, it has the word `number` in it.
SEVERITY_NUMBERS = {str(n): SCALE[(n - 1) // 4] for n in range(1, 25)}
AZURE = dict(zip("01234", ("DEBUG", "INFO", "WARN", "ERROR", "FATAL"), strict=True))
PYTHON = {"10": "DEBUG", "20": "INFO", "30": "WARN", "40": "ERROR", "50": "FATAL"}
# Scales whose numbers mean something else elsewhere, by what is in the name of the field.
NUMBERS = {"number": SEVERITY_NUMBERS, "severitylevel": AZURE, "levelno": PYTHON}


def standard_levels(values: pl.Series, field: str = "") -> pl.Series:
    """The level of `SCALE` (str) that each value (str) stands for, null where it is none.

    Args:
      field: what the values are called. `pri` is what syslog has at the start of a line, eight
        times the facility and the severity; for others see `NUMBERS`.
    """
    if field == "pri":
        values = (values.cast(pl.Int64, strict=False) % 8).cast(pl.String)
    name = field.lower().replace("_", "")
    known = next((STANDARD | NUMBERS[part] for part in NUMBERS if part in name), STANDARD)
    names = values.str.strip_chars().str.to_uppercase().str.replace(" ", "_", literal=True)
    names = names.str.replace(r"\.0+$", "")
    return names.replace_strict(known, default=None, return_dtype=pl.String)


def severities(texts: Sequence[str]) -> np.ndarray:
    """`<int8>[V]` level of template texts, their first word: from 1, WARN, to 3, FATAL; else 0."""
    return np.array([RANK.get(text.split(" ", 1)[0], 0) for text in texts], dtype=np.int8)


def _any_of(words: list[str]) -> str:
    """Longer words first, so that none is taken for the start of another."""
    return "|".join(sorted(words, key=len)[::-1])


ALL_WORDS = _any_of([word for e in SCALE for word in [e, *WORDS[e].split()]])
CLEAR = (
    "TRACE|DEBUG|INFORMATION|INFO|NOTICE|WARNING|WARN|ERROR|ERR|SEVERE|FAILURE|CRITICAL|CRIT|ALERT|"
    "EMERG|FATAL|PANIC|VERBOSE"
)
# Words that are a level before the text, but among other words say something else.
UNCLEAR = frozenset(
    {"OK", "FAIL", "FAILED", "NORMAL", "SYSTEM", "LOG", "NOTE", "AUDIT", "DETAIL", "HINT"}
    | {"STATEMENT", "CONTEXT", "CONFIG"}
)
KEYS = ("level", "lvl", "levelname", "loglevel", "log_level", "severity", "priority")
PLACES = {  # how a level stands in a line, the clearest first, and the share of lines that show it
    rf"[\[(<]*\s*(?:\w+[.:])?(?P<level>{ALL_WORDS})\s*(?:\[\d+\])?"
    r"(?:[\])>:,|]+|/\w+\]|\s|$)": 0.5,
    rf"\[[^\]/]*/(?P<level>{ALL_WORDS})\]:?": 0.5,  # [thread/LEVEL]
    rf"[\[(<]\s*(?:\w+[.:])?(?P<level>(?i:{ALL_WORDS}))\s*[\])>][:,|]*": 0.5,
    rf"(?P<level>(?i:{ALL_WORDS}))[:|](?:\s|$)": 0.5,
    rf"(?:\w+\.)?(?P<level>(?i:{CLEAR}))[:,|]*(?:\s|$)": 0.5,
    r"[\[(<]?(?P<level>[TVDIWEFCANS])[\])>:,|]*(?:\s|$)": 0.9,
    rf'(?:{"|".join(KEYS)})="?(?P<level>[A-Za-z]+)"?(?:\s|$)': 0.5,
}
