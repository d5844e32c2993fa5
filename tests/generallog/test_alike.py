"""Texts that a change of masks or of the lines mined made a little different."""

import pytest

from glx.generallog.alike import Alike, one_level

GIVEN = [
    "WARN No protocol specified for api server <*>",
    "Took <*> seconds to build instance.",
    "Took <*> seconds to destroy the instance on the hypervisor.",
    "ERROR volume <*> could not be found",
    "volume <*> could not be found",
]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("Took <*> to destroy the instance on the hypervisor.", 2),
        ("WARN No protocol specified in for api server '<*>'", 0),
        ("ERROR the volume <*> could not be found", 3),  # of its own level
        ("FATAL volume <*> could not be found", None),
        ("Took <*> to build instance.", 1),
        ("kernel panic", None),
        ("<*>", None),
        ("", None),
    ],
)
def test_the_likest(text, row):
    assert Alike(GIVEN).likest(text) == row


def test_without_any_text():
    assert Alike([]).likest("disk failed") is None


def test_levels_have_one_name():
    assert one_level("WARNING disk full") == one_level("WARN disk full") == "WARN disk full"
    assert one_level("CRITICAL") == "FATAL"
    assert one_level("warning disk full") == "warning disk full"
