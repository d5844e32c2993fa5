"""Whole runs on small systems: the label wall, resumption, what an audit says."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import zstandard
from small_runs import TINY, config, read_rows, write_zst

from glx.data.catalogue import resolve
from glx.data.load import DataConfig, load
from glx.data.simulate import vms
from glx.detector import Target
from glx.embed.alarm import meanings
from glx.generallog.detector import GeneralLogConfig
from glx.generallog.experts import ExpertConfig
from glx.generallog.route import RouteConfig
from glx.runs import run as runs
from glx.runs.progress import Progress
from glx.runs.settings import GeneralLogRun, RunConfig
from glx.sequences import TEST, LabelledSource
from glx.statements.known import KnownConfig
from glx.zerolog.detector import ZeroLogDetector


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


def generallog(run: RunConfig, to: Path, **settings) -> GeneralLogRun:
    model = GeneralLogConfig(train=TINY.train, **settings)
    return GeneralLogRun(**vars(run) | {"model": model})


def zerolog(run: RunConfig, to: Path) -> RunConfig:
    return run


def answered(run: RunConfig, to: Path) -> GeneralLogRun:
    """GeneralLog that sends everything to an expert with answers."""
    answers = to / "answers.csv"
    answers.write_text("id,p\n1,0.02\n2,0.1\n3,0.2\n4,0.97\n")
    expert = ExpertConfig(expert="answers", responses=str(answers))
    return generallog(run, to, route=RouteConfig(route="proprietary"), expert=expert)


def informed(run: RunConfig, to: Path) -> GeneralLogRun:
    """GeneralLog with the source code of the program that logs."""
    path = to / "code/vms.py"
    path.parent.mkdir()
    texts = [f"log.{e.level.lower()}({e.text!r})" for e in vms.EVENTS.values()]
    path.write_text("\n".join(["def serve():", *(f"    {text}" for text in texts)]))
    return generallog(run, to, known=KnownConfig((str(path.parent),)))


@pytest.mark.parametrize(
    ("detector", "target", "labels", "column"),
    [
        (zerolog, "hdfs", "hdfs/hdfs_block_sequences.csv.zst", "label"),
        (zerolog, "bgl", "bgl/bgl_events_50to80.csv.zst", "label"),
        (zerolog, "bgl_raw", "bgl/BGL_first100k.log.zst", None),
        (zerolog, "openstack", "openstack/openstack_faultinj_nova_odd_labels.csv", "label_failure"),
        (zerolog, "sim_vms", "simulated/5000-0/sim_vms.labels.csv", "label"),
        (generallog, "sim_vms", "simulated/5000-0/sim_vms.labels.csv", "label"),
        (informed, "sim_vms", "simulated/5000-0/sim_vms.labels.csv", "label"),
        (answered, "hdfs", "hdfs/hdfs_block_sequences.csv.zst", "label"),
    ],
)
def test_flipped_target_labels_change_no_verdict(
    detector, target, labels, column, folder, cache, tmp_path
):
    run = detector(config(target, "bgl" if target == "hdfs" else "hdfs", folder, cache), tmp_path)
    before = runs.run(run, tmp_path / "before")  # which makes a simulated system
    path = next(root / labels for root in (folder, cache) if (root / labels).exists())
    original = path.read_bytes()
    try:
        flip(path, column)
        after = runs.run(run, tmp_path / "after")
    finally:
        path.write_bytes(original)
    one, other = (tmp_path / d / "verdicts.parquet" for d in ("before", "after"))
    assert one.read_bytes() == other.read_bytes()
    assert before.confusion != after.confusion  # the flip was real
    if detector is informed:
        reasons = pl.read_parquet(one)["reason"].drop_nulls()
        assert reasons.str.contains(r"logged as \w+ at vms\.py:\d+ in serve").any()


def test_permuted_rows_of_hdfs_keep_their_scores(folder, cache):
    chosen = resolve("hdfs", ("bgl",), (), config("hdfs", "bgl", folder, cache).data)
    source = load(chosen.sources[0], DataConfig(), adapt_share=1.0)
    target = load(chosen.target, DataConfig())
    labels = np.arange(len(source.sequences)) % 7 == 0
    sources = [LabelledSource("bgl", source.sequences, source.templates, labels.astype(np.uint8))]
    read = meanings(target.parser.texts, TINY.embed)
    rng = np.random.default_rng(1)
    order = rng.permutation(len(target.sequences))

    def scores(sequences, part):
        adapt = sequences.take(np.flatnonzero(part != TEST))
        fitted = ZeroLogDetector.fit(TINY, sources, Target(adapt, target.templates))
        scored = fitted.judge(sequences, read)
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


def test_without_structure_the_scores_are_cut_and_the_audit_says_how(folder, cache, tmp_path):
    model = replace(TINY, train=replace(TINY.train, structural=False), threshold="mixture")
    run = replace(config("hdfs", "bgl", folder, cache), model=model)
    audit = runs.run(run, tmp_path / "run").audit
    (found,) = (finding for finding in audit if finding["check"] == "threshold")
    assert found["ok"]
    assert "'mixture'" in found["detail"]


def test_the_transductive_protocol_is_stamped(folder, cache, tmp_path):
    metrics = runs.run(
        config("hdfs", "bgl", folder, cache, protocol="transductive"), tmp_path / "run"
    )
    assert metrics.protocol == "transductive"
    assert any("adapt" in f["detail"] and not f["ok"] for f in metrics.audit)
