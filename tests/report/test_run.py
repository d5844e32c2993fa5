"""The page of a run, as text: what it shows, what it leaves out, and that log text stays text."""

import re

import polars as pl
import pytest
from folders import HOSTILE, SAW_LABELS, WORTH, change, make_run
from pages import Elements, data, words

from glx.errors import InputError
from glx.report.page import without_password
from glx.report.run import page
from glx.verdicts import EVIDENCE

GROUPS = [(0.9, 3, ["disk is gone", "retry"]), (0.6, 1, ["card refused", "retry", "retry"])]


@pytest.fixture
def shown(tmp_path):
    """A function that makes a run and returns its page."""

    def make(groups=GROUPS, **more) -> str:
        return page(make_run(tmp_path / "run", groups, **more))

    return make


NONE = dict.fromkeys(("f1", "precision", "recall", "auprc", "auroc", "oracle_f1"))
KNOWN = WORTH | {"f1_interval": [None, None], "threshold": 0.5}


@pytest.mark.parametrize(
    ("run", "contained", "absent"),
    [
        (
            {},
            [
                "found by GeneralLog (retrieval)",
                "protocol: sound",
                "4 of 8 sequences",
                "0.500 95 % interval 0.400 to 0.600",
                "40.0 % is an anomaly; of the anomalies, 66.7 % were flagged.",
                "(surprise: rare or missing events) reaches F1 0.750: on this target it does as",
                "ok shared lines: 0 lines are in both parts.",
                "54,321 lines/s",
                "0.900 3 general disk is gone session-000000 lines 0–9",
                "Which way they went",
            ],
            ["with a template never seen before"],  # there is none
        ),
        (
            {"labels": False},
            ["4 of 8 sequences", "no labels"],
            ["F1", "precision", "AUROC", "hindsight", "n/a", "None"],
        ),
        (
            NONE | {"f1_interval": [None, None], "oracle_threshold": None},
            ["F1 n/a precision n/a", "GeneralLog not defined"],
            [],
        ),
        (
            {"routes": False, "weights": False},
            ["First line", "0.900 3 disk is gone session-000000 lines 0–9"],
            ["weighed", "Which way they went", "Route"],
        ),
        (
            {"groups": [(0.9, 1, ["a", "b"]), (0.8, 1, ["alone"])]},
            ["What weighed most, else first line"],
            [],
        ),
        (
            NONE | {"groups": [], "f1": 0.0, "recall": 0.0, "abstained": 60},
            [
                "Nothing was flagged.",
                "60 sequences got no answer from the expert, which counts as wrong.",
            ],
            [],
        ),
        (
            {"protocol": "transductive", "warning": "One route is hardly used."},
            ["Protocol transductive: ", "One route is hardly used."],
            [],
        ),
        ({"baselines": {"own_rule": KNOWN}}, ["own rule 0.500"], []),
    ],
)
def test_the_page_shows_what_was_found_and_what_it_is_worth(shown, run, contained, absent):
    text = words(shown(**run))
    for part in contained:
        assert part in text
    for part in absent:
        assert part not in text


def test_stamps_and_warnings_stand_out(shown):
    text = shown(protocol="transductive", stamps=["abstentions"])
    warned = re.findall(r'<li class="badge warn">(.*?)</li>', text)
    assert warned == ["protocol: transductive", "abstentions"]


def test_a_simple_detector_has_one_name_and_tells_what_it_flags(shown):
    text = words(shown(baselines={"surprise": KNOWN}))
    assert text.count("surprise: rare or missing events") == 4  # chart, its hint, sentence, table


OWN = "shop’s own unlabelled log"


@pytest.mark.parametrize(
    ("metrics", "lesson"),
    [
        ({"source": []}, f"{OWN} alone"),
        ({"method": "source-only GRU"}, "sim_vms, sim_ras alone"),
        ({"target_labels": 1234}, f"sim_vms, sim_ras, from {OWN} and from 1,234 labels of shop"),
        (
            {"method": "MetaLog-style", "target_labels": 1, "audit": [SAW_LABELS]},
            "sim_vms, sim_ras and from 1 label of shop",
        ),
        ({"target_labels": 0}, f"sim_vms, sim_ras and from {OWN}"),
    ],
)
def test_the_page_tells_what_the_method_learned_from(shown, metrics, lesson):
    text = words(shown(routes=False, **metrics))
    assert f", which learned from {lesson} protocol: sound" in text


@pytest.mark.parametrize(
    ("weights", "seen", "header"),
    [
        ([0.25, 0.25, 0.25, 0.25], None, "First line"),
        ([0.3333, 0.3333, 0.3333], 3, "First line"),  # the method looked at three events
        ([0.3333, 0.3333, 0.3333], None, "What weighed most"),  # the fourth weighs nothing
        ([0.3, 0.3, 0.2, 0.2], None, "What weighed most"),
        ([0.0, 0.0, 0.0, 0.0], None, "First line"),
    ],
)
def test_where_all_lines_weigh_alike_none_weighs_most(tmp_path, weights, seen, header):
    settings = {"model": {"train": {"max_events": seen}}}
    groups = [(0.9, 1, ["a", "b", "c", "d"])]
    run = make_run(tmp_path / "run", groups, routes=False, settings=settings)
    events = [
        {"line": n, "event": n, "weight": weight, "text": "abcd"[n]}
        for n, weight in enumerate(weights)
    ][::-1]  # the last of them first
    table = pl.read_parquet(run / "flagged.parquet")
    table = table.with_columns(pl.Series("evidence", [events], dtype=EVIDENCE))
    table.write_parquet(run / "flagged.parquet")
    text = page(run)
    assert re.findall(r'data-sort="text">([^<]*)<', text) == [header]
    first = re.findall(r'<span class="text">([^<]*)</span></button>', text)
    assert first == ["a" if header == "First line" else events[0]["text"]]


def test_every_flagged_sequence_is_in_the_data_of_the_page(shown):
    found = data(shown())
    assert found["keys"] == [f"session-{k:06}" for k in range(4)]
    assert (found["first"], found["last"]) == ([0, 10, 20, 30], [9, 19, 29, 39])
    assert [(group["at"], group["kept"]) for group in found["groups"]] == [(0, 3), (3, 1)]
    assert [found["texts"][n] for n in found["groups"][1]["events"]] == GROUPS[1][2]
    assert found["groups"][1]["top"][0][:3] == [0, 0.6, 10]


@pytest.mark.parametrize(("n", "left_out"), [(2_345, True), (2_000, False)])
def test_what_the_run_left_out_is_counted(shown, monkeypatch, n, left_out):
    monkeypatch.setattr("glx.report.run.GROUPS", 20)
    text = words(shown([(0.9, 100, [f"event {k}"]) for k in range(20)], n_anomalous=n))
    assert ("20 kinds with the highest scores; 345 more flagged" in text) is left_out
    assert ("Cut:" in text) is left_out


def test_long_lists_of_places_are_cut_alike(shown, monkeypatch):
    monkeypatch.setattr("glx.report.anomalies.PLACES_BUDGET", 5 * (24 + len("session-000000")))
    found = data(shown([(0.9, 10, ["a"]), (0.8, 1, ["b"]), (0.7, 10, ["c"])]))
    places = [(group["kept"], group["at"], group["count"]) for group in found["groups"]]
    assert places == [(2, 0, 10), (1, 2, 1), (2, 3, 10)]
    assert found["first"] == [0, 10, 100, 110, 120]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(tmp_path, shown, text):
    made = shown([(0.9, 1, [text, "plain"])], target=text, stamps=[text])
    calm = page(make_run(tmp_path / "calm", [(0.9, 1, ["calm", "plain"])], stamps=["calm"]))
    hostile, plain = Elements(made), Elements(calm)
    assert [(tag, set(a)) for tag, a in hostile.found] == [(tag, set(a)) for tag, a in plain.found]
    assert not re.search("[\x00-\x08\x0b-\x1f\u2028\u2029\u202e\ud800-\udfff]", made)
    if text == HOSTILE[-1]:  # hidden characters are shown
        assert "line⟨U+2028⟩separator⟨U+2029⟩ ␛[31mred␛[0m nul␀ right⟨U+202E⟩left half" in made
    else:
        assert " ".join(text.split()) in hostile.text
        assert data(made)["texts"][0] == text


def test_nothing_can_be_loaded_and_one_script_may_run(shown):
    elements = Elements(shown())
    policy = next(a["content"] for a in elements.attributes("meta") if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")
    for tag, attributes in elements.found:
        assert tag not in ("link", "img", "iframe", "object", "base"), tag
        assert not {"src", "href", "action"} & set(attributes), tag
        assert not any(name.startswith("on") for name in attributes), attributes
    assert "://" not in re.sub(r"http://…@host", "", elements.text)


def test_secrets_of_a_url_are_not_shown(shown):
    text = shown()
    assert "http://…@host/v1" in text
    assert "secret" not in text
    assert without_password("--url=https://me:p@ss@host/a@b") == "--url=https://…@host/a@b"


def test_pictures_say_what_they_show(shown):
    elements = Elements(shown())
    assert [attributes["aria-label"] for attributes in elements.attributes("svg")] == [
        "F1 of this run, of simple detectors and of ceilings",
        "3 of 7 sequences flagged, over the log",
        "Scores of 20 sequences",
        "Precision against recall; area 0.550",
        "Similarity to the sources, cut at 0.300",
    ]
    assert len(elements.attributes("figcaption")) == 5


@pytest.mark.parametrize(
    "name", ["metrics.json", "figures.json", "config.json", "flagged.parquet", "verdicts.parquet"]
)
@pytest.mark.parametrize("content", [None, b"{", b"[]", b"PAR1"])
def test_a_file_that_is_missing_or_damaged_is_named(tmp_path, name, content):
    run = make_run(tmp_path / "run", GROUPS)
    (run / name).unlink()
    if content is not None:
        (run / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{run}.*{name}"):
        page(run)


@pytest.mark.parametrize(
    ("file", "changed", "field"),
    [
        ("metrics", {"f1": "high"}, "$.f1"),
        ("metrics", {"method": None}, "$.method"),
        ("metrics", {"seed": True}, "$.seed"),
        ("metrics", {"baselines": {"keyword": {}}}, "`f1` - at `$.baselines[...]"),
        ("metrics", {"audit": [SAW_LABELS, SAW_LABELS | {"ok": 1}]}, "$.audit[1].ok"),
        ("metrics", {"auroc": float("nan")}, "$.auroc"),
        ("metrics", {"threshold": float("inf")}, "$.threshold"),
        ("figures", {"scores": None}, "$.scores"),
        ("figures", {"curve": {"recall": [0.5], "precision": [], "threshold": []}}, "$.curve"),
        ("figures", {"similarity": {"edges": [0, 1], "count": [1, 2], "tau": 0}}, "$.similarity"),
        ("config", {"packages": []}, "$.packages"),
    ],
)
def test_a_damaged_field_is_named_with_its_file(tmp_path, file, changed, field):
    run = make_run(tmp_path / "run", GROUPS)
    path = run / f"{file}.json"
    change(path, **changed)
    with pytest.raises(InputError, match=f"{re.escape(str(path))}.*{re.escape(field)}"):
        page(run)


def test_what_a_file_lacks_is_named_and_what_is_not_known_ignored(tmp_path):
    run = make_run(tmp_path / "run", GROUPS, of_tomorrow=1)
    assert page(run)
    path = run / "flagged.parquet"
    pl.read_parquet(path).drop("reason", "deciding").write_parquet(path)
    with pytest.raises(InputError, match=r"flagged.parquet: .*earlier glx"):
        page(run)
    (run / "metrics.json").write_text("{}")
    with pytest.raises(InputError, match=r"metrics.json: .*`method`"):
        page(run)
