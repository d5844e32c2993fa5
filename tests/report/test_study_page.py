"""The page of a study, as text: what it shows, that it opens unfinished, that names stay text."""

import re

import numpy as np
import pytest
from folders import ALL, GOOD, HOSTILE, change, change_all, change_cells, write_study
from pages import Elements, words

from glx.cli.report import read_tables
from glx.evaluate.intervals import mean_f1
from glx.report import study, tables

LABELS = ("f1", "auprc", "auroc", "oracle_f1", "supervised_ceiling")


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return study.page(write_study(tmp_path_factory.mktemp("study")))


def test_the_page_shows_what_came_out(text):
    for part in (
        "protocol sound",
        "preset small",
        "seeds 0, 1",
        "19 of 20 cells",
        "1 cell is not finished DeepLog <b>|&_x on bgl_50%, seed 1",
        "best method without labels, F1, so far 0.740 GeneralLog, ",
        "best trivial detector 0.750 surprise",
        "best with a few labels, so far 0.333 MetaLog, 1% labels †, ",
        "F1 of GeneralLog by source and target",
        "F1 minus that of the best trivial detector",
        "Study: 3 methods on hdfs, bgl_50%",
        "glx study --llm_url=http://…@host/v1",
    ):
        assert part in words(text)
    for part in ("What each part is worth", "not one split", "secret"):
        assert part not in text


def test_a_study_with_a_reference_is_an_ablation(tmp_path):
    page = study.page(write_study(tmp_path, reference="GeneralLog"))
    effects = page.partition("What each part is worth")[2].partition("</section>")[0]
    assert re.findall("<h3>(.*?)</h3>", effects) == ["Mean over targets", "hdfs", "bgl_50%"]
    text = words(page)
    for part in (
        "Ablation of GeneralLog on hdfs, bgl_50%",
        "most harmful change, so far −0.542 DeepLog <b>|&_x, −",
        "clear effects, so far 2 worse, 0 better",
        "F1 minus that of GeneralLog",
    ):
        assert part in text
    assert "best method" not in text  # choosing a variant by its score would be tuning


def test_methods_are_ours_by_the_plan_and_not_by_their_names(text, tmp_path):
    write_study(tmp_path)
    change_cells(tmp_path, lambda cell: cell | {"ours": cell["method"].startswith("DeepLog")})
    ours = r'class="accent"><title>([^:]+): F1'
    assert re.findall(ours, text) == ["GeneralLog"]
    assert re.findall(ours, study.page(tmp_path)) == ["DeepLog &lt;b&gt;|&amp;_x"]


def test_every_table_can_be_taken_along(text):
    assert words(text).count(tables.ROUGH) == 4  # a picture, a table's note, and in its two copies
    assert text.count("Copy as Markdown") == text.count("Copy as LaTeX") == 8
    assert "| GeneralLog | **0.875** | 0.604 (0.333 to 0.875) | 0.740 |" in text
    assert "GeneralLog &amp; \\textbf{0.875} &amp; 0.604 (0.333 to 0.875) &amp; 0.740 \\\\" in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'data-copy="([^"]+)"', text)) <= set(ids)


def test_fields_lead_to_the_reports_of_runs(tmp_path):
    page = study.write(write_study(tmp_path))
    assert page == tmp_path / "study.html"
    links = {attributes["href"] for attributes in Elements(page.read_text()).attributes("a")}
    assert len(links) == 1 + 9  # GeneralLog from three sets of sources on two targets, the others
    assert all((tmp_path / re.sub("%2B", "+", link).replace("%25", "%")).exists() for link in links)


def test_nothing_is_loaded_and_all_is_named(text):
    elements = Elements(text)
    assert not [at for _, at in elements.found if {"src", "onclick", "onload"} & set(at)]
    assert all(not at["href"].startswith(("http", "//")) for at in elements.attributes("a"))
    pictures = elements.attributes("svg")
    # Ranked over all, on each target; cost in seconds, but not in tokens, which hardly any has.
    assert len(pictures) == 4
    assert all(at["role"] == "img" and at["aria-label"] for at in pictures)


def test_an_unfinished_study_opens(tmp_path):
    write_study(tmp_path)
    for path in tmp_path.glob("cells/*/*/*/metrics.json"):
        path.unlink()
    text = words(study.page(tmp_path))
    assert "0 of 20 cells" in text
    assert "No method has figures on every target yet." in text
    assert read_tables([tmp_path]) == []


def test_a_study_without_any_metric_opens(tmp_path):
    """A target whose test part holds no anomaly: nothing is defined there."""
    write_study(tmp_path, reference="GeneralLog")
    none = {"tp": [0, 0], "fp": [1, 0], "fn": [0, 0]}
    baseline = dict.fromkeys(("precision", "recall", "threshold", *LABELS))
    baselines = {"surprise": baseline | {"f1_interval": [None, None]}}
    bgl = "*/bgl*/*"
    change_all(tmp_path, f"{bgl}/metrics.json", **dict.fromkeys(LABELS), baselines=baselines)
    change_all(tmp_path, f"{bgl}/figures.json", blocks=none, baselines={"surprise": none})
    text = words(study.page(tmp_path))
    assert "GeneralLog 0.875 - -" in text
    assert "No method has figures on every target yet." in text


def test_a_method_that_lacks_a_target_is_named_as_left_out(text, tmp_path):
    left_out = "Not in the mean: DeepLog <b>|&_x, without bgl_50%."
    assert left_out not in words(text)
    write_study(tmp_path)

    change_cells(tmp_path, lambda cell: None if "DeepLog/bgl" in cell["run"] else cell)
    found = words(study.page(tmp_path))
    # Under the headline, above the ranking, below the tables of three metrics (AUPRC has none of
    # it) and of what the best trivial detector reaches.
    assert found.count(left_out) == 2 + 3 + 1
    assert "so far" not in found  # all that was planned is there


def test_trivial_detectors_have_intervals(tmp_path):
    folder = write_study(tmp_path, trivial={"surprise": GOOD, "all_positive": ALL})
    low, high = mean_f1([np.array(GOOD).T[None]] * 2)[1:]
    text = words(study.page(folder))
    assert f"best trivial detector 0.875 surprise, {low:.3f} to {high:.3f}" in text
    assert f"surprise: 0.875 ({low:.3f} to {high:.3f})" in text


def test_a_leaky_protocol_is_named(tmp_path):
    write_study(tmp_path)
    change_all(tmp_path, "MetaLog/*/*/metrics.json", protocol="paper")
    text = words(study.page(tmp_path))
    assert "Protocol 'paper': the leaky protocol" in text
    assert "Protocol paper, sound, preset small" in text


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_text(tmp_path, name):
    write_study(tmp_path)

    def named(cell: dict) -> dict:
        method = cell["method"].replace("MetaLog", name)
        return cell | {"method": method, "target": cell["target"].replace("hdfs", name)}

    change_cells(tmp_path, named)
    change(tmp_path / "study.json", name=name, command=name)
    elements = Elements(study.write(tmp_path).read_text())
    assert len(elements.attributes("script")) == 1
    assert not elements.attributes("img")
    assert not [at for _, at in elements.found if {"onerror", "onmouseover"} & set(at)]


def test_names_in_a_plot_do_not_cover_each_other():
    places = [(100.0, 100.0), (104.0, 101.0), (103.0, 99.0), (510.0, 100.0)]
    boxes = [(x - 60 if anchor else x, y) for x, y, anchor in study._labels(places, ["n" * 8] * 4)]
    for k, (x, y) in enumerate(boxes):
        assert 0 <= x <= study.WIDTH - 55
        assert all(abs(x - a) > 54 or abs(y - b) >= 13 for a, b in boxes[:k])
