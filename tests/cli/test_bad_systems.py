"""Systems and settings that cannot be meant: one sentence, exit code 2, nothing left behind."""

import pytest

SYSTEMS = (
    ("--target=sim_ghost", "sim_vms", {"target": "sim_ghost"}),
    ("ghost.log", "no such file", {"target": "ghost.log"}),
    ("shop.log/x", "no such file", {"target": "shop.log/x"}),
    ("x" * 300, "File name too long", {"target": f"x={'x' * 300}"}),
    ("--target=shop=-", "only once", {"target": "shop=-"}),
    ("--target=", "NAME=FILE", {"target": ""}),
    ("--target==shop.log", "NAME=FILE", {"target": "=shop.log"}),
    ("--target=[b]=shop.log", "letters", {"target": "[b]=shop.log"}),
    ("--target=shop=", "NAME=FILE", {"target": "shop="}),
    ("--target=hdfs=shop.log", "another name", {"target": "hdfs=shop.log"}),
    ("hdfs", "--data_dir", {"target": "hdfs"}),
    ("--source=", "NAME=FILE", {"source": ""}),
    ("--source=jobs", "--labels=jobs=FILE", {"labels": ()}),
    ("--labels=jobs.csv", "NAME=FILE", {"labels": ("jobs.csv",)}),
    ("--labels=jobs=more.csv", "already", {"labels": ("jobs=jobs.csv", "jobs=more.csv")}),
    ("--labels=yobs=...", "no own file", {"labels": ("jobs=jobs.csv", "yobs=jobs.csv")}),
)
PAPER = (
    ("--target=sim_vms", {"target": "sim_vms"}),
    ("--target=shop=shop.log", {}),
    ("--target=hdfs_raw", {"target": "hdfs_raw"}),
    ("--source=openstack", {"target": "hdfs", "source": "bgl,openstack"}),
)
FLAGS = (
    ("--source=jobs", "twice", "--source=jobs=jobs.log"),
    ("--target=shop", "twice", "--target=shop=shop.log"),
    ("--target=store=jobs.log", "another system", "--target=store=jobs.log"),
    ("--target=jobs.log", "another system", "--target=jobs.log"),
    ("--source=jobs", "own file", "--target=shop=jobs.log"),
    ("--window=5w", "1d", "--window=5w"),
    ("--window=0m", "at least 1", "--window=0m"),
    ("--embed_model=/nowhere", "config.json", "--embed_model=/nowhere"),
    ("--embed_batch_size=0", "at least 1", "--embed_batch_size=0"),
    ("--nostructural", "--threshold=mixture", "--nostructural"),
)


@pytest.mark.parametrize(("where", "what", "systems"), SYSTEMS)
def test_systems_that_cannot_be_meant(where, what, systems, refused):
    refused(where, what, **systems)


@pytest.mark.parametrize(("where", "systems"), PAPER)
def test_systems_that_the_protocol_of_the_literature_does_not_read(where, systems, refused, shop):
    refused(
        where, "openstack_loghub", "--protocol=paper", f"--data_dir={shop}", labels=(), **systems
    )


@pytest.mark.parametrize(("where", "what", "flag"), FLAGS)
def test_settings_that_cannot_be_meant(where, what, flag, refused):
    refused(where, what, flag)


def test_a_source_of_the_targets_family(refused, shop):
    for target, source in (("hdfs", "hdfs_raw"), ("bgl_raw", "bgl"), ("sim_vms", "sim_vms")):
        given = {"target": target, "source": source, "labels": ()}
        refused(f"--source={source}", f"target {target}", f"--data_dir={shop}", **given)
    refused("--source=shop", "family", source="shop=jobs.log", labels=("shop=jobs.csv",))
    refused("--source=jobs", "own file", source=f"jobs=../{shop.name}/shop.log")
