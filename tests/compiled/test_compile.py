"""`experiments.compile`: what is asked for, and what is told to have grown."""

import msgspec
import pytest

from experiments import compile as compiling
from experiments.compiled import programs
from experiments.compiled.compiling import Compiled
from experiments.compiled.programs import (
    EVENTS,
    OTHER_SIZES,
    PROGRAMS,
    SEQUENCES,
    TEXTS,
    TOKENS,
)
from experiments.compiled.targets import TARGETS
from glx import batch_sizes, devices

ROW = Compiled(
    target="v5e",
    devices=4,
    program="train",
    seconds=20.0,
    temporary=200_000_000,
    moved=10**9,
    flop=10**9,
    loops=6,
    turns=192,
    launches=3000,
    collectives={"all-reduce": 2},
    float64=0,
    callbacks=0,
)


def grown(**changes) -> list[str]:
    return compiling.grown([msgspec.structs.replace(ROW, **changes)], [ROW])


def test_a_tenth_more_is_noise():
    assert grown(temporary=219_000_000, moved=10**9 // 2, seconds=500.0, launches=9000) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"temporary": 222_000_000}, "temporary"),
        ({"moved": 1_110_000_000}, "moved"),
        ({"collectives": {"all-reduce": 2, "all-to-all": 1}}, "all-to-all"),
        ({"float64": 1}, "float64"),
        ({"callbacks": 1}, "callbacks"),
        ({"devices": 8}, "8 x v5e"),
    ],
)
def test_what_is_worse_is_told(changes, said):
    (sentence,) = grown(**changes)
    assert said in sentence


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--for=a100"], "--for=a100"),
        (["--devices=2"], "--devices=2"),
        (["--what="], "--what="),
        (["--against=nowhere.json"], "--against=nowhere.json"),
        (["--out=missing/file.json"], "--out"),
    ],
)
def test_wrong_flags_are_refused_before_any_work(capsys, flags, named):
    assert compiling.main(["compile", *flags]) == 2
    assert named in capsys.readouterr().err


def test_a_compiler_that_is_not_there_ends_with_3(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert compiling.main(["compile", "--for=v5e", "--devices=1", "--what=route"]) == 3
    assert "launch/compile.sh" in capsys.readouterr().err


def test_times_are_told_to_be_no_measurement():
    table = compiling.markdown([ROW])
    assert "| 4 x v5e | train | 20 s | 200 MB | 1,000 MB |" in table
    assert "not measured" in table


def test_committed_rows_are_of_programs_that_there_are():
    rows = compiling.read(compiling.COMMITTED)
    assert {row.target for row in rows} <= set(TARGETS)
    assert {(row.float64, row.callbacks) for row in rows} == {(0, 0)}
    assert len({row.key for row in rows}) == len(rows)


def test_batches_fit_the_smallest_memory_many_times():
    smallest = min(target.memory for target in TARGETS.values())
    alone = [row for row in compiling.read(compiling.COMMITTED) if row.devices == 1]
    assert len({row.program for row in alone}) == len(PROGRAMS)
    assert max(row.temporary for row in alone) < smallest / 20
    sizes = batch_sizes.ACCELERATOR
    assert (sizes.sequences, sizes.events) == (SEQUENCES, SEQUENCES * EVENTS)
    assert (sizes.texts, sizes.tokens) == (TEXTS, TEXTS * TOKENS)


def test_bytes_of_a_batch_follow_the_compiled_programs():
    counts = {
        "score": ("events", SEQUENCES * EVENTS),
        "embed": ("tokens", TEXTS * TOKENS),
        "route": ("similarities", programs.TARGETS * programs.SOURCES),
    }
    most = dict.fromkeys(batch_sizes.BYTES, 0.0)
    for row in compiling.read(compiling.COMMITTED):
        if row.program in counts:
            name, count = counts[row.program]
            most[name] = max(most[name], row.temporary * row.devices / count)
    for name, each in batch_sizes.BYTES.items():
        assert 0.75 * each < most[name] <= each, name


@pytest.mark.parametrize("name", OTHER_SIZES)
def test_programs_of_other_sizes_lower(name):
    function, given = OTHER_SIZES[name](devices.make_mesh())
    assert function.trace(*given).jaxpr.eqns
