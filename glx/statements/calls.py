"""Which calls log, and how severe their authors called it.

In: the name of a function, method or macro. Out: whether it logs, and at what level, of
`glx.parse.levels.SCALE`. A name is read by its words: `pr_err_once`, `SPDLOG_ERROR` and `logError`
say that they log and at what level; `error` says the level, and logs where it is called on a logger
(`self.log`, `getLogger()`); `log` has the level among its arguments.
"""

import re
from dataclasses import dataclass
from functools import cache

from glx.errors import InputError
from glx.parse.levels import SCALE, STANDARD


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
NO_LEVELS = _words(  # they are of a level, but in a name they mean something else
    "all audit basic config context default detail fail failed failure fine hint location "
    "log normal note query statement system"
)
LONG = {word.lower(): level for word, level in STANDARD.items() if word.isalpha() and len(word) > 2}
WORDS = {
    **{word: level for word, level in LONG.items() if word not in NO_LEVELS},
    **dict.fromkeys(("exception", "perror"), "ERROR"),
    **dict.fromkeys(("wtf", "die"), "FATAL"),
    **dict.fromkeys(("success", "logit"), "INFO"),
    "vlog": "DEBUG",
}
LETTER = re.compile(r"LOG([EWIDV])(?![A-Za-z])")
LETTERS = {"e": "ERROR", "w": "WARN", "i": "INFO", "d": "DEBUG", "v": "TRACE"}  # of Android
LOGGERS = _words(
    "alog bunyan clog console dlog glog journal klog lg lgr log logback "
    "logger loggers logging logr logrus logs loguru nlog pino plog rlog serilog slog spdlog "
    "structlog sugar sugared syslog timber tracing ulog vlog winston wlog xlog zap zerolog zlog"
)
PREFIXES = _words("dev drm net netdev netif pr q")  # of the Linux kernel, of Qt
LOGS = frozenset(name for name in LOGGERS if name.endswith("log")) | {"printk", "elog", "ereport"}
WRITES = _words("emit logf logln logp message msg msgf output print printf println write")
REPORTS = _words("message msg print printf report")
ENDING = re.compile(r"(?:f|w|ln|s|x|v|kv|ctx)$")  # Errorf, Errorw, Errorln, ErrorS, warnx
AROUND = _words(
    "a async at cond context ctx depth every first if n once only ratelimited sync trivial"
)
VERBS = _words(  # what does something else with errors than to log them
    "add assert build can catch check clear count create disable enable ensure expect filter find "
    "format from get handle has ignore init is last load make map max min new no num on parse pop "
    "push raise read register remove return send set should str string test throw to try update "
    "use wrap"
)
BARE = ("C", "C++", "Scala")  # where a level alone may be the name of what logs
UNSAID = "INFO"  # the level of what logs and names none
STDERR = re.compile(r"(?i:\bstderr\b)|\bSystem\.err\b|\bConsole\.Error\b|\bcerr\b")
TO_STDERR = _words("fprint fprintf fprintln fputs print println vfprintf write writeline writeln")
DIAGNOSTIC = "WARN"  # the level of what is written to standard error


@dataclass(frozen=True)
class Call:
    """What a name says.

    Attributes:
      level: at which it logs; None where its name does not tell.
      alone: whether it logs whatever it is called on; else only where that is a logger.
    """

    level: str | None
    alone: bool


@cache
def words_of(name: str) -> tuple[str, ...]:
    """`logErrorOnce` and `LOG_ERROR_ONCE` are log, error, once; `ALOGE` is alog, error."""
    spelled = LETTER.sub(lambda found: f"LOG_{LETTERS[found[1].lower()]}", name)
    return tuple(part.lower() for part in PART.findall(spelled))


@cache
def level_of(name: str) -> str | None:
    """The last level among the words of a name, as of `Level.SEVERE`, `LOG_ERR` or `Errorf`."""
    found = (WORDS.get(word) or WORDS.get(ENDING.sub("", word)) for word in words_of(name))
    return next((level for level in reversed([*found]) if level), None)


@cache
def call_of(name: str, language: str) -> Call | None:
    """What the name of a function, method or macro says; None where it cannot log."""
    words = [word for word in words_of(name) if word not in AROUND and not word.isdigit()]
    if len(words) > 1 and (words[-1] == "s" or (language == "C#" and words[-1] == "format")):
        del words[-1]  # InfoS, ErrorFormat
    if not words or words[0] in VERBS or name[0] == "_":
        return None
    level, native = level_of(name), language in ("C", "C++")
    told = not (LOGGERS | PREFIXES).isdisjoint(words) or (native and words[-1] in REPORTS)
    told |= language == "C#" and words[0] == "trace" and bool(words[1:] and level_of(words[-1]))
    if words in (["eprintln"], ["eprint"]):
        return Call(DIAGNOSTIC, True)
    if level is None:
        if words[-1] in LOGS or (told and words[-1] in WRITES):
            return Call(None, True)
        whole = "".join(words)
        if whole in LETTERS:
            return Call(LETTERS[whole], False)
        return Call(None, False) if whole in WRITES | TO_STDERR else None
    if len(words) > 1:
        # As `ext4_error(sb, ...)`: the level comes last in names of C.
        return Call(level, True) if told or (language == "C" and level_of(words[-1])) else None
    cased = name[0].islower() or name.isupper()  # else it is an object
    bare = (
        (language in BARE and cased)
        or language == "Rust"
        or (language == "JavaScript" and name == "debug")
    )
    return Call(level, bare)


def is_logger(receiver: str) -> bool:
    """Whether what a method is called on is a logger, by the words of its last names."""
    names = [name for name in re.findall(r"\w+", receiver)[-4:] if name != "Console"]  # of C#
    return any(word in LOGGERS or word.endswith("logger") for n in names for word in words_of(n))


def named(given: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """The level of each call that a user named, as `audit_log:error` or `Audit.record:error`.

    Returns:
      For each name the levels by the name that it is called on; that is empty for any.

    Raises:
      InputError: not of that form, or no such level.
    """
    calls = dict[str, dict[str, str]]()
    for one in (one.strip() for text in given for one in text.split(",")):
        name, _, word = one.rpartition(":")
        level = STANDARD.get(word.strip().upper())
        if not re.fullmatch(r"(?:\w+(?:\.|::|->))*\w+!?", name) or level is None:
            raise InputError(
                f"--log_calls={one}: give the name of what logs and its level, as audit_log:error; "
                f"levels are {', '.join(SCALE).lower()}"
            )
        *on, called = re.findall(r"\w+", name)
        calls.setdefault(called, {})["".join(on[-1:])] = level
    return calls
