"""Statements of whole programs: what is found, kept and said."""

import sysconfig
import time
from pathlib import Path

import numpy
import polars as pl
import pytest
from programs import PROGRAMS

from glx.errors import InputError
from glx.parse.levels import SCALE
from glx.statements import files, find
from glx.statements.languages import BY_SUFFIX
from glx.statements.table import SCHEMA, statements, summary


@pytest.fixture
def programs(tmp_path):
    """A folder of one program for each language."""
    folder = tmp_path / "programs"
    for name, (text, _) in PROGRAMS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_all_languages_in_one_folder(programs, tmp_path):
    table = statements([programs], cache=tmp_path)
    assert table.schema == SCHEMA
    expected = {
        (level, f"{name}:{line}", function, text)
        for name, (_, own) in PROGRAMS.items()
        for level, line, function, text in own
    }
    assert set(table.select("level", "place", "function", "text").iter_rows()) == expected
    assert table["language"].n_unique() == len(PROGRAMS)
    assert summary(table).startswith(f"{len(expected)} log statements (")


def test_nothing_is_read_twice_until_a_file_changes(programs, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    first = statements([programs], cache=cache)
    read = files.sources
    monkeypatch.setattr(files, "sources", None)
    assert statements([programs], cache=cache).equals(first)
    monkeypatch.setattr(files, "sources", read)
    (programs / "more.py").write_text('log.error("more of it")\n')
    more = statements([programs], cache=cache)
    assert more.filter(pl.col("place") == "more.py:1")["text"].to_list() == ["more of it"]
    named = statements([programs], ["snprintf:warn"], cache=cache)
    assert "not logged <*>" in named["text"].to_list()


@pytest.mark.parametrize("content", [b"PAR1 no parquet PAR1", b""])
def test_what_a_damaged_cache_held_is_found_again(programs, tmp_path, content):
    cache = tmp_path / "cache"
    first = statements([programs], cache=cache)
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(content or whole[: len(whole) // 2])
    assert statements([programs], cache=cache).equals(first)
    assert kept.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_done_without(programs, tmp_path):
    (tmp_path / "file").write_text("no folder")
    assert len(statements([programs], cache=tmp_path / "file/cache")) > 50


def test_bad_input(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such file or folder"):
        statements([tmp_path / "nowhere"], cache=tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/a.py").write_text("a = 1\n")
    with pytest.raises(InputError, match=r"no log statement in 1 source files; read are Python,"):
        statements([tmp_path / "empty"], cache=tmp_path)


def test_installed_packages(tmp_path):
    """Real code: every place exists, texts are as the source has them, in reasonable time."""
    packages = Path(sysconfig.get_paths()["purelib"])
    began, said = time.perf_counter(), []
    table = statements([packages / "absl", packages / "jax"], say=said.append, cache=tmp_path)
    assert time.perf_counter() - began < 60  # seconds, of some 400,000 lines
    assert len(table) > 50
    assert table["level"].is_in(SCALE).all()
    where = {"absl": packages / "absl", "jax": packages / "jax"}
    for row in table.filter(pl.col("language") == "Python").iter_rows(named=True):
        name, line = row["place"].rsplit(":", 1)
        path = next(folder / name for folder in where.values() if (folder / name).is_file())
        assert int(line) <= len(path.read_text().splitlines())


def test_headers_of_installed_packages():
    """Texts that no compiler reads alone: each is gone through, whatever it holds."""
    headers = [*files.sources(Path(numpy.get_include()))]
    assert len(headers) > 20
    for name, content in headers:
        for one in find.of_file(content.decode(), BY_SUFFIX[Path(name).suffix], {}):
            assert one.level in SCALE
            assert 0 < one.line <= content.count(b"\n") + 1
