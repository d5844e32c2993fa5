"""The README and docs name files, modules and pages that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_exists(page):
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"\b(?:glx|experiments|launch|tests|docs)/[\w./-]*\w/?", text)
    named += [f"experiments/{name}.py" for name in re.findall(r"\bexperiments\.(\w+)", text)]
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    found = [ROOT / name for name in named] + [page.parent / link for link in links]
    assert [str(path) for path in found if not path.exists()] == []
