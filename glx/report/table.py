"""A table as a value, and its writers: Markdown, LaTeX (`booktabs`).

In: what `glx/report/tables.py` makes. Out: strings. The page of a study prints the same value.
"""

import re
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
    lines = [f"**{_markdown(table.title)}**", ""]
    lines += [_bar([_markdown(name) for name in table.header]), f"|{'|'.join(rule)}|"]
    for n, section in enumerate(table.sections):
        if n:
            lines.append(_bar([""] * len(table.header)))
        for row in section:
            lines.append(_bar([_strong(_markdown(e.text), e.bold, "**{}**") for e in row]))
    if table.notes:
        lines += ["", " ".join(map(_markdown, table.notes))]
    return "\n".join(lines) + "\n"


def to_latex(table: Table) -> str:
    """A `table` with its caption; needs `\\usepackage{booktabs}`."""
    body = []
    for n, section in enumerate(table.sections):
        body += [r"\midrule"] if n else []
        for row in section:
            body.append(
                _ampersands([_strong(_latex(e.text), e.bold, r"\textbf{{{}}}") for e in row])
            )
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
            _ampersands([_latex(name) for name in table.header]),
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _markdown(text: str) -> str:
    return MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _latex(text: str) -> str:
    plain = "".join(LATEX.get(letter, letter) for letter in " ".join(text.split()))
    return plain.replace("--", "-{}-")  # a flag's two hyphens, which else become a dash


def _strong(text: str, bold: bool, mark: str) -> str:
    return mark.format(text) if bold else text


def _bar(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ampersands(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"
