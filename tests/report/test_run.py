"""The page of a run, as text: what it says, what it leaves out, and that log text stays text."""

import json
import re
from html.parser import HTMLParser

import polars as pl
import pytest
from fake_run import FIGURES, HOSTILE, make_run

from glx.errors import InputError
from glx.report.page import discreet
from glx.report.run import page, write
from glx.verdicts import EVIDENCE

KINDS = [(0.9, 3, ["disk is gone", "retry"]), (0.6, 1, ["card refused", "retry", "retry"])]


class Elements(HTMLParser):
    """Every element with its attributes, and the text outside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.inside = tag if tag in ("script", "style") else ""

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if not self.inside:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def data(text: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])


def test_the_page_says_what_was_found_and_what_it_is_worth(tmp_path):
    said = Elements(page(make_run(tmp_path / "run", KINDS))).text
    assert (
        "found by GeneralLog (retrieval), which learned from sim_vms, sim_ras and from shop’s own "
        "unlabelled log protocol" in said
    )
    assert "protocol: sound" in said
    assert "4 of 8 sequences" in said
    assert "0.500 95 % interval 0.400 to 0.600" in said
    assert (
        "Of what was flagged, 40.0 % is an anomaly; of the anomalies, 66.7 % were flagged." in said
    )
    assert (
        "(keyword: words like “error”) reaches F1 0.600: on this target it does as well or better"
        in said
    )
    assert "ok shared lines: 0 lines are in both parts." in said
    assert "54,321 lines/s" in said
    assert "0.900 3 general disk is gone session-000000 lines 0–9" in said
    assert "with a template never seen before" not in said  # there is none


SAW = [{"check": "target_labels", "ok": False, "detail": "It saw labels."}]


@pytest.mark.parametrize(
    ("told", "lesson"),
    [
        ({"source": []}, "shop’s own unlabelled log alone"),
        ({"method": "source-only GRU"}, "sim_vms, sim_ras alone"),
        (
            {"target_labels": 1234},
            "sim_vms, sim_ras, from shop’s own unlabelled log and from 1,234 labels of shop",
        ),
        (
            {"audit": SAW},
            "sim_vms, sim_ras, from shop’s own unlabelled log and from labels of shop",
        ),
        (
            {"method": "MetaLog-style", "target_labels": 1, "audit": SAW},
            "sim_vms, sim_ras and from 1 label of shop",
        ),
        ({"target_labels": 0}, "sim_vms, sim_ras and from shop’s own unlabelled log"),
    ],
)
def test_the_page_says_what_the_method_learned_from(tmp_path, told, lesson):
    said = Elements(page(make_run(tmp_path / "run", KINDS, routes=False, **told))).text
    assert f", which learned from {lesson} protocol: sound" in said


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
    run = make_run(tmp_path / "run", [(0.9, 1, ["a", "b", "c", "d"])], routes=False)
    events = [
        {"line": n, "event": n, "weight": weight, "text": "abcd"[n]}
        for n, weight in enumerate(weights)
    ][::-1]  # the last of them first
    table = pl.read_parquet(run / "flagged.parquet")
    table = table.with_columns(pl.Series("evidence", [events], dtype=EVIDENCE))
    table.write_parquet(run / "flagged.parquet")
    config = json.loads((run / "config.json").read_text())
    config["settings"]["model"] = {"train": {"max_events": seen}}
    (run / "config.json").write_text(json.dumps(config))
    text = page(run)
    assert re.findall(r'data-sort="text">([^<]*)<', text) == [header]
    shown = re.findall(r'<span class="text">([^<]*)</span>', text)
    assert shown == ["a" if header == "First line" else events[0]["text"]]


def test_kinds_that_weigh_no_line_are_told_of_beside_others(tmp_path):
    kinds = [(0.9, 1, ["a", "b"]), (0.8, 1, ["alone"])]
    said = Elements(page(make_run(tmp_path / "run", kinds))).text
    assert "What weighed most, else first line" in said


def test_without_labels_the_page_has_no_figure_that_needs_them(tmp_path):
    said = Elements(page(make_run(tmp_path / "run", KINDS, labels=False))).text
    assert "4 of 8 sequences" in said
    assert "no labels" in said
    for word in ("F1", "precision", "AUROC", "hindsight", "n/a", "None"):
        assert word not in said, word


def test_labels_without_an_anomaly_leave_figures_undefined(tmp_path):
    none = dict.fromkeys(("f1", "precision", "recall", "auprc", "auroc", "oracle_f1"))
    run = make_run(tmp_path / "run", KINDS, **none, f1_interval=[None, None], oracle_threshold=None)
    said = Elements(page(run)).text
    assert "F1 n/a precision n/a" in said
    assert "GeneralLog not defined" in said


def test_a_run_without_routes_has_neither_column_nor_picture_of_them(tmp_path):
    text = page(make_run(tmp_path / "run", KINDS, routes=False))
    assert "Which way they went" not in text
    assert 'id="route"' not in text


def test_stamps_and_warnings_stand_out(tmp_path):
    stamped = {"protocol": "transductive", "stamps": ["abstentions"], "abstained": 2}
    text = page(make_run(tmp_path / "run", KINDS, warning="One route is hardly used.", **stamped))
    warned = re.findall(r'<li class="badge warn">(.*?)</li>', text)
    assert warned == ["protocol: transductive", "abstentions"]
    said = Elements(text).text
    assert "Protocol transductive: the detector saw the scored part" in said
    assert "2 sequences got no answer from the expert, which counts as wrong." in said
    assert "One route is hardly used." in said


def test_a_method_that_weighs_no_event_does_not_claim_to(tmp_path):
    run = make_run(tmp_path / "run", KINDS, weights=False, routes=False)
    said = Elements(page(run)).text
    assert "weighed" not in said
    assert "First line" in said
    assert "0.900 3 disk is gone session-000000 lines 0–9" in said


def test_a_detector_that_only_abstains_has_a_page(tmp_path):
    undefined = dict.fromkeys(("precision", "oracle_f1", "auprc", "auroc", "oracle_threshold"))
    run = make_run(tmp_path / "run", [], f1=0.0, recall=0.0, abstained=60, **undefined)
    said = Elements(page(run)).text
    assert "Nothing was flagged." in said
    assert "60 sequences got no answer from the expert, which counts as wrong." in said


def test_a_simple_detector_has_one_name_and_says_what_it_flags(tmp_path):
    plain = {"f1_interval": [None, None], "precision": 0.5, "recall": 0.5, "auprc": 0.5}
    beside = {"surprise": FIGURES | plain, "own_rule": FIGURES | plain}
    said = Elements(page(make_run(tmp_path / "run", KINDS, baselines=beside))).text
    assert said.count("surprise: rare or missing events") == 4  # chart, its hint, sentence, table
    assert "own rule 0.500" in said


def test_every_flagged_sequence_is_in_the_data_of_the_page(tmp_path):
    found = data(page(make_run(tmp_path / "run", KINDS)))
    assert found["keys"] == [f"session-{k:06}" for k in range(4)]
    assert (found["first"], found["last"]) == ([0, 10, 20, 30], [9, 19, 29, 39])
    assert [(kind["at"], kind["kept"]) for kind in found["kinds"]] == [(0, 3), (3, 1)]
    assert [found["texts"][n] for n in found["kinds"][1]["events"]] == KINDS[1][2]
    assert found["kinds"][1]["top"][0][:3] == [0, 0.6, 10]


def test_what_the_run_left_out_is_counted(tmp_path):
    kinds = [(0.9, 1, [f"event {k}"]) for k in range(2_000)]
    said = Elements(page(make_run(tmp_path / "run", kinds, n_anomalous=2_345))).text
    assert "2,000 kinds with the highest scores; 345 more flagged sequences are in" in said
    assert "Cut:" not in Elements(page(make_run(tmp_path / "other", kinds))).text


def test_long_lists_of_places_are_cut_alike(tmp_path, monkeypatch):
    monkeypatch.setattr("glx.report.anomalies.PLACES_BUDGET", 5 * (24 + len("session-000000")))
    kinds = [(0.9, 10, ["a"]), (0.8, 1, ["b"]), (0.7, 10, ["c"])]
    found = data(page(make_run(tmp_path / "run", kinds)))
    assert [kind["kept"] for kind in found["kinds"]] == [2, 1, 2]
    assert [kind["at"] for kind in found["kinds"]] == [0, 2, 3]
    assert found["first"] == [0, 10, 100, 110, 120]
    assert [kind["count"] for kind in found["kinds"]] == [10, 1, 10]


def test_nothing_flagged_is_said(tmp_path):
    assert "Nothing was flagged." in page(make_run(tmp_path / "run", [], labels=False))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(tmp_path, text):
    run = make_run(tmp_path / "run", [(0.9, 1, [text, "plain"])], target=text, stamps=[text])
    made = page(run)
    calm = page(make_run(tmp_path / "calm", [(0.9, 1, ["calm", "plain"])], stamps=["calm"]))
    hostile, plain = Elements(made), Elements(calm)
    assert [tag for tag, _ in hostile.found] == [tag for tag, _ in plain.found]
    assert [set(a) for _, a in hostile.found] == [set(a) for _, a in plain.found]
    assert not re.search("[\x00-\x08\x0b-\x1f\u2028\u2029\u202e\ud800-\udfff]", made)
    if text.isprintable():
        assert " ".join(text.split()) in hostile.text
        assert data(made)["texts"][0] == text


def test_hidden_characters_are_shown(tmp_path):
    text = page(make_run(tmp_path / "run", [(0.9, 1, [HOSTILE[-1]])]))
    assert "line⟨U+2028⟩separator⟨U+2029⟩ ␛[31mred␛[0m nul␀ right⟨U+202E⟩left half" in text


def test_nothing_can_be_loaded_and_one_script_may_run(tmp_path):
    text = page(make_run(tmp_path / "run", KINDS))
    found = Elements(text).found
    policy = next(a["content"] for tag, a in found if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")
    for tag, attributes in found:
        assert tag not in ("link", "img", "iframe", "object", "base"), tag
        assert not {"src", "href", "action"} & set(attributes), tag
        assert not any(name.startswith("on") for name in attributes), attributes
    assert "://" not in re.sub(r"http://…@host", "", Elements(text).text)


def test_secrets_of_a_url_are_not_shown(tmp_path):
    text = page(make_run(tmp_path / "run", KINDS))
    assert "http://…@host/v1" in text
    assert "secret" not in text
    assert discreet("--url=https://me:p@ss@host/a@b") == "--url=https://…@host/a@b"


def test_pictures_say_what_they_show(tmp_path):
    found = Elements(page(make_run(tmp_path / "run", KINDS))).found
    titles = [attributes["aria-label"] for tag, attributes in found if tag == "svg"]
    assert titles == [
        "F1 of this run, of simple detectors and of ceilings",
        "3 of 7 sequences flagged, over the log",
        "Scores of 20 sequences",
        "Precision against recall; area 0.550",
        "Similarity to the sources, cut at 0.300",
    ]
    assert sum(tag == "figcaption" for tag, _ in found) == 5


def test_the_page_is_written_into_the_folder(tmp_path):
    run = make_run(tmp_path / "run", KINDS)
    before = set(run.iterdir())
    assert write(run) == run / "report.html"
    assert set(run.iterdir()) - before == {run / "report.html"}
    assert (run / "report.html").read_text() == page(run)


def test_a_folder_without_a_page_says_why(tmp_path):
    with pytest.raises(InputError, match=r"no finished run \(no metrics.json\)"):
        page(tmp_path)
    run = make_run(tmp_path / "run", KINDS)
    (run / "figures.json").unlink()
    with pytest.raises(InputError, match=r"no figures.json, as in runs of an earlier glx; repeat"):
        page(run)
    (run / "figures.json").write_text("{")
    with pytest.raises(InputError, match=r"figures.json: not JSON: Expecting"):
        page(run)


@pytest.mark.parametrize(
    ("file", "change", "field"),
    [
        ("metrics", {"f1": "high"}, 'f1: must be a number, not "high"'),
        ("metrics", {"method": None}, "method: must be a text, not null"),
        ("metrics", {"baselines": {"keyword": {}}}, "baselines.keyword.f1: is missing"),
        (
            "metrics",
            {"audit": [{"check": "x", "ok": 1, "detail": ""}]},
            "audit[0].ok: must be true or false",
        ),
        ("metrics", {"auroc": float("nan")}, "auroc: must be a number, not NaN"),
        ("figures", {"scores": None}, "scores: must be an object, not null"),
        (
            "figures",
            {"curve": {"recall": [0.5], "precision": [], "threshold": []}},
            "curve: recall, precision, threshold must be equally long",
        ),
        (
            "figures",
            {"similarity": {"edges": [0, 1], "count": [1, 2], "tau": 0.3}},
            "similarity: must have one more edge than counts",
        ),
        ("config", {"packages": []}, "packages: must be an object, not []"),
    ],
)
def test_a_damaged_file_is_named_with_its_field(tmp_path, file, change, field):
    run = make_run(tmp_path / "run", KINDS)
    path = run / f"{file}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=re.escape(f"{path}: {field}")):
        page(run)


def test_a_figure_that_is_missing_is_named(tmp_path):
    run = make_run(tmp_path / "run", KINDS)
    (run / "metrics.json").write_text("{}")
    with pytest.raises(InputError, match=r"metrics.json: method: is missing"):
        page(run)


def test_a_table_that_is_damaged_or_of_an_earlier_glx_is_named(tmp_path):
    run = make_run(tmp_path / "run", KINDS)
    path = run / "flagged.parquet"
    table = pl.read_parquet(path)
    earlier = table.drop("reason", "deciding").with_columns(evidence=pl.lit('{"events": []}'))
    earlier.write_parquet(path)
    with pytest.raises(InputError, match=r"flagged.parquet: written by an earlier glx; repeat"):
        page(run)
    path.write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"flagged.parquet: damaged"):
        page(run)
