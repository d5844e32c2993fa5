"""What a finished run leaves: its folder, and a detector that judges as the run did."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import tiny_general
from rows import sequences
from small_runs import TINY, config, read_rows

import glx
from glx.cli.main import main
from glx.detector import Target
from glx.embed import alarm
from glx.errors import InputError
from glx.generallog.detector import GeneralLogConfig
from glx.generallog.experts import ExpertConfig
from glx.generallog.route import RouteConfig
from glx.methods.detector import METHODS, MethodConfig
from glx.report.models import Causes, Measured, read
from glx.runs import detect as detecting
from glx.runs import detectors
from glx.runs import run as runs
from glx.runs.detectors import check_read
from glx.sequences import LabelledSource, Templates

CONTRACT = {
    "f1", "precision", "recall", "auprc", "auroc", "mcc", "threshold", "prevalence", "oracle_f1",
    "supervised_ceiling", "template_ceiling", "n_sequences", "n_distinct", "abstained",
    "wall_seconds", "lines_per_second", "peak_memory_mb", "protocol", "seed", "baselines",
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(folder, cache, tmp_path_factory):
    """A run on `sim_ras`, cut into windows, and one on `sim_vms`, by session."""
    root = tmp_path_factory.mktemp("runs")
    for target in ("sim_ras", "sim_vms"):
        runs.run(config(target, "hdfs", folder, cache), root / target)
    return root


def test_a_run_folder_holds_what_the_contract_says(finished):
    run = finished / "sim_vms"
    assert {p.name for p in run.iterdir()} == {
        "verdicts.parquet", "metrics.json", "config.json", "train.jsonl", "checkpoint",
        "tensorboard", "report.html", "figures.json", "flagged.parquet",
        "causes.json",
    }  # fmt: skip
    figures = json.loads((run / "metrics.json").read_text())
    assert set(figures) >= CONTRACT
    assert set(figures["baselines"]) == {
        "all_positive", "keyword", "new_event", "surprise", "count_vector",
    }  # fmt: skip
    table = pl.read_parquet(run / "verdicts.parquet")
    assert table.columns == [
        "sequence", "key", "first_line", "last_line", "split", "score", "anomalous", "route",
        "evidence", "reason", "deciding", "cause", "time",
    ]  # fmt: skip
    outside = table.filter(pl.col("split") != "test")
    assert outside["score"].null_count() == outside["anomalous"].null_count() == len(outside) > 0
    test = table.filter(pl.col("split") == "test")
    assert test["score"].is_between(0, 1).all()
    assert (test["anomalous"] == (test["score"] >= figures["threshold"])).all()
    assert table["first_line"].is_sorted()
    assert set(test["evidence"][0][0]) == {"line", "event", "weight", "text"}


@pytest.mark.parametrize("target", ["sim_ras", "sim_vms"])
def test_a_run_tells_its_causes_with_lines_of_the_log(target, finished, cache):
    flagged = pl.read_parquet(finished / target / "verdicts.parquet").filter("anomalous")
    lines = (cache / f"simulated/5000-0/{target}.log").read_text().splitlines()
    found = read(finished / target, Causes)
    assert found.flagged == len(flagged) == sum(cause.count for cause in found.causes) > 0
    for cause in found.causes:
        own = flagged.filter(pl.col("cause").struct.field("id") == cause.id)
        keys = own["key"].drop_nulls()
        assert (cause.count, len(cause.sessions)) == (len(own), min(len(keys), 5))
        assert set(cause.sessions) <= set(keys)
        assert cause.example.lines
        assert all(line.text == lines[line.line] for line in cause.example.lines)


@pytest.mark.parametrize("target", ["sim_ras", "sim_vms"])
def test_detect_says_of_raw_lines_what_the_run_said(target, finished, cache, tmp_path):
    table = pl.read_parquet(finished / target / "verdicts.parquet")
    table = table.filter(pl.col("split") != "adapt")
    lines = (cache / f"simulated/5000-0/{target}.log").read_text().splitlines()
    if target == "sim_ras":
        table = table.filter(split="test")
        kept = range(table["first_line"].min(), len(lines))
    else:
        kept = [n for n, line in enumerate(lines) if any(k in line for k in table["key"])]
    log = tmp_path / "later.log"
    log.write_text("".join(lines[n] + "\n" for n in kept))
    detecting.detect(finished / target / "checkpoint", str(log), str(tmp_path / "out"))
    found = read_rows(tmp_path / "out")
    assert set(found[0]) == {
        "file", "key", "first_line", "last_line", "score", "anomalous", "route", "evidence",
        *(["time"] if target == "sim_vms" else []),
    }  # fmt: skip
    found.sort(key=lambda row: row["first_line"])
    judged = table[
        "score"
    ].is_not_null()  # the gap was read too, so that new events are named alike
    table = table.filter(judged)
    found = [row for row, scored in zip(found, judged, strict=True) if scored]
    assert [row["key"] for row in found] == table["key"].to_list()
    assert [row["score"] for row in found] == pytest.approx(table["score"].to_list(), abs=2e-6)
    assert [row["anomalous"] for row in found] == table["anomalous"].to_list()
    assert [row.get("cause") for row in found] == table["cause"].to_list()
    assert [kept[row["first_line"]] for row in found] == table["first_line"].to_list()


def test_detect_tells_the_causes_at_its_end(finished, cache, tmp_path, capsys):
    detector, log = finished / "sim_vms", cache / "simulated/5000-0/sim_vms.log"  # the run's own
    given = [f"--detector={detector}", f"--logs={log}", f"--out={tmp_path / 'out.jsonl'}"]
    assert main(["detect", *given, f"--since={finished / 'sim_vms'}"]) == 0
    summary = capsys.readouterr().out
    assert main(["causes", str(tmp_path / "out.jsonl"), f"--since={finished / 'sim_vms'}"]) == 0
    assert capsys.readouterr().out.startswith(summary[:2000])
    assert "> " in summary


# A source that knows of sessions, and a target with the templates of the runs.
SOURCE = LabelledSource(
    "jobs",
    sequences([0], [1], [0], [2]),
    Templates(["session opened for <*>", "fan speed <*>", "disk failed"], np.array([2, 1, 1])),
    np.array([0, 0, 0, 1], np.uint8),
)
GENERAL = GeneralLogConfig(train=TINY.train, route=RouteConfig(route="paper", tau=0.8))


def method(name: str) -> MethodConfig:
    """A method that learns in two steps."""
    config = MethodConfig(name)
    trained = {"steps": 2} if hasattr(config.own, "steps") else {}
    return replace(config, **{name: replace(config.own, **trained)})


@pytest.mark.parametrize(
    "config", [TINY, GENERAL, *map(method, METHODS)], ids=["zerolog", "generallog", *METHODS]
)
def test_a_saved_detector_judges_to_the_byte_as_before(config, finished, tmp_path):
    """New events included: what is loaded reads them alone, with nothing from a cache."""
    _, parser = detectors.load(finished / "sim_vms/checkpoint")
    known = parser.texts
    some = sequences([0], [1], [2], [0, 3], *[[0, 1, 2]] * 9)
    target = Target(some, Templates(known, np.ones(len(known), np.int64)))
    first = config.detector.fit(config, [SOURCE] if config.needs_sources else [], target)
    detectors.save(tmp_path / "again", first, parser, {})
    second, _ = detectors.load(tmp_path / "again")
    assert second.config == first.config
    uncached = replace(config, embed=replace(config.embed, cache_dir=None))
    first, second = (replace(detector, config=uncached) for detector in (first, second))
    texts = [*known, "kernel panic: not syncing", "session opened for <*>"]
    new = np.arange(len(known), len(texts))
    asked = sequences([new[0]], [new[1]], [0, *new])

    def judged(detector, meanings):
        found = detector.judge(asked, meanings)
        if config is GENERAL:
            assert set(found.routes) == {"general", "proprietary"}
        columns = found.scores.tobytes(), found.weights.tobytes(), found.places.tobytes()
        routes = None if found.routes is None else found.routes.tolist()
        return *columns, routes, found.reasons.tolist(), detector.threshold

    together = first.understand(texts)
    apart = second.understand(known) + second.understand(texts[len(known) :])
    assert apart.alarm.tobytes() == together.alarm.tobytes()
    assert (apart.alarm[-2] > 0 > apart.alarm[-1]) == (config in (TINY, GENERAL))
    assert judged(second, apart) == judged(first, together)


def test_a_detector_of_another_alarm_model_is_refused(finished, tmp_path, monkeypatch, capsys):
    folder, logs, out = finished / "sim_vms/checkpoint", tmp_path / "later.log", tmp_path / "out"
    logs.write_text("session opened\n")
    monkeypatch.setattr(alarm, "load", lambda: (None, "refitted"))
    assert main(["detect", f"--detector={folder}", f"--logs={logs}", f"--out={out}"]) == 2
    out_text, error = capsys.readouterr()
    assert (out_text, error.startswith(f"error: {folder}: ")) == ("", True)
    assert not out.exists()


def test_a_target_without_labels_is_judged_and_not_measured(cache, folder, finished, tmp_path):
    log = cache / "simulated/5000-0/sim_vms.log"
    run = config(f"mine={log}", "hdfs", folder, cache, session=r"\[instance: ([0-9a-f-]{36})\]")
    metrics = runs.run(run, tmp_path / "run")
    assert not isinstance(metrics, Measured)
    assert metrics.n_sequences > 0
    same = pl.read_parquet(finished / "sim_vms/verdicts.parquet")
    assert pl.read_parquet(tmp_path / "run/verdicts.parquet").equals(same)


@pytest.mark.data
def test_a_detector_of_numbered_events_reads_raw_lines(data_dir, tmp_path, cache):
    run = config("hdfs", "bgl", data_dir, cache)
    runs.run(replace(run, model=TINY), tmp_path / "run")
    checkpoint = tmp_path / "run/checkpoint"
    detecting.detect(
        checkpoint, str(data_dir / "hdfs/HDFS_first20k.log.zst"), str(tmp_path / "raw")
    )
    rows = read_rows(tmp_path / "raw")
    assert len(rows) == 1782  # blocks, of which data/README.md speaks
    known = set(pl.read_parquet(checkpoint / "templates.parquet")["text"])
    assert {e["text"] for row in rows for e in row["evidence"]} <= known
    sequences = data_dir / "hdfs/hdfs_block_sequences.csv.zst"
    detecting.detect(checkpoint, str(sequences), str(tmp_path / "numbered"))
    table = pl.read_parquet(tmp_path / "run/verdicts.parquet")
    scores = pl.read_ndjson(tmp_path / "numbered")["score"]
    test = table["split"] == "test"
    assert len(scores) == len(table)
    assert (scores.filter(test) - table["score"].filter(test)).abs().max() < 2e-6


def test_settings_of_an_expert_need_one(finished, tmp_path, capsys):
    log, out = tmp_path / "some.log", tmp_path / "found.jsonl"
    log.write_text("a line\n" * 30)
    given = [f"--detector={finished / 'sim_ras' / 'checkpoint'}", f"--logs={log}", f"--out={out}"]
    for flag in ("--llm_url=http://127.0.0.1:9/v1", "--expert=retrieval", "--votes=1"):
        assert main(["detect", *given, flag]) == 2
        assert capsys.readouterr().err.startswith(f"error: {flag.partition('=')[0]}: ")
    assert not out.exists()
    with pytest.raises(InputError, match="--expert"):
        glx.load(finished / "sim_ras" / "checkpoint", expert="vllm")


@pytest.mark.parametrize(
    ("expert", "flag"),
    [
        ("retrieval", {"llm_url": "http://127.0.0.1:1/v1"}),
        ("retrieval", {"cache": ""}),
        ("retrieval", {"votes": 1}),
        ("retrieval", {"responses": "a.csv"}),
        ("answers", {"llm_model": "tiny"}),
        ("vllm", {"responses": "a.csv"}),
        ("vllm", {"expert": "retrieval", "llm_timeout": 9.0}),
    ],
)
def test_a_setting_that_the_expert_does_not_read_is_refused(expert, flag):
    fitted = tiny_general.fit(tiny_general.untrained())
    config = replace(fitted.config, expert=ExpertConfig(expert))
    with pytest.raises(InputError, match=f"^--{[*flag][-1]}: --expert="):
        check_read(replace(fitted, config=config), flag)


@pytest.mark.parametrize("flag", [{"llm_url": "http://x/v1"}, {"expert": "retrieval"}, {}])
def test_a_setting_that_the_expert_reads_is_taken(flag):
    fitted = tiny_general.fit(tiny_general.untrained())
    config = replace(fitted.config, expert=ExpertConfig("vllm"))
    check_read(replace(fitted, config=config), flag)
