"""Folders that are no results, or damaged ones: refused by file and field."""

import json
import re

import pytest
from folders import change, write_study

from glx.cli.report import read_tables
from glx.errors import InputError
from glx.report.results import read_study


@pytest.mark.parametrize("content", [None, "{", "[]", "[" * 100_000, '{"f1": 0.5}'])
def test_a_folder_of_something_else(tmp_path, content):
    if content is not None:
        (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(InputError, match=r"metrics\.json"):
        read_tables([tmp_path])


@pytest.mark.parametrize(
    ("field", "value"),
    [("method", ["x"]), ("seed", True), ("source", "bgl"), ("few_labels", 1), ("run", None)],
)
def test_a_damaged_plan_is_named_with_its_field(tmp_path, field, value):
    path = write_study(tmp_path) / "study.json"
    cells = json.loads(path.read_text())["cells"]
    change(path, cells=[cells[0], cells[1] | {field: value}])
    with pytest.raises(InputError, match=re.escape(f"$.cells[1].{field}")) as refused:
        read_tables([tmp_path])
    assert str(path) in str(refused.value)
    path.write_text(json.dumps({"name": "x", "cells": []}))
    with pytest.raises(InputError, match=r"study\.json: .*`command`"):
        read_study(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match=r"no study\.json"):
        read_study(tmp_path)


@pytest.mark.parametrize(
    ("plots", "field"),
    [
        ({"blocks": {"tp": [1], "fp": [0, 0], "fn": [1]}}, "$.blocks"),
        ({"blocks": {"tp": [], "fp": [], "fn": []}}, "$.blocks.tp"),
        ({"blocks": {"tp": [1], "fp": [0]}}, "`fn` - at `$.blocks"),
        ({"baselines": {"x": {"tp": [1], "fp": [0], "fn": []}}}, "$.baselines[...]"),
    ],
)
def test_damaged_blocks_are_named(tmp_path, plots, field):
    path = next(write_study(tmp_path).glob("cells/*/*/*/figures.json"))
    change(path, **plots)
    with pytest.raises(InputError, match=re.escape(field)) as refused:
        read_tables([tmp_path])
    assert str(path) in str(refused.value)
