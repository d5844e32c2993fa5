"""The table of anomalies that a run prints at its end."""

import io

import polars as pl
import pytest

from glx.cli.tables import anomalies
from glx.terminal import Screen


def verdict(**other) -> dict:
    event = {"line": 7, "weight": 1.0, "text": "card was refused"}
    row = {
        "sequence": 0, "key": "order=7", "first_line": 5, "last_line": 9, "score": 0.9,
        "anomalous": True, "route": None, "evidence": [event], "reason": None, "deciding": event,
    }  # fmt: skip
    return row | other


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"reason": "ERROR, a level that no sequence has"},
            "(ERROR, a level that no sequence has)",
        ),
        ({"reason": "0.75 for x", "route": "general"}, "(general: 0.75 for x)"),
        ({"key": None}, None),
        ({"deciding": None, "evidence": []}, None),
    ],
)
def test_what_is_not_there_is_not_named(given, said, tmp_path):
    schema = {"route": pl.String, "reason": pl.String, "key": pl.String}
    types = {"deciding": pl.Struct({"line": pl.Int64, "weight": pl.Float64, "text": pl.String})}
    types["evidence"] = pl.List(types["deciding"])
    rows = pl.DataFrame([verdict(**given)], schema_overrides=schema | types)
    rows.write_parquet(tmp_path / "verdicts.parquet")
    screen = Screen()
    screen.file, screen.width = io.StringIO(), 200
    screen.print(anomalies(tmp_path))
    shown = screen.file.getvalue()
    assert "None" not in shown
    assert said is None or said in shown
