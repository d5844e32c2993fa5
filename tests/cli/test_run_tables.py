"""What a run prints of its causes at its end."""

from msgspec import convert

from glx.cli.tables import SHOWN, causes
from glx.report.models import Causes, write


def cause(n: int, **other) -> dict:
    example = {
        "file": None, "key": None, "first_line": 5, "last_line": 9, "time": None,
        "reason": None, "near": None, "evidence": [], "lines": [],
    }  # fmt: skip
    return {
        "id": f"{n:08x}", "lacks": False, "text": "card was refused", "count": n, "score": 0.9,
        "first_time": None, "last_time": None, "trend": [n], "sessions": [], "example": example,
    } | other  # fmt: skip


def printed(folder, found: list[dict]) -> list[str]:
    n = sum(cause["count"] for cause in found)
    values = {"sequences": 100, "flagged": n, "found": len(found), "in_time": False}
    write(folder, convert(values | {"causes": found}, Causes))
    return causes(folder).splitlines()


def test_a_line_for_each_cause(tmp_path):
    assert printed(tmp_path, [cause(3), cause(1, lacks=True)]) == [
        "4 of 100 sequences flagged, for 2 causes.",
        "00000003      3 x  card was refused",
        '00000001      1 x  lacks "card was refused"',
    ]
    assert printed(tmp_path, []) == ["0 of 100 sequences flagged."]


def test_of_many_the_first_are_named(tmp_path):
    lines = printed(tmp_path, [cause(n) for n in range(1, SHOWN + 3)])
    assert len(lines) == SHOWN + 2
    assert "2 more" in lines[-1]
