"""Whole runs on small systems: the label wall, resumption, detection, what a run folder holds."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import polars as pl
import pytest
import zstandard

from experiments import detect
from glx.embed import alarm
from glx.embed.alarm import Meanings, meanings
from glx.generallog import detector as general
from glx.generallog.detector import GeneralLogConfig
from glx.generallog.experts import ExpertConfig
from glx.generallog.route import RouteConfig
from glx.logs.catalogue import resolve
from glx.logs.load import DataConfig, load
from glx.logs.sequences import Sequences, Templates
from glx.logs.split import TEST
from glx.runs import detect as detecting
from glx.runs import detectors
from glx.runs import run as runs
from glx.runs.compilation import keep_compilations
from glx.runs.progress import Progress
from glx.runs.settings import GeneralLogRun, RunConfig
from glx.verdicts import routes as verdict_routes
from glx.zerolog import detector
from glx.zerolog.detector import LabelledSource, ZeroLogConfig
from glx.zerolog.model import ModelConfig
from glx.zerolog.train import TrainConfig

TINY = ZeroLogConfig(
    train=TrainConfig(
        model=ModelConfig(hidden=4), steps=4, episodes=2, batch=4, max_events=12, log_every=2,
        second_order=False,
        checkpoint_every=1,
    )
)  # fmt: skip


def write_zst(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zstandard.compress(text.encode()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder with a small `hdfs` (200 rows) and `bgl` (2,000 lines)."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(200):
        label = int(rng.random() < 0.1)
        rows.append(f"{label},{' '.join(map(str, rng.integers(1, 4, 6)))}{' 4' * label}")
    write_zst(root / "hdfs/hdfs_block_sequences.csv.zst", "\n".join(["label,sequence", *rows]))
    (root / "hdfs/hdfs_templates.csv").write_text(
        "EventId,EventTemplate\nE1,[*]Receiving block[*]\nE2,[*]Received block[*]\n"
        "E3,[*]Deleting block[*]\nE4,[*]Exception in receiveBlock[*]\n"
    )
    alerts = [int(rng.random() < 0.02) for _ in range(2000)]
    lines = [f"{9 if alert else rng.integers(1, 4)},{alert}" for alert in alerts]
    write_zst(root / "bgl/bgl_events_50to80.csv.zst", "\n".join(["event_id,label", *lines]))
    (root / "bgl/bgl_templates.csv").write_text(
        "event_id,lines,id_source,template\n1,1,aligned,cache parity error corrected\n"
        "2,1,aligned,generating core <*>\n3,1,aligned,ciod: started\n9,1,aligned,kernel panic\n"
    )
    plain = [
        f"{'KERNDTLB' if alert else '-'} {1117838570 + 5 * n} 2005.06.03 R02 2005-06-03-15.42 R02 "
        f"RAS KERNEL {'FATAL data TLB error' if alert else f'INFO ce sym {n % 3} corrected'}"
        for n, alert in enumerate(alerts)
    ]
    write_zst(root / "bgl/BGL_first100k.log.zst", "\n".join(plain))
    sessions = [f"Test_{n}_r1" for n in range(60)]
    table = ["session_id\tservice\tline"]
    for n, session in enumerate(sessions):
        for k in range(5):
            level = "ERROR" if n % 6 == k == 0 else "INFO"
            at = f"2018-06-26 03:{n:02d}:{k:02d}.937 1867"
            table.append(
                f"{session}\tapi\t{at} {level} nova.api [req-1 - -] step {k % (2 + n % 3)}"
            )
    write_zst(root / "openstack/openstack_faultinj_nova_odd.tsv.zst", "\n".join(table))
    rows = [f"{session},{int(n % 6 == 0)}" for n, session in enumerate(sessions)]
    (root / "openstack/openstack_faultinj_nova_odd_labels.csv").write_text(
        "\n".join(["session_id,label_failure", *rows]) + "\n"
    )
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", autouse=True)
def compile_once(cache):
    """Runs of one shape share their compiled programs, as those of one user do."""
    keep_compilations(DataConfig(cache_dir=str(cache)))
    yield
    jax.config.update("jax_compilation_cache_dir", None)


def config(target: str, source: str, folder: Path, cache: Path, **data) -> RunConfig:
    settings = DataConfig(data_dir=str(folder), cache_dir=str(cache), sim_lines=5000, **data)
    return RunConfig(target=target, source=(source,), data=settings, model=TINY)


def read_rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def flip(path: Path, column: str | None) -> None:
    """Swap 0 and 1 in a column of a CSV, or `-` and an alert before lines; packed or not."""
    packed = path.suffix == ".zst"
    text = zstandard.decompress(path.read_bytes()).decode() if packed else path.read_text()
    if column is None:
        lines = [line.split(" ", 1) for line in text.splitlines()]
        write_zst(path, "\n".join(f"{'-' if a != '-' else 'KERNDTLB'} {b}" for a, b in lines))
        return
    header, *rows = csv.reader(text.splitlines())
    at = header.index(column)
    for row in rows:
        row[at] = {"0": "1", "1": "0"}[row[at]]
    text = "\n".join(",".join(row) for row in [header, *rows]) + "\n"
    path.write_bytes(zstandard.compress(text.encode()) if packed else text.encode())


@pytest.mark.parametrize(
    ("target", "source", "labels", "column"),
    [
        ("hdfs", "bgl", "hdfs/hdfs_block_sequences.csv.zst", "label"),
        ("bgl", "hdfs", "bgl/bgl_events_50to80.csv.zst", "label"),
        ("bgl_raw", "hdfs", "bgl/BGL_first100k.log.zst", None),
        (
            "openstack",
            "hdfs",
            "openstack/openstack_faultinj_nova_odd_labels.csv",
            "label_failure",
        ),
        ("sim_vms", "hdfs", "simulated/5000-0/sim_vms.labels.csv", "label"),
    ],
)
def test_flipped_target_labels_change_no_verdict(
    target, source, labels, column, folder, cache, tmp_path
):
    run = config(target, source, folder, cache)
    check_flipped(run, lambda: first_of(labels, folder, cache), column, tmp_path)


def first_of(name: str, *roots: Path) -> Path:
    return next(root / name for root in roots if (root / name).exists())


def check_flipped(run: RunConfig, labels: Callable[[], Path], column: str | None, to: Path) -> None:
    """The labels may be there only once a run has made the system."""
    before = runs.run(run, to / "before")
    path = labels()
    original = path.read_bytes()
    try:
        flip(path, column)
        after = runs.run(run, to / "after")
    finally:
        path.write_bytes(original)
    one, other = ((to / d / "verdicts.parquet").read_bytes() for d in ("before", "after"))
    assert one == other
    assert before["confusion"] != after["confusion"]  # the flip was real


def test_nor_do_they_where_an_expert_has_answers(folder, cache, tmp_path):
    run = answered(folder, cache, tmp_path)
    labels = folder / "hdfs/hdfs_block_sequences.csv.zst"
    check_flipped(run, lambda: labels, "label", tmp_path)


def answered(folder: Path, cache: Path, to: Path) -> GeneralLogRun:
    """GeneralLog on `hdfs` that sends everything to an expert with answers."""
    answers = to / "answers.csv"
    answers.write_text("id,p\n1,0.02\n2,0.1\n3,0.2\n4,0.97\n")
    expert = ExpertConfig(expert="answers", responses=str(answers))
    general = GeneralLogConfig(route=RouteConfig(route="proprietary"), expert=expert)
    base = config("hdfs", "bgl", folder, cache)
    return GeneralLogRun(base.target, base.source, data=base.data, model=TINY, general=general)


def test_permuted_rows_of_hdfs_keep_their_scores(folder, cache):
    cast = resolve("hdfs", ("bgl",), (), config("hdfs", "bgl", folder, cache).data)
    source = load(cast.sources[0], DataConfig(), adapt_share=1.0)
    target = load(cast.target, DataConfig())
    labels = np.arange(len(source.sequences)) % 7 == 0
    taught = [LabelledSource("bgl", source.sequences, source.templates, labels.astype(np.uint8))]
    texts = target.reader.texts
    read = meanings(texts, TINY.embed)
    rng = np.random.default_rng(1)
    order = rng.permutation(len(target.sequences))

    def scores(sequences, part):
        adapt = sequences.take(np.flatnonzero(part != TEST))
        fitted = detector.fit(taught, adapt, target.templates, TINY)
        scored = detector.score_sequences(fitted, sequences, read, texts)
        return scored.scores[scored.distinct.inverse], fitted.threshold

    straight, cut = scores(target.sequences, target.part)
    permuted, cut_permuted = scores(target.sequences.take(order), target.part[order])
    np.testing.assert_array_equal(straight[order], permuted)
    assert cut == cut_permuted


def test_a_killed_run_goes_on_to_the_same_verdicts(folder, cache, tmp_path):
    run = config("hdfs", "bgl", folder, cache)
    runs.run(run, tmp_path / "whole")

    class Kill(Progress):
        def say(self, text):
            if text.startswith("scoring"):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.run(run, tmp_path / "killed", progress=Kill())
    assert not (tmp_path / "killed").exists()
    assert (tmp_path / "killed.partial/training/4").is_dir()
    runs.run(run, tmp_path / "killed")
    one, other = ((tmp_path / d / "verdicts.parquet").read_bytes() for d in ("whole", "killed"))
    assert one == other
    steps = [row["step"] for row in read_rows(tmp_path / "killed/train.jsonl")]
    assert steps == [1, 2, 3, 4]  # a row ends at every checkpoint
    assert not (tmp_path / "killed/training").exists()


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
    }  # fmt: skip
    figures = json.loads((run / "metrics.json").read_text())
    assert set(figures) >= CONTRACT
    assert set(figures["baselines"]) == {
        "all_positive", "keyword", "new_event", "surprise", "count_vector",
    }  # fmt: skip
    table = pl.read_parquet(run / "verdicts.parquet")
    assert table.columns == [
        "sequence", "key", "first_line", "last_line", "split", "score", "anomalous", "route",
        "evidence",
    ]  # fmt: skip
    outside = table.filter(pl.col("split") != "test")
    assert outside["score"].null_count() == outside["anomalous"].null_count() == len(outside) > 0
    test = table.filter(pl.col("split") == "test")
    assert test["score"].is_between(0, 1).all()
    assert (test["anomalous"] == (test["score"] >= figures["threshold"])).all()
    assert table["first_line"].is_sorted()
    events = json.loads(test["evidence"][0])["events"]
    assert set(events[0]) == {"line", "event", "weight", "text"}


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
    assert [kept[row["first_line"]] for row in found] == table["first_line"].to_list()


def with_routes(base: detector.Detector, texts: list[str]) -> general.Detector:
    """GeneralLog around a ZeroLog; one source, which knows of sessions."""
    at = np.arange(4)
    source = Sequences(np.array([0, 1, 0, 2], np.int32), np.arange(5), at, at)
    told = Templates(
        ["session opened for <*>", "fan speed <*>", "disk failed"], np.array([2, 1, 1])
    )
    taught = LabelledSource("jobs", source, told, np.array([0, 0, 0, 1], np.uint8))
    adapt = Sequences(np.arange(4, dtype=np.int32), np.arange(5), at, at)
    alike = GeneralLogConfig(route=RouteConfig(route="paper", tau=0.8))
    return general.fit(base, [taught], adapt, texts, alike)


@pytest.mark.parametrize("kind", ["zerolog", "generallog"])
def test_a_saved_detector_judges_to_the_byte_as_before(kind, finished, tmp_path):
    """New events included: what is loaded reads them alone, with nothing from a cache."""
    first, reader = detectors.load(finished / "sim_vms/checkpoint")
    first = with_routes(first, reader.texts) if kind == "generallog" else first
    detectors.save(tmp_path / "again", first, reader, {})
    second, _ = detectors.load(tmp_path / "again")
    known = reader.texts
    texts = [*known, "kernel panic: not syncing", "session opened for <*>"]
    new = np.arange(len(known), len(texts))
    events = np.append(new, [0, *new]).astype(np.int32)
    at = np.arange(3)
    asked = Sequences(events, np.array([0, 1, 2, 5]), first_line=at, last_line=at)

    def judged(loaded, read):
        with detectors.expert(loaded, reader) as expert:
            found, _ = detectors.judge(loaded, asked, read, texts, expert)
        if kind == "generallog":
            assert set(found.routes) == {"general", "proprietary"}
        columns = found.scores.tobytes(), found.weights.tobytes(), found.places.tobytes()
        return *columns, verdict_routes(found), found.notes, loaded.threshold

    def understood(loaded, part):
        config = detectors.base(loaded).config
        embed = replace(config.embed, cache_dir=None)
        return detectors.understand(replace(config, embed=embed), part)

    together = understood(first, texts)
    apart = [understood(second, part) for part in (known, texts[len(known) :])]
    read = Meanings(*map(np.concatenate, zip(*apart, strict=True)))
    assert read.alarm.tobytes() == together.alarm.tobytes()
    assert read.alarm[-2] > 0 > read.alarm[-1]
    assert judged(second, read) == judged(first, together)


def test_a_detector_of_another_reader_is_refused(finished, tmp_path, monkeypatch, capsys):
    folder, logs, out = finished / "sim_vms/checkpoint", tmp_path / "later.log", tmp_path / "out"
    logs.write_text("session opened\n")
    monkeypatch.setattr(detect, "keep_compilations", lambda config: None)
    monkeypatch.setattr(alarm, "load", lambda: (None, "refitted"))
    assert detect.main(["detect", f"--detector={folder}", f"--logs={logs}", f"--out={out}"]) == 2
    said = f"error: {folder}: fitted with another reader of texts; fit it again\n"
    assert capsys.readouterr() == ("", said)
    assert not out.exists()


def test_without_structure_the_scores_are_cut_and_the_audit_says_how(folder, cache, tmp_path):
    model = replace(TINY, train=replace(TINY.train, structural=False), threshold="mixture")
    run = replace(config("hdfs", "bgl", folder, cache), model=model)
    audit = runs.run(run, tmp_path / "run")["audit"]
    (found,) = (finding for finding in audit if finding["check"] == "threshold")
    assert found["ok"]
    assert "'mixture'" in found["detail"]


def test_a_target_without_labels_is_judged_and_not_measured(cache, folder, finished, tmp_path):
    log = cache / "simulated/5000-0/sim_vms.log"
    run = config(f"mine={log}", "hdfs", folder, cache, session=r"\[instance: ([0-9a-f-]{36})\]")
    figures = runs.run(run, tmp_path / "run")
    assert "f1" not in figures
    assert figures["n_sequences"] > 0
    same = pl.read_parquet(finished / "sim_vms/verdicts.parquet")
    assert pl.read_parquet(tmp_path / "run/verdicts.parquet").equals(same)


def test_the_transductive_protocol_is_stamped(folder, cache, tmp_path):
    figures = runs.run(
        config("hdfs", "bgl", folder, cache, protocol="transductive"), tmp_path / "run"
    )
    assert figures["protocol"] == "transductive"
    assert any("adapt" in f["detail"] and not f["ok"] for f in figures["audit"])


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
