"""A page as the tests read it: elements, words, the data of its script."""

import json
import re
from html.parser import HTMLParser


class Elements(HTMLParser):
    """Every element with its attributes, and the text outside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.inside = tag if tag in ("script", "style") else ""

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if not self.inside:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def attributes(self, tag: str) -> list[dict]:
        """Of every element with this tag."""
        return [attributes for name, attributes in self.found if name == tag]


def words(page: str) -> str:
    """The text that a reader of a page sees."""
    return Elements(page).text


def data(page: str) -> dict:
    """What a page gives its script."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])
