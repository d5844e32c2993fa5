"""A table as a value, and its writers: Markdown, LaTeX (`booktabs`), JSON.

In: what `glx/report/tables.py` makes. Out: strings. The page of a study prints the same value.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

# Every character that means something to Markdown inside a cell, or to LaTeX.
MARKDOWN = re.compile(r"([\\`*_|<>\[\]~])")
LATEX = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "†": r"$^\dagger$",
    "←": r"$\leftarrow$",
    "−": "$-$",
    "×": r"$\times$",
    "…": r"\ldots{}",
}


@dataclass(frozen=True)
class Entry:
    """A place in a table.

    Attributes:
      text: as printed, without marks of any format.
      bold: the best of its column.
      value: the number behind it, for a picture of the table.
      hint: more about it, where there is room.
      href: a page about it, relative to the study.
    """

    text: str
    bold: bool = False
    value: float | None = None
    hint: str = ""
    href: str = ""


@dataclass(frozen=True)
class Table:
    """A titled table.

    Attributes:
      key: a short name, unique in its study: a LaTeX label, an anchor.
      title: one line.
      header: of each column; the first is that of the names.
      sections: of rows, with a rule between them; each row is as long as the header.
      notes: sentences below it: what the numbers are, protocol and stamps.
      names: how many columns, from the left, are words; the others are numbers.
    """

    key: str
    title: str
    header: tuple[str, ...]
    sections: tuple[tuple[tuple[Entry, ...], ...], ...]
    notes: tuple[str, ...] = ()
    names: int = 1

    @property
    def rows(self) -> list[tuple[Entry, ...]]:
        return [row for section in self.sections for row in section]


def to_markdown(table: Table) -> str:
    """Title, table and notes; a section after the first begins with an empty row."""
    rule = ["---"] * table.names + ["--:"] * (len(table.header) - table.names)
    rows = [[_markdown(name) for name in table.header]]
    for n, section in enumerate(table.sections):
        rows += [[""] * len(table.header)] if n else []
        rows += [_cells(row, _markdown, "**{}**") for row in section]
    head, *body = (f"| {' | '.join(cells)} |" for cells in rows)
    lines = [f"**{_markdown(table.title)}**", "", head, f"|{'|'.join(rule)}|", *body]
    if table.notes:
        lines += ["", " ".join(map(_markdown, table.notes))]
    return "\n".join(lines) + "\n"


def to_latex(table: Table) -> str:
    """A `table` with its caption; needs `\\usepackage{booktabs}`."""
    body = [" & ".join(map(_latex, table.header)) + r" \\"]
    for section in table.sections:
        cells = (_cells(row, _latex, r"\textbf{{{}}}") for row in section)
        body += [r"\midrule", *(" & ".join(row) + r" \\" for row in cells)]
    columns = "l" * table.names + "r" * (len(table.header) - table.names)
    caption = " ".join([f"{table.title}.", *table.notes])
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_latex(caption)}}}",
            rf"\label{{tab:{re.sub('[^a-z0-9]+', '-', table.key.lower())}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def to_json(tables: Iterable[Table]) -> str:
    """A list of objects `key title header rows notes`; a place is a number, or else a text."""
    values = [
        {
            "key": table.key,
            "title": table.title,
            "header": table.header,
            "rows": [[e.text if e.value is None else e.value for e in row] for row in table.rows],
            "notes": table.notes,
        }
        for table in tables
    ]
    return json.dumps(values, indent=1, ensure_ascii=False)


def _markdown(text: str) -> str:
    return MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _latex(text: str) -> str:
    plain = "".join(LATEX.get(letter, letter) for letter in " ".join(text.split()))
    return plain.replace("--", "-{}-")  # a flag's two hyphens, which else become a dash


def _cells(row: tuple[Entry, ...], escaped: Callable[[str], str], bold: str) -> list[str]:
    return [bold.format(escaped(e.text)) if e.bold else escaped(e.text) for e in row]
