"""Programming languages: the names of their files, and what comments and strings look like.

In: a file's suffix. Out: its language, whose expressions find comments and strings in a text
(`glx.statements.code` takes them out). These are no grammars: a file that no compiler would take is
read as far as it can be.
"""

import re
from dataclasses import dataclass
from functools import cached_property

OPEN, INSIDE = "\x02", "\x01"  # in `Code.bare` the first character of a string, and the others
LITERAL = f"{OPEN}{INSIDE}*"

LINE, BLOCK, HASH = r"//[^\n]*", r"/\*[\s\S]*?(?:\*/|\Z)", r"#[^\n]*"
DOUBLE = r'"(?:[^"\\\n]|\\[\s\S])*"'
SINGLE = r"'(?:[^'\\\n]|\\[\s\S])*'"
LINES = r'"(?:[^"\\]|\\[\s\S])*"'  # may go on over lines
CHARACTER = r"'(?:[^'\\\n]|\\.[^'\n]{0,8})'"  # not the quote of a lifetime, or of a digit
TRIPLE = r'"""[^"\\]*(?:(?:\\[\s\S]|"(?!""))[^"\\]*)*"""'
TRIPLE_SINGLE = TRIPLE.replace('"', "'")
TRIPLE_RAW = r'"""[\s\S]*?"""+'
BACKTICK = r"`[^`]*`"
# A string with code in it, which may hold strings and braces.
INNER = r'\{(?:[^{}"\n]|"(?:[^"\\\n]|\\.)*"|\{[^{}\n]*\})*\}'
DOLLAR = rf'"(?:[^"\\\n$]|\\.|\$(?!\{{)|\${INNER})*"'
INTERPOLATED = rf'\$"(?:[^"\\\n{{]|\\.|\{{\{{|(?!\{{\{{){INNER})*"'
TEMPLATE = r"`(?:[^`\\$]|\\[\s\S]|\$(?!\{)|\$\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})*`"
BEFORE = r"[=(,:;!&|?\[{}+\n]"  # a slash is a division after anything else
REGEX = (
    rf"/(?:(?<={BEFORE}/)|(?<={BEFORE} /))(?![/*])"
    r"(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/"
)
VERBATIM = r'@\$?"(?:[^"]|"")*"|\$@"(?:[^"]|"")*"'
DELIMITED = r'R"(?P<end>[^()\\\s"]{0,16})\([\s\S]*?\)(?P=end)"'  # C++
HASHED = r'r(?P<hashes>#*)"[\s\S]*?"(?P=hashes)'  # Rust


@dataclass(frozen=True)
class Language:
    """How a language is read.

    Attributes:
      suffixes: of its files.
      tokens: expressions of its comments and strings, the longer of alternatives first.
      interpolates: what begins a value within a string: the prefixes of such strings by the sign
        that begins it, `$` or `{`; an empty prefix is any string.
    """

    name: str
    suffixes: tuple[str, ...]
    tokens: tuple[str, ...]
    interpolates: tuple[tuple[str, str], ...] = ()

    @cached_property
    def token(self) -> re.Pattern:
        """Any comment or string."""
        return re.compile("|".join(self.tokens))


COMMENT = (LINE, BLOCK)
LANGUAGES = (
    Language(
        "Python", (".py", ".pyx"), (HASH, TRIPLE, TRIPLE_SINGLE, DOUBLE, SINGLE), (("f", "{"),)
    ),
    Language("Java", (".java",), (*COMMENT, TRIPLE, DOUBLE, CHARACTER)),
    Language(
        "Scala",
        (".scala",),
        (*COMMENT, TRIPLE_RAW, DOLLAR, CHARACTER),
        (("s", "$"), ("f", "$"), ("raw", "$")),
    ),
    Language("Kotlin", (".kt", ".kts"), (*COMMENT, TRIPLE_RAW, DOLLAR, CHARACTER), (("", "$"),)),
    Language("Go", (".go",), (*COMMENT, DOUBLE, CHARACTER, BACKTICK)),
    Language("C", (".c", ".h"), (*COMMENT, DOUBLE, CHARACTER)),
    Language(
        "C++",
        (".cc", ".cpp", ".cxx", ".c++", ".hh", ".hpp", ".hxx", ".h++", ".inl", ".ipp", ".cu"),
        (*COMMENT, DELIMITED, DOUBLE, CHARACTER),
    ),
    Language("Rust", (".rs",), (*COMMENT, HASHED, LINES, CHARACTER)),
    Language(
        "JavaScript",
        (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte"),
        (*COMMENT, DOUBLE, SINGLE, TEMPLATE, REGEX),
        (("`", "$"),),
    ),
    Language(
        "C#",
        (".cs",),
        (*COMMENT, TRIPLE_RAW, VERBATIM, INTERPOLATED, DOUBLE, CHARACTER),
        (("$", "{"),),
    ),
)
BY_SUFFIX = {suffix: language for language in LANGUAGES for suffix in language.suffixes}
NAMES = ", ".join(language.name for language in LANGUAGES)
