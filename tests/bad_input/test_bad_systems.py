"""Systems and settings that cannot be meant: one sentence, exit code 2, nothing left behind."""

import pytest


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            {"target": "sim_ghost"},
            "--target=sim_ghost: neither a known system (hdfs, hdfs_raw, bgl, bgl_raw, openstack, "
            "openstack_loghub, sim_blocks, sim_vms, sim_ras) nor a file; give NAME=FILE for your "
            "own",
        ),
        ({"target": "ghost.log"}, "ghost.log: no such file; check the path"),
        ({"target": "shop.log/x"}, "shop.log/x: no such file; check the path"),
        ({"target": f"x={'x' * 300}"}, f"{'x' * 300}: no such file; check the path"),
        (
            {"target": "shop=-"},
            "--target=shop=-: can be read only once; write it to a file and give that",
        ),
        ({"target": ""}, "--target=: give the name of a system, NAME=FILE or a file"),
        (
            {"target": "=shop.log"},
            "--target==shop.log: give the name of a system, NAME=FILE or a file",
        ),
        (
            {"target": "[b]=shop.log"},
            "--target=[b]=shop.log: a name has letters, digits, '.', '_' and '-' only",
        ),
        ({"target": "shop="}, "--target=shop=: give the name of a system, NAME=FILE or a file"),
        (
            {"target": "hdfs=shop.log"},
            "--target=hdfs=shop.log: hdfs is a known system; give your own file another name",
        ),
        (
            {"target": "hdfs"},
            "hdfs: a real data set; say where it is by --data_dir=DIR (or GLX_DATA); docs/data.md "
            "says how to get it",
        ),
        ({"source": ""}, "--source=: give the name of a system, NAME=FILE or a file"),
        (
            {"labels": ()},
            "--source=jobs: has no labels to learn from; give them by --labels=jobs=FILE, a CSV of "
            "`key,label` or `line,label`",
        ),
        ({"labels": ("jobs.csv",)}, "--labels=jobs.csv: give it as NAME=FILE"),
        (
            {"labels": ("jobs=jobs.csv", "jobs=more.csv")},
            "--labels=jobs=more.csv: jobs has labels already; give one file each",
        ),
        (
            {"labels": ("jobs=jobs.csv", "yobs=jobs.csv")},
            "--labels=yobs=...: no own file of that name among --target and --source",
        ),
    ],
)
def test_systems_that_cannot_be_meant(flags, said, refused):
    assert refused(**flags) == said


def test_a_source_of_the_targets_family(refused, shop):
    data = f"--data_dir={shop}"
    said = (
        "--source={}: of the same family as the target {}, so its labels are not those of another "
        "system; choose sources of other families"
    )
    given = {"labels": ()}
    for target, source in (("hdfs", "hdfs_raw"), ("bgl_raw", "bgl"), ("sim_vms", "sim_vms")):
        assert refused(data, target=target, source=source, **given) == said.format(source, target)
    assert refused(source="shop=jobs.log", labels=("shop=jobs.csv",)) == said.format("shop", "shop")
    assert refused(source="jobs=../" + shop.name + "/shop.log") == (
        "--source=jobs: is the target's own file; choose another system"
    )


@pytest.mark.parametrize(
    ("names", "flag"),
    [
        ({"target": "sim_vms"}, "--target=sim_vms"),
        ({}, "--target=shop=shop.log"),
        ({"target": "hdfs_raw"}, "--target=hdfs_raw"),
        ({"target": "hdfs", "source": "bgl,openstack"}, "--source=openstack"),
    ],
)
def test_systems_that_the_protocol_of_the_literature_does_not_read(names, flag, refused, shop):
    said = refused("--protocol=paper", f"--data_dir={shop}", **{"labels": ()} | names)
    assert said == (
        f"{flag}: --protocol=paper reads hdfs, bgl, openstack_loghub only; choose --target and "
        "--source among these"
    )


def test_a_source_twice(refused):
    assert refused("--source=jobs=jobs.log") == "--source=jobs: given twice"


def test_an_encoder_that_is_none(refused):
    assert refused("--embed_model=/nowhere") == (
        "--embed_model=/nowhere: /nowhere has no config.json; give a folder with config.json, "
        "model.safetensors, tokenizer.json"
    )
    assert refused("--embed_batch_size=0") == "--embed_batch_size=0: must be at least 1"


def test_no_evidence_to_cut_by(refused):
    assert refused("--nostructural") == (
        "--nostructural: leaves no evidence to cut by; give --threshold=mixture"
    )
