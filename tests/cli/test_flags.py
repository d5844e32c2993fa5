"""Command lines: what is refused, what `--help` says, and which exit code each ending gets."""

import errno
import importlib.metadata
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Optional

import polars as pl
import pytest
from absl.flags import FlagValues

import glx
from glx.cli import zerolog
from glx.cli.flags import MAY_BE_EMPTY, build, define, run
from glx.cli.main import COMMANDS, main
from glx.config import nested, setting
from glx.errors import InputError, OutsideError


@dataclass(frozen=True)
class Oven:
    """An oven."""

    heat: float = setting(180.0, "degrees.", low=0, high=300)
    fan: bool = setting(True, "blow.")


@dataclass(frozen=True)
class Cake:
    """A cake."""

    eggs: int = setting(3, "how many.", low=1)
    kind: str = setting("sponge", "what it is.", among=("sponge", "torte"))
    fruit: tuple[str, ...] = setting(("plum", "pear"), "on top.")
    note: str | None = setting(None, "for whom.")
    oven: Oven = nested(Oven, prefix="oven_")


@dataclass(frozen=True)
class Weights:
    """Settings that may be None, in each way that a type can say so."""

    new: float | None = setting(None, "kilograms.")
    old: Optional[float] = setting(None, "kilograms.")  # noqa: UP045
    text: "float | None" = setting(None, "kilograms.")


PRESETS = {"small": Cake(), "large": Cake(eggs=6)}


def bake(*argv: str, preset: str = "small") -> tuple[int, Cake | None]:
    """The exit code and the settings that a command line comes to."""
    values, made = FlagValues(), []
    define(values, Cake, PRESETS)
    code = run(lambda v: made.append(build(v, PRESETS[preset])), values, "Bake.", ["cake", *argv])
    return code, made[0] if made else None


def test_a_flag_changes_one_setting_and_the_rest_is_the_presets():
    assert bake() == (0, Cake())
    assert bake("--oven_heat=200", preset="large") == (0, Cake(eggs=6, oven=Oven(heat=200.0)))
    assert bake("--nooven_fan", "--fruit=fig") == (0, Cake(fruit=("fig",), oven=Oven(fan=False)))
    assert bake("--fruit=fig", "--fruit=kiwi", "--note=you") == (
        0,
        Cake(fruit=("fig", "kiwi"), note="you"),
    )


def test_a_number_that_may_be_none_is_a_flag_for_a_number():
    values = FlagValues()
    define(values, Weights)
    values(["weigh", "--new=1", "--old=2.5", "--text=3"])
    assert build(values, Weights()) == Weights(1.0, 2.5, 3.0)
    assert {values[name].flag_type() for name in ("new", "old", "text")} == {"float"}


@pytest.mark.parametrize(
    ("flag", "what"),
    [
        ("--eggs=0", "at least 1"),
        ("--oven_heat=301", "between 0 and 300"),
        ("--oven_heat=nan", "finite"),
        ("--oven_heat=inf", "finite"),
        (f"--eggs={2**63}", "64 bits"),
        (f"--eggs={2**63 - 1}", "at most 2147483647"),
        (f"--eggs={2**31}", "at most 2147483647"),
        (f"--eggs={-(2**63)}", "at least 1"),
        ("--eggs=two", "a whole number"),
        ("--eggs=1.5", "a whole number"),
        ("--oven_heat=hot", "a number"),
        ("--oven_fan=maybe", "true or false"),
        ("--nooven_fan=1", "takes no value"),
        ("--nooven_fan=", "takes no value"),
        ("\u2013\u2013eggs=2", "no hyphen"),
        ("--kind=pie", "sponge, torte"),
        ("--egg=2", "Did you mean: eggs"),
        ("--eggs", "Missing value"),
        ("plum", "not a flag"),
    ],
)
def test_a_wrong_flag_is_one_sentence_and_code_2(flag, what, capsys):
    assert bake(flag) == (2, None)
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("error: ")
    assert flag.strip("-").partition("=")[0] in err
    assert what in err


@pytest.mark.parametrize("command", [*COMMANDS])
def test_a_switch_that_is_off_takes_no_value(command, capsys):
    values = import_module(f"glx.cli.{command}").declare()
    switches = [name for name in values if values[name].boolean]
    for name in switches:
        assert main([command, f"--no{name}=1"]) == 2
        assert capsys.readouterr().err.startswith(f"error: --no{name}=1: ")


@pytest.mark.parametrize(
    "given", [["--eggs=2", "--eggs=4"], ["--oven_fan", "--nooven_fan"], ["--kind=torte"] * 2]
)
def test_a_flag_that_has_one_value_is_given_once(given, capsys):
    assert bake(*given) == (2, None)
    name = given[0].strip("-").partition("=")[0]
    assert capsys.readouterr().err == f"error: --{name}: given 2 times; give it once\n"


@pytest.mark.parametrize("command", [*COMMANDS])
def test_a_flag_without_a_value_is_told_by_its_name(command, tmp_path, monkeypatch, capsys):
    """As of a variable of the shell that is not set; an empty path would be the current folder."""
    monkeypatch.chdir(tmp_path)
    values = import_module(f"glx.cli.{command}").declare()
    kinds = ("string", "multi string", "comma separated list of strings")
    names = [n for n in values if values[n].flag_type() in kinds and n not in MAY_BE_EMPTY]
    assert names or command == "report"
    for name in names:
        assert main([command, f"--{name}="]) == 2
        assert capsys.readouterr().err.startswith(f"error: --{name}=: is empty; ")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    "words",
    [
        ["zerolog", "--knowledge=a.md", "--knowledge="],
        ["study", "--systems=sim_vms,,sim_ras"],
        ["detect", "--detector=d", "--out=o", "--logs="],
    ],
)
def test_one_of_several_values_is_empty(words, capsys):
    assert main(words) == 2
    name = words[-1].partition("=")[0]
    assert capsys.readouterr().err.startswith(f"error: {name}=: is empty; ")


@pytest.mark.parametrize("command", ["generallog --target=sim_vms", "study", "ablate"])
@pytest.mark.parametrize(
    "words",
    [
        "--llm_url=http://127.0.0.1:1/v1",
        "--cache=",
        "--votes=1",
        "--nollm_reason",
        "--responses=a.csv",
        "--expert=retrieval --llm_model=zz",
        "--expert=answers --responses=a.csv --llm_timeout=9",
        "--expert=batch --responses=q.jsonl",
        "--expert=vllm --responses=q.jsonl",
    ],
)
def test_what_the_chosen_expert_does_not_read(command, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flag = words.split()[-1].partition("=")[0].replace("--no", "--")
    assert main([*command.split(), *words.split()]) == 2
    assert capsys.readouterr().err.startswith(f"error: {flag}: --expert=")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("command", "flag"),
    [("detect", "out"), ("zerolog", "session"), ("study", "seeds"), ("download", "system")],
)
def test_no_command_drops_the_first_of_two_values(command, flag, capsys):
    assert main([command, f"--{flag}=1", f"--{flag}=2"]) == 2
    assert capsys.readouterr().err.startswith(f"error: --{flag}: given 2 times")


def test_help_lists_flags_in_the_order_of_the_settings_with_defaults(capsys):
    assert bake("--help") == (0, None)
    assert capsys.readouterr().out == (
        "Bake.\n\nFlags:\n"
        "  --eggs\n      how many. (default small: 3, large: 6)\n"
        "  --kind\n      what it is. (sponge, torte; default sponge)\n"
        "  --fruit\n      on top. (default plum,pear)\n"
        "  --note\n      for whom.\n"
        "  --oven_heat\n      degrees. (default 180.0)\n"
        "  --[no]oven_fan\n      blow. (default true)\n"
        "  --help\n      Show this and exit.\n"
        "  --version\n      Show the version of glx and exit.\n"
    )


def raising(error: BaseException):
    def work(values: FlagValues) -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (InputError("a.log: empty;\n  give another"), 2, "error: a.log: empty; give another"),
        (OutsideError("the server is away"), 3, "error: the server is away"),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/runs/x"),
            3,
            "error: /runs/x: no space left on the disk; free some and repeat the command",
        ),
        (
            pl.exceptions.ComputeError("parquet: No space left on device (os error 28)"),
            3,
            "error: the output: no space left on the disk; free some and repeat the command",
        ),
        (KeyboardInterrupt(), 130, "interrupted; the same command completes it"),
    ],
)
def test_every_ending_has_its_exit_code(error, code, message, capsys):
    assert run(raising(error), FlagValues(), "", ["x"]) == code
    assert capsys.readouterr() == ("", message + "\n")


@pytest.mark.parametrize("error", [ZeroDivisionError(), FileNotFoundError(2, "x"), OSError("y")])
def test_a_bug_is_not_hidden(error):
    with pytest.raises(type(error)):
        run(raising(error), FlagValues(), "", ["x"])


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("glx.cli.zerolog", "target source labels target_labels format session"),
        ("glx.cli.detect", "detector logs out format session text_field"),
        ("glx.cli.report", "format"),
        ("experiments.fit_reader", "out primer sources statements limit epochs beside seed"),
    ],
)
def test_the_help_of_a_command_begins_with_what_one_must_say(name, first, capsys):
    command = import_module(name)
    assert run(command.work, command.declare(), command.__doc__, ["x", "-h"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(command.__doc__.strip())
    listed = [line.strip(" -") for line in out.splitlines() if line.startswith("  --")]
    assert " ".join(listed).startswith(first)
    assert not [flag for flag in listed if "orbax" in flag]
    assert all(len(line) <= 100 for line in out.splitlines())


def test_the_help_lists_every_command_on_a_line(capsys):
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 100 for line in lines)
    assert [line.split()[1] for line in lines if line.startswith("  glx ")] == list(COMMANDS)
    for name in COMMANDS:
        assert main([name, "--help"]) == 0
        assert f"  glx {name} " in capsys.readouterr().out


@pytest.mark.parametrize("command", [*COMMANDS])
@pytest.mark.parametrize("words", ["{} --help", "{} -h", "{} --help=1", "{} --help -h", "help {}"])
def test_help_is_asked_for_in_any_usual_way(words, command, capsys):
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert main(words.format(command).split()) == 0
    assert capsys.readouterr() == (text, "")


@pytest.mark.parametrize("command", [*COMMANDS])
@pytest.mark.parametrize("flag", ["--nohelp", "--help=0", "--help=no", "--help=", "--noversion"])
def test_help_that_is_not_wanted_is_no_run(flag, command, capsys):
    assert main([command, flag]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.parametrize("words", ["--version", "version", "detect --version", "report --version"])
def test_the_version(words, capsys):
    assert main(words.split()) == 0
    assert capsys.readouterr() == (f"glx {glx.__version__}\n", "")


def test_the_version_of_an_entry_point_and_of_the_package():
    command = [sys.executable, "-m", "experiments.detect", "--version"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"glx {glx.__version__}\n")
    assert importlib.metadata.version("glx") == glx.__version__  # that of setup.py


@pytest.mark.parametrize("words", [["--help=1"], ["help", "train"], ["-help"]])
def test_no_word_like_help_begins_a_run(words, capsys):
    assert main(words) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["train"], ["--target=shop"], ["flags"]])
def test_an_unknown_command_is_one_sentence_and_code_2(words, capsys):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"error: {'' if not words else words[0]}")
    assert "glx --help" in err


@pytest.mark.parametrize("name", ["detector", "logs", "out"])
def test_detect_asks_for_what_it_must_have(name, capsys):
    given = {"detector": "d", "logs": "l", "out": "o"}
    del given[name]
    assert main(["detect", *(f"--{k}={v}" for k, v in given.items())]) == 2
    assert capsys.readouterr().err.startswith(f"error: --{name}: ")


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, -(2**63), -1])
@pytest.mark.parametrize("command", ["zerolog", "generallog", "method", "study", "ablate"])
def test_no_whole_number_is_too_large_for_a_sentence(command, number, capsys):
    values = import_module(f"glx.cli.{command}").declare()
    names = [name for name in values if values[name].flag_type() == "int"]
    assert len(names) > 5
    for name in names:
        assert main([command, f"--{name}={number}"]) == 2
        assert capsys.readouterr().err.startswith(f"error: --{name}={number}: ")


@pytest.mark.parametrize("program", ["experiments.zerolog", "glx zerolog"])
def test_the_shell_sees_code_and_sentence(program):
    command = [sys.executable, "-m", *program.split(), "--batch=1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: --batch=1: ")


def test_a_closed_pipe_ends_without_a_traceback():
    code = (
        "import sys; from absl.flags import FlagValues; from glx.cli.flags import run\n"
        "def work(values):\n    while True: print('x' * 10000)\n"
        "sys.exit(run(work, FlagValues(), '', ['x']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        error = process.stderr.read()
    assert process.returncode == 3
    assert error.startswith("error: standard output ")
    assert error.count("\n") == 1


def test_the_kernel_of_training_is_off_by_a_flag(monkeypatch, tmp_path):

    asked = []
    monkeypatch.setenv("GLX_KERNEL", "auto")  # put back afterwards
    monkeypatch.setattr(
        zerolog, "run_once", lambda *_, **__: asked.append(os.environ["GLX_KERNEL"])
    )
    monkeypatch.setattr(zerolog.tables, "print_run", lambda *_: None)
    for given in ([], ["--kernel=off"]):
        assert main(["zerolog", f"--run_dir={tmp_path}/run", *given]) == 0
    assert asked == ["auto", "off"]
