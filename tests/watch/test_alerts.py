"""What an alert says, and the two forms in which it is sent."""

import json

import polars as pl

from glx.parse.log import Log
from glx.redact import redact
from glx.verdicts import VERDICT
from glx.watch.alerts import Alert, body, new_alerts

DISK = {"id": "11111111", "lacks": False, "text": "disk \x1b[31m is gone"}
LOGIN = {"id": "22222222", "lacks": True, "text": "login"}
ALERTS = [Alert(id_, "shop", "disk", "a\nb", "2024-05-01T10:00:00.000Z") for id_ in ("1", "2")]


def rows(*given: dict) -> pl.DataFrame:
    usual = {"first_line": 4, "last_line": 6, "score": 0.9, "anomalous": True, "evidence": []}
    kinds = VERDICT | {"detail": pl.String}
    whole = [dict.fromkeys(kinds) | usual | own for own in given]
    return pl.DataFrame(whole, schema=kinds, orient="row")


def alerts(*given: dict, known=(), log=None, mask=redact) -> list[Alert]:
    return new_alerts(rows(*given), known, log or Log(["a.log"]), "shop", mask)


def test_a_cause_is_told_once_and_of_its_first_sequence():
    found = alerts(
        {"cause": DISK, "key": "7", "reason": "never seen"},
        {"cause": DISK, "key": "8"},
        {"cause": LOGIN},
        {"cause": LOGIN, "anomalous": False},
        {"anomalous": None, "score": None},
        known={"22222222"},
    )
    assert [one.cause for one in found] == ["11111111"]
    assert found[0].summary == "disk ␛[31m is gone"
    assert found[0].description.splitlines() == [
        "a.log, lines 4 to 6, session 7, score 0.90",
        "never seen",
    ]


def test_what_is_missing_is_told_as_such_and_no_cause_as_well():
    lacks, none = alerts({"cause": LOGIN}, {})
    assert lacks.summary == 'lacks "login"'
    assert (none.cause, none.summary) == ("none", "no event outweighs the others")


def test_secrets_are_masked_unless_they_are_asked_for():
    event = {"line": 5, "event": 0, "weight": 1.0, "text": "login"}
    one = {"cause": LOGIN, "evidence": [event], "detail": "password: sesame"}
    assert "sesame" not in alerts(one)[0].description
    assert "password: sesame" in alerts(one, mask=str)[0].description


def test_lines_are_those_of_their_own_files():
    log = Log(["a.log", "b\udcff.log"], starts=[0, 5])
    event = {"line": 6, "event": 0, "weight": 1.0, "text": "gone"}
    found = alerts({"cause": DISK, "evidence": [event]}, log=log)
    assert found[0].description.splitlines() == [
        "a.log, lines 4 to 1 of b⟨U+DCFF⟩.log, score 0.90",
        "1: gone",
    ]


def test_texts_are_bounded():
    long = DISK | {"text": "x" * 10_000}
    (one,) = alerts({"cause": long, "reason": "y" * 10_000})
    assert len(one.summary) < 300
    assert len(one.description) < 5_000


def test_the_frame_of_a_webhook():
    framed = json.loads(body("/hook", ALERTS))
    assert (framed["version"], framed["status"], framed["receiver"]) == ("4", "firing", "glx")
    common = {"alertname": "glx", "system": "shop", "severity": "warning"}
    assert (framed["groupLabels"], framed["commonLabels"]) == ({"alertname": "glx"}, common)
    one, other = framed["alerts"]
    assert one["labels"] == common | {"cause": "1"}
    assert one["annotations"] == {"summary": "disk", "description": "a\nb"}
    assert (one["status"], one["startsAt"]) == ("firing", "2024-05-01T10:00:00.000Z")
    assert one["endsAt"] == "0001-01-01T00:00:00Z"
    assert len(one["fingerprint"]) == 16
    assert one["fingerprint"] != other["fingerprint"]
    keys = {"groupKey", "truncatedAlerts", "commonAnnotations", "externalURL"}
    assert keys < framed.keys()


def test_alertmanager_itself_takes_a_list():
    for path in ("/api/v2/alerts", "/am/api/v2/alerts/"):
        one, _ = json.loads(body(path, ALERTS))
        assert one.keys() == {"labels", "annotations", "startsAt"}


def test_lines_are_as_they_stand_in_the_log_where_they_are_known():
    events = [{"line": n, "event": 0, "weight": 0.5, "text": "disk <*> is gone"} for n in (5, 6)]
    one = rows({"cause": DISK, "evidence": events}, {"cause": LOGIN})
    asked = []

    def read(firsts: pl.DataFrame) -> dict[int, str]:
        asked.extend(firsts["cause"].struct.field("id"))
        return {5: "disk sda is gone, password=sesame1X"}

    (found,) = new_alerts(one, {"22222222"}, Log(["a.log"]), "shop", redact, read)
    assert asked == ["11111111"]
    assert found.description.splitlines()[1:] == [
        "5: disk sda is gone, password=[masked password]",
        "6: disk <*> is gone",
    ]
