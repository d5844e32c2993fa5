"""A user's notes, from runbooks in YAML or Markdown, as entries of the knowledge.

In: a file, or a folder of such files. Out: entries of kind `note`, file after file by name.

YAML (`.yaml`, `.yml`) is a list of mappings: `text` (or `event`), and where wanted `label`
(`normal` or `anomalous`), `note` and `system`. In Markdown (`.md`) each bullet at the margin is an
entry, and each heading that begins with a label or has a paragraph of its own. `normal:` or
`anomalous:` at the start is its label; what stands below it is its note. Below a heading with a
label, bullets and lesser headings without one are part of its note.

    ## anomalous: no space left on device
    Writes fail until somebody makes room.

Texts are masked as lines of logs are, so that they are near to templates.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import polars as pl
import yaml
from markdown_it import MarkdownIt

from glx import yaml_list
from glx.embed.embed import UNKNOWN, readable
from glx.errors import InputError
from glx.generallog.entries import NOTE, Entry
from glx.generallog.knowledge import Encode, Knowledge
from glx.llm.request import CHOICES
from glx.parse.mask import mask
from glx.statements.languages import NAMES

YAML, MARKDOWN = (".yaml", ".yml"), (".md",)
KEYS = ("text", "event", "label", "note", "system")

NOT_ENTRIES = ["lheading", "html_block"]  # of Markdown: they begin nothing and hide nothing
LABEL = re.compile(rf"[*_]*(?P<label>{'|'.join(CHOICES)})[*_]*:[*_]*\s*(?P<text>.*)$", re.I)


@dataclass(frozen=True)
class Draft:
    """One entry as it stands in a file.

    Attributes:
      line: where it begins, from 1.
      note: its lines.
      level: of a heading, 1 to 6; 0 for all else.
    """

    line: int
    text: str
    label: str | None = None
    system: str | None = None
    note: list[str] = field(default_factory=list)
    level: int = 0


def with_notes(knowledge: Knowledge, paths: Sequence[Path], encode: Encode) -> Knowledge:
    """`knowledge` and the notes at `paths`.

    Args:
      encode: texts to `<float32>[n, D]`, each of length 1, as the knowledge's vectors were made.

    Raises:
      InputError: as `read`.
    """
    entries = [entry for path in paths for entry in read(path)]
    if not entries:
        return knowledge
    return knowledge.add(entries, encode([entry.text for entry in entries]))


def read(path: Path) -> list[Entry]:
    """The entries of a file, or of all files of a folder that end as notes do.

    Raises:
      InputError: nothing there, or something that cannot be read; names file and line.
    """
    if not os.path.exists(path):  # never an error itself, unlike Path.exists
        raise InputError(f"{path}: no such file or folder; check the path after --knowledge")
    if not os.path.isdir(path):
        return read_file(path)
    try:
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in YAML + MARKDOWN)
    except OSError as e:
        raise InputError(f"{path}: cannot be read ({e.strerror}); check its permissions") from e
    if not files:
        raise InputError(
            f"{path}: holds no notes (.yaml, .yml, .md) and no source code of a language that is "
            f"read ({NAMES}); name another"
        )
    return [entry for file in files for entry in read_file(file)]


def read_file(path: Path) -> list[Entry]:
    """The entries of one file.

    Raises:
      InputError: as `read`.
    """
    suffix = path.suffix.lower()
    if suffix not in YAML + MARKDOWN:
        raise InputError(
            f"{path}: by its name neither notes (.yaml, .yml, .md) nor source code or an archive "
            "of it (.zip, .tar.gz); rename it"
        )
    text = yaml_list.read_text(path)
    drafts = from_yaml(text, path) if suffix in YAML else from_markdown(text)
    if not drafts:
        raise InputError(f"{path}: holds no entry; give a list (YAML) or bullets (Markdown)")
    texts = mask(pl.Series([draft.text for draft in drafts], dtype=pl.String)).to_list()
    return [_entry(draft, text, path) for draft, text in zip(drafts, texts, strict=True)]


def from_yaml(text: str, path: Path) -> list[Draft]:
    """The entries of a YAML list.

    Raises:
      InputError: not YAML, or not such a list.
    """
    return [_from_node(node, path) for node in yaml_list.items(text, path, "entries")]


def _from_node(node: yaml.Node, path: Path) -> Draft:
    where = yaml_list.place(path, node)
    if not isinstance(node, yaml.MappingNode):
        raise InputError(f"{where}: an entry has keys; begin it with `- text:`")
    values: dict[str, str | None] = {}
    for key, (at, value) in yaml_list.keys(node, path, KEYS).items():
        if not isinstance(value, yaml.ScalarNode):
            raise InputError(f"{at}: {key} must be a text, not a list or a mapping")
        values[key] = yaml_list.text_of(value)
    texts = [value for value in (values.get("text"), values.get("event")) if value is not None]
    if len(texts) != 1:
        raise InputError(f"{where}: an entry needs one of `text` and `event`")
    label, note = values.get("label"), values.get("note")
    return Draft(
        line=yaml_list.line_of(node),
        text=texts[0],
        label=label and label.lower(),
        system=values.get("system"),
        note=[note] if note else [],
    )


def from_markdown(text: str) -> list[Draft]:
    """The entries of a Markdown text."""
    drafts: list[Draft] = []
    section = 0  # level of the labelled heading that we are below, 0 for none
    begins = _headings_and_bullets(text)
    for number, line in enumerate(text.split("\n")):
        if number in begins:
            level, title = begins[number]
            found = LABEL.match(title)
            label, title = (found["label"].lower(), found["text"]) if found else (None, title)
            if level and (label or level <= section):
                section = level if label else 0
            if label or not section:
                title = title.replace("`", "").strip()
                drafts.append(Draft(number + 1, title, label, level=level))
                continue
        if drafts:
            drafts[-1].note.append(line.strip())
    return [d for d in drafts if d.label or not d.level or any(d.note)]


def _headings_and_bullets(text: str) -> dict[int, tuple[int, str]]:
    """The level (0 for a bullet) and text of each at the margin, by line from 0."""
    found, lines = {}, text.split("\n")
    for token, content in pairwise(MarkdownIt().disable(NOT_ENTRIES).parse(text)):
        at = token.map[0] if token.map else 0
        if token.type == "heading_open" and token.level == 0:
            found[at] = int(token.tag.removeprefix("h")), content.content
        elif token.type == "list_item_open" and token.level == 1:  # in a list that is in no other
            found[at] = 0, lines[at].removeprefix(token.info + token.markup).strip()
    return {
        at: begin for at, begin in found.items() if lines[at][0] != " " and (begin[1] or begin[0])
    }


def _entry(draft: Draft, text: str, path: Path) -> Entry:
    where = f"{path}: line {draft.line}"
    if draft.label is not None and draft.label not in CHOICES:
        raise InputError(f"{where}: label {draft.label!r} is neither {' nor '.join(CHOICES)}")
    if readable(text) == UNKNOWN:
        raise InputError(f"{where}: an entry without a word; say what the event's line says")
    note = "\n".join(draft.note).strip()
    return Entry(text, NOTE, draft.system or None, draft.label, note=note or None)
