"""Grouping accuracy by hand, and a small sample from its archive."""

import io
import tarfile

import numpy as np
import pytest
import zstandard

from experiments.benchmarks import group
from glx.errors import InputError


@pytest.mark.parametrize(
    ("truth", "found", "accuracy", "f1"),
    [
        ([0, 0, 1, 1], [5, 5, 7, 7], 1, 1),
        ([0, 0, 1, 1], [0, 1, 2, 2], 0.5, 2 * 1 / (3 + 2)),  # one group of two is right
        ([0, 0, 1, 1], [3, 3, 3, 3], 0, 0),
        ([0, 1, 2, 2], [0, 1, 1, 2], 0.25, 2 * 1 / (3 + 3)),
    ],
)
def test_agreement(truth, found, accuracy, f1):
    assert group.agreement(np.array(truth), np.array(found)) == (accuracy, f1)


def test_statements_leave_out_levels_and_kept_numbers():
    templates = ["took <*>", "ERROR took <*>", "status 200 in <*>", "status 503 in <*>"]
    events = np.array([0, 1, 2, 3, group.NO_EVENT])
    assert group.statements(events, templates).tolist() == [0, 0, 2, 2, group.NO_EVENT]


def test_a_sample(tmp_path):
    lines = [f"2024-05-01 10:00:{n:02} INFO user u{n} status {200 + n % 2}" for n in range(9)]
    table = ["Content,EventId"] + [f"user u{n} status {200 + n % 2},E1" for n in range(9)]
    archive = tmp_path / group.SAMPLES
    archive.parent.mkdir()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, text in (("Shop_2k.log", lines), ("Shop_2k.log_structured.csv", table)):
            member, data = tarfile.TarInfo(f"a/Shop/{name}"), "\n".join(text).encode()
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    archive.write_bytes(zstandard.compress(packed.getvalue()))
    shop, mean = group.measure(tmp_path, tmp_path)
    assert (shop.system, shop.groups, shop.ours, shop.events) == ("Shop", 1, (1, 1), (0, 0))
    assert mean.ours == shop.ours
    assert "| Shop | 1 | 1.000 | 1.000 | 0.000 | 0.000 |" in group.markdown([shop])
    with pytest.raises(InputError, match="--data_dir"):
        group.measure(None, tmp_path)


@pytest.mark.data
def test_grouping_of_16_systems(data_dir, tmp_path):
    mean = group.measure(data_dir, tmp_path)[-1]
    assert mean.ours == pytest.approx((0.985, 0.960), abs=0.003)
    assert mean.events == pytest.approx((0.934, 0.917), abs=0.003)
