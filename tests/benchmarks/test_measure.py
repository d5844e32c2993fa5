"""Side by side in rounds: rates, ratios, ceilings, and what happens to a peer that is not there."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.bench import main
from experiments.benchmarks import ceilings, guard, table
from experiments.benchmarks.measure import Call, Case, Row, measure
from glx.errors import InputError

NAP = Call("toys:sleeper", {"seconds": 0.02, "amount": 10, "first": 0.2})


@pytest.fixture(autouse=True)
def toys_are_found(monkeypatch):
    here = Path(__file__)  # and the benchmarks, which are not installed
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (here.parent, here.parents[2]))))


def case(**changes) -> Case:
    return replace(Case(what="nap", case="20 ms", unit="naps/s", ours=NAP), **changes)


def row(**changes) -> Row:
    plain = Row(
        *("route", "1,000 by 10", 1234.5, "templates/s", "FAISS", 500.0, 2.469, 2000.0, 0.61725),
        *(12.3, (1200.0, 1300.0), (490.0, 510.0), 0.81, 0.04),
    )
    return replace(plain, **changes)


def test_a_row_for_each_peer_with_its_ratio_and_the_share_of_the_ceiling():
    slow = Call("toys:sleeper", {"seconds": 0.08, "amount": 10})
    slower = Call("toys:sleeper", {"seconds": 0.16, "amount": 10})
    most = Call("toys:sleeper", {"seconds": 0.02, "amount": 3000})
    asked = case(peers={"a": slow, "b": slower}, ceiling=most, per_unit=100)
    seen = []
    first, second = measure(asked, 3, seen.append)
    assert (first.peer, second.peer) == ("a", "b")
    assert first.ours == second.ours
    assert first.ours == pytest.approx(10 / first.seconds)
    assert 0.02 < first.seconds < 0.04
    assert first.ratio == first.ours / first.peer_value
    assert 3 < first.ratio < 4.5
    assert 6 < second.ratio < 9
    assert first.ceiling == pytest.approx(1500, rel=0.3)  # 3000 / 0.02 s / 100 a unit
    assert first.of_ceiling == first.ours / first.ceiling
    assert 0.15 < first.compile_seconds < 0.4
    assert first.spread[0] <= first.ours <= first.spread[1]
    assert seen == [f"nap: 20 ms, round {n} of 3" for n in (1, 2, 3)]


def test_without_peers_there_is_one_row():
    (only,) = measure(case(warm_up=False), 1)
    assert (only.peer, only.peer_value, only.ratio, only.ceiling) == (None,) * 4
    assert only.compile_seconds is None
    assert only.seconds > 0.2  # the first repeat counts


def test_peak_memory_is_that_of_ours():
    peers = {"hungry": Call("toys:hungry", {"megabytes": 600})}
    (small,) = measure(case(peers=peers), 1)
    (large,) = measure(case(ours=peers["hungry"]), 1)
    assert large.peak_memory_mb > small.peak_memory_mb + 500


def test_what_a_subject_prints_disturbs_nothing():
    (quiet,) = measure(case(ours=Call("toys:printing")), 2)
    assert quiet.ours > 0


def test_a_peer_that_is_not_installed_is_named(capfd):
    with pytest.raises(InputError, match=r"toys:missing.*launch/benchmark\.sh"):
        measure(case(peers={"missing": Call("toys:missing")}), 1)
    assert "no_such_peer" in capfd.readouterr().err


def test_a_ratio_that_fell_by_more_than_30_percent_is_named(tmp_path):
    table.write_json([row(), row(peer=None, ratio=None)], tmp_path / "bench.json")
    committed = guard.read_ratios(tmp_path / "bench.json")
    assert committed == {("route", "1,000 by 10", "FAISS"): 2.469}
    assert guard.fallen([row(ratio=1.73), row(peer=None, ratio=None)], committed) == []
    output = guard.fallen([row(ratio=1.72)], committed)
    assert output == ["route, 1,000 by 10: 1.72 times FAISS, was 2.47"]
    assert guard.fallen([row(ratio=0.1)], None) == []
    assert len(guard.fallen([row(ratio=float("nan"))], committed)) == 1
    assert guard.lost([row()], committed, ["route"]) == []
    assert guard.lost([], committed, ["embed"]) == []
    assert guard.lost([], committed, ["route"]) == [
        "route, 1,000 by 10, FAISS: not measured any more"
    ]


def test_a_peer_without_a_committed_ratio_is_no_pass():
    with pytest.raises(InputError, match="nothing is committed for route, 1,000 by 10, FAISS"):
        guard.fallen([row()], {})


def test_the_json_has_the_promised_names(tmp_path):
    table.write_json([row()], tmp_path / "bench.json")
    (written,) = json.loads((tmp_path / "bench.json").read_text())
    promised = ["what", "case", "ours", "unit", "peer", "peer_value", "ratio"]
    promised += ["ceiling", "of_ceiling", "peak_memory_mb"]
    assert list(written)[: len(promised)] == promised


def test_the_table_in_markdown():
    lines = table.markdown([row(), row(peer=None, peer_spread=None, ratio=None)]).splitlines()
    assert "cores" in lines[0]
    assert lines[-2:] == [
        "| route | 1,000 by 10 | 1,230 templates/s (1,200 to 1,300) | FAISS 500 (490 to 510) | 2.47"
        " | 2,000 | 0.62 | 12 | 0.0 |",
        "| route | 1,000 by 10 | 1,230 templates/s (1,200 to 1,300) |  |  | 2,000 | 0.62 | 12"
        " | 0.0 |",
    ]


def test_growth_is_plotted_with_a_panel_for_each_workload(tmp_path):
    pytest.importorskip("matplotlib")  # the peers bring it
    grown = [
        row(what="growth", case=f"{kind} of {n} lines", ours=1000.0, seconds=n / 1000)
        for kind in ("e2e", "route")
        for n in (1000, 2000)
    ]
    assert dict(table.growth([*grown, row()])) == {
        "e2e": [(1000.0, 1.0), (2000.0, 2.0)],
        "route": [(1000.0, 1.0), (2000.0, 2.0)],
    }
    table.plot(grown, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


def test_ceilings_are_what_the_machine_does(monkeypatch):
    monkeypatch.setattr(ceilings, "COPIED", 1 << 20)
    product, copy = ceilings.matrix_product(64), ceilings.memory_copy()
    assert product.amount == 2 * 64**3
    assert copy.amount == 2 * (1 << 20) * (os.cpu_count() or 1)
    assert product.run().shape == (64, 64)
    copy.run()


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        ("--what=nix", "--what=nix: unknown; choose of"),
        ("--data_dir=/no/such", "--data_dir=/no/such: no such folder"),
        ("--against=/no/such", "--against=/no/such: no bench.json"),
        ("--out=/no/such/bench.json", "--out=/no/such/bench.json: no folder /no/such"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(flag, sentence, capsys):
    assert main(["bench", flag]) == 2
    assert sentence in capsys.readouterr().err


def test_the_command_measures_and_guards(tmp_path, monkeypatch, capsys):
    peers = {"slow": Call("toys:sleeper", {"seconds": 0.06, "amount": 10})}
    naps = case(ours=Call("toys:sleeper", {"seconds": 0.02, "amount": 10}), peers=peers)
    monkeypatch.setattr("experiments.bench.WAITS", (0, 0))
    monkeypatch.setattr("experiments.bench.BENCHMARKS", {"nap": lambda settings: [naps]})
    out = tmp_path / "bench.json"
    command = ["bench", "--what=nap", "--repeats=1", f"--out={out}"]
    assert main(command) == 0
    (written,) = json.loads(out.read_text())
    assert 2 < written["ratio"] < 4
    assert "slow" in (tmp_path / "bench.md").read_text()
    assert main([*command, f"--against={out}"]) == 0
    raised = tmp_path / "raised.json"
    raised.write_text(json.dumps([written | {"ratio": 10.0}]))
    with pytest.raises(SystemExit) as end:
        main([*command, f"--against={raised}"])
    assert end.value.code == 1
    assert "times slow, was 10.00" in capsys.readouterr().err


def test_the_command_tells_where_time_goes(tmp_path, monkeypatch, capsys):
    naps = case(ours=Call("toys:sleeper", {"seconds": 0.3, "amount": 10}))
    monkeypatch.setattr("experiments.bench.BENCHMARKS", {"nap": lambda settings: [naps]})
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "--what=nap", "--profile"]) == 0
    output = capsys.readouterr().out
    assert "## nap: 20 ms\n" in output
    assert "toys.py" in output
    assert not [*tmp_path.iterdir()]
    assert main(["bench", "--what=nap", "--profile", "--against=quick.json"]) == 2
    assert "leave out --against" in capsys.readouterr().err
