"""One HTML page from a template: escaped, shut off from the network, written whole.

In: a template of this folder, its script, plain values. Out: a string, a file.

Log text is not trusted. Every string that a template prints is escaped and has its controls made
visible; data for a script goes through `as_json`, and the script puts it into the page as text.
"""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from glx.errors import InputError, is_disk_full
from glx.files import write_whole
from glx.terminal import visible

HERE = Path(__file__).parent
SECRET = re.compile(r"(?<=//)[^/\s]+@")  # user and password of a URL
BASELINES = {  # what each of the trivial detectors flags
    "all_positive": "everything",
    "keyword": "words like “error”",
    "new_event": "never seen before",
    "surprise": "rare or missing events",
    "count_vector": "unusual counts",
}


def render(template: str, script: str | None = None, **values: Any) -> str:
    """The page of a template.

    Args:
      template: a file of this folder that extends `base.html`.
      script: a JavaScript file of this folder; the page runs this and nothing else.
      values: what the template prints. Only `Markup` is taken as HTML.
    """
    code = (HERE / script).read_text() if script else ""
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else marked(value),
    )
    environment.filters |= {
        "number": number,
        "count": count,
        "percent": percent,
        "as_words": as_words,
    }
    allowed = f"'sha256-{digest}'" if script else "'none'"
    return environment.get_template(template).render(code=Markup(code), allowed=allowed, **values)


def write(path: Path, text: str) -> Path:
    """Write a page whole or not at all.

    Raises:
      InputError: the folder cannot be written to.
    """
    try:
        write_whole(path, text)
    except OSError as e:
        if is_disk_full(e):
            raise
        raise InputError(f"{path}: cannot be written ({e.strerror})") from e
    return path


def as_json(value: Any) -> Markup:
    """JSON that can stand in a `<script type="application/json">`, whatever its strings hold."""
    text = json.dumps(marked(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def marked(value: Any) -> Any:
    """A value in whose strings hidden characters are marks that one can see."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {marked(name): marked(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [marked(item) for item in value]
    return value


def without_password(text: str) -> str:
    """A text whose URLs have neither user nor password."""
    return SECRET.sub("…@", text)


def number(value: float | None, digits: int = 3) -> str:
    """A score to three digits, `n/a` for one that is not defined."""
    return "n/a" if value is None else f"{value:.{digits}f}"


def count(value: float | None) -> str:
    """A whole number with thousands apart, `n/a` for None."""
    return "n/a" if value is None else f"{value:,.0f}"


def percent(value: float | None) -> str:
    """A share as a percentage, with more digits where it is small, `n/a` for None."""
    if value is None:
        return "n/a"
    digits = ".1f" if value >= 0.01 or not value else ".2g"
    return f"{100 * value:{digits}}\u00a0%"


def as_words(term: str) -> str:
    """A term of `metrics.json` as words: `new event`."""
    return term.replace("_", " ")


def explained(baseline: str) -> str:
    """A trivial detector with what it flags: `surprise: rare or missing events`."""
    return ": ".join(filter(None, [as_words(baseline), BASELINES.get(baseline)]))
