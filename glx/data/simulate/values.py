"""The values that vary from line to line: addresses, sizes, paths, identifiers, times.

In: a random generator. Out: text. Only `random()` and `getrandbits()` are drawn from it: their
streams for a seed are the same in all versions of Python.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from random import Random

from glx.data.simulate.grammar import between

Draw = Callable[[Random], str]


def number(low: int, high: int) -> Draw:
    """Decimal numbers in [low, high], each equally likely."""
    return lambda rng: str(between(low, high, rng))


def hexadecimal(digits: int) -> Draw:
    """Hexadecimal numbers of that many digits."""
    return lambda rng: f"{rng.getrandbits(4 * digits):0{digits}x}"


def ip(rng: Random) -> str:
    """An address of a cluster of 240 machines."""
    return f"10.{between(250, 251, rng)}.{between(0, 9, rng)}.{between(11, 22, rng)}"


def path(rng: Random) -> str:
    """A file below a user's folder."""
    job = between(1, 9999, rng)
    return f"/user/u{between(1000, 1039, rng)}/job_{job:04d}/part-{between(0, 999, rng):05d}"


def uuid(rng: Random) -> str:
    """A random UUID of version 4."""
    digits = f"{rng.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


COMMON: dict[str, Draw] = {
    "ip": ip,
    "port": number(1024, 65535),
    "path": path,
    "size": number(1, 134_217_728),
    "ms": number(2, 90_000),
    "few": number(1, 4),
    "percent": number(60, 99),
    "user": number(1000, 1039),
    "hex": hexadecimal(8),
}


@lru_cache(maxsize=1024)
def second(seconds: int, pattern: str) -> str:
    """That second since the epoch, in UTC, by the `strftime` pattern (many lines share one)."""
    return datetime.fromtimestamp(seconds, UTC).strftime(pattern)
