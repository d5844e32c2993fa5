"""Bytes on a command line, or in a file of flags, that are not UTF-8: paths may have them."""

from importlib import import_module
from pathlib import Path

import pytest
from raw_files import write

from glx.cli.flags import PATHS
from glx.cli.main import COMMANDS, main

BYTES = "x\udcff"  # what Python makes of b"x\xff"


@pytest.mark.parametrize("command", [*COMMANDS])
def test_no_text_but_a_path_may_be_other_than_utf8(command, capsys):
    values = import_module(f"glx.cli.{command}").declare()
    texts = [name for name in values if "string" in values[name].flag_type()]
    for name in set(texts) - PATHS - {"flagfile", "undefok"}:
        assert main([command, f"--{name}={BYTES}"]) == 2
        assert capsys.readouterr().err.startswith(f"error: --{name}=x⟨U+DCFF⟩: ")


def test_a_file_may_have_any_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "2024-05-01 10:00:00 INFO came\n" * 9, BYTES)
    assert main(["inspect", BYTES]) == 0
    assert "x⟨U+DCFF⟩" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["absent", ".", "bytes", BYTES])
def test_flags_that_cannot_be_read(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("bytes").write_bytes(b"--json\n\xff\n")
    assert main(["inspect", f"--flagfile={name}", "a.log"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == err.lower().count("error:") == 1
    assert "flagfile" in err
