"""Details of verdicts as they are shown."""

import polars as pl
import pytest

from glx.parse.log import Log
from glx.redact import mask_of
from glx.runs.json_lines import with_detail


@pytest.mark.parametrize(
    ("text", "detail", "shown"),
    [
        ("asked for a password:", "  sesame\n  at Login:7", "  [masked password]\n  at Login:7"),
        ("asked for a password:", "sesame\nat Login.java:7", "[masked password]\nat Login.java:7"),
        ("two\nlines, token:", "    abcxyz", "    [masked secret]"),
        ("crashed", "at Login.java:7", "at Login.java:7"),
        ("-----BEGIN RSA PRIVATE KEY-----", "MIIEow\n-----END RSA PRIVATE KEY-----\nleft", "left"),
    ],
)
def test_the_line_above_a_detail_may_name_its_secret(text, detail, shown):
    found = pl.DataFrame({"anomalous": [True], "evidence": [[{"line": 3, "text": text}]]})
    log = Log(["a.log"], details={3: detail})
    assert with_detail(found, log, mask_of(True))["detail"].to_list() == [shown]
    assert with_detail(found, log, mask_of(False))["detail"].to_list() == [detail]
