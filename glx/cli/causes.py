r"""Show what was flagged by cause: the event that decided, or the one that was missing.

Examples:
  glx causes runs/shop
  glx causes found.jsonl --since=yesterday.jsonl
  glx causes found.jsonl.1 found.jsonl
  glx causes found.jsonl --format=agent --tokens=2000
  glx causes runs/shop --show=4d25775f

Each cause has its trend, its times, sessions, the reason and the lines of one sequence, with some
before and after it; its own are marked with >. An id names the same cause in every run.
"""

from collections.abc import Sequence

from absl.flags import FlagValues
from msgspec import to_builtins
from msgspec.json import encode
from msgspec.json import format as indented

from glx.cli.flags import add
from glx.data.load import REDACT
from glx.errors import InputError
from glx.files import given_path
from glx.redact import Mask, mask_of
from glx.report import remarks
from glx.report.cause_texts import for_model, for_people, whole
from glx.report.causes import since
from glx.report.models import Causes
from glx.runs.causes import of_path
from glx.terminal import escaped, tell


def declare() -> FlagValues:
    """The flags; the path may stand before, between and after them."""
    values = FlagValues()
    values.set_gnu_getopt()
    about = "text for people, json, or agent: for a language model, as short as --tokens says."
    add(values, "enum", "format", "text", ["text", "json", "agent"], about)
    about = "An earlier run or file: causes that it has not are marked as new and come first."
    add(values, "string", "since", None, about)
    about = "The detector that judged a file of verdicts: what was muted or noted of it is shown."
    add(values, "string", "detector", None, about)
    add(values, "string", "show", None, "The id of one cause, which alone is shown.")
    add(values, "integer", "limit", 20, "Causes that are shown as text.", lower_bound=1)
    about = "of --format=agent at most, of some four characters each."
    add(values, "integer", "tokens", 2000, about, lower_bound=200)
    add(values, "boolean", "redact", True, REDACT)
    return values


def work(values: FlagValues, names: list[str]) -> None:
    """The causes of what the path names, on standard output."""
    if not names:
        raise InputError("name one run folder, or files of `glx detect --out`, see --help")
    found = found_at(names, values.detector, values.since, mask_of(values.redact))
    if values.show is not None:
        found.causes = [cause for cause in found.causes if cause.id == values.show]
        if not found.causes:
            raise InputError(
                f"--show={values.show}: no such cause in {' and '.join(names)}; see them without it"
            )
    if values.format == "json":
        tell(escaped(indented(encode(to_builtins(found)), indent=1).decode()))
    elif values.format == "agent":
        tell(for_model(found, values.tokens, f"glx causes {' '.join(names)} --show=ID"))
    elif values.show is not None:
        tell(whole(found.causes[0]))
    else:
        tell(for_people(found, values.limit))


def found_at(paths: Sequence[str], detector: str | None, earlier: str | None, mask: Mask) -> Causes:
    """The causes at a path, with what people said of them, those that are new marked.

    Args:
      paths: of a run, or of verdicts that go on from one file to the next.
      detector: of a file of verdicts, a folder that remarks are kept beside.
      earlier: a run or file of verdicts whose causes are not new.

    Raises:
      InputError: as `of_path`.
    """
    before = None if earlier is None else of_path(given_path(earlier), mask)
    first, *later = map(given_path, paths)
    beside = detector or (paths[0] if first.is_dir() else None)
    said = {} if beside is None else remarks.read(remarks.path_of(given_path(beside)))
    return remarks.remarked(since(of_path(first, mask, *later), before), said)
