"""The page of a study, as text: what it says, that it opens unfinished, that names stay text."""

import json
import re

import numpy as np
import pytest
from fake_run import HOSTILE
from folders import GOOD, POOR, write_study
from test_run import Elements

from glx.errors import InputError
from glx.evaluate.intervals import mean_f1
from glx.report import study, study_pictures, tables
from glx.report.compare import differences, scores
from glx.report.results import read_study


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return study.page(write_study(tmp_path_factory.mktemp("study")))


def test_the_page_says_what_came_out(text):
    said = Elements(text).text
    for words in (
        "protocol sound",
        "preset small",
        "seeds 0, 1",
        "19 of 20 cells",
        "1 cell is not finished DeepLog <b>|&_x on bgl_50%, seed 1",
        "best method without labels, F1, so far 0.740 GeneralLog, ",
        "best trivial detector 0.700 surprise",
        "best with a few labels, so far 0.333 MetaLog, 1% labels †, ",
        "F1 of GeneralLog by source and target",
        "Study: 3 methods on hdfs, bgl_50%",
    ):
        assert words in said
    assert "What each part is worth" not in said
    assert "not one split" not in said


def test_a_study_with_a_reference_is_an_ablation(tmp_path):
    said = Elements(study.page(write_study(tmp_path, reference="GeneralLog"))).text
    assert "Ablation of GeneralLog on hdfs, bgl_50%" in said
    assert "most harmful change, so far −0.542 DeepLog <b>|&_x, −" in said
    assert "clear effects, so far 2 worse, 0 better" in said
    assert "F1 minus that of GeneralLog" in said
    assert (
        "best method without labels, F1" not in said
    )  # choosing a variant by its score would be tuning


def test_secrets_of_a_url_are_not_shown(text):
    assert "glx study --llm_url=http://…@host/v1" in text
    assert "secret" not in text


def test_ours_are_told_by_the_plan_and_not_by_their_names(text, tmp_path):
    write_study(tmp_path)
    plan = json.loads((tmp_path / "study.json").read_text())
    for cell in plan["cells"]:
        cell["ours"] = cell["method"].startswith("DeepLog")
    (tmp_path / "study.json").write_text(json.dumps(plan))
    ours = r'class="accent"><title>([^:]+): F1'
    assert re.findall(ours, text) == ["GeneralLog"]
    assert re.findall(ours, study.page(tmp_path)) == ["DeepLog &lt;b&gt;|&amp;_x"]


def test_every_table_can_be_taken_along(text):
    assert text.count("Copy as Markdown") == text.count("Copy as LaTeX") == 6
    assert "| GeneralLog | **0.875** | 0.604 (0.333 to 0.875) | 0.740 |" in text
    assert "GeneralLog &amp; \\textbf{0.875} &amp; 0.604 (0.333 to 0.875) &amp; 0.740 \\\\" in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'data-copy="([^"]+)"', text)) <= set(ids)


def test_fields_lead_to_the_reports_of_runs(tmp_path):
    write_study(tmp_path)
    page = study.write(tmp_path)
    assert page == tmp_path / "study.html"
    links = {at["href"] for tag, at in Elements(page.read_text()).found if tag == "a"}
    assert len(links) == 1 + 9  # GeneralLog from three sets of sources on two targets, the others
    assert all(
        (tmp_path / re.sub("%2B", "+", link).replace("%25", "%")).is_file() for link in links
    )


def test_nothing_is_loaded_and_all_is_named(text):
    found = Elements(text).found
    assert not [at for _, at in found if {"src", "onclick", "onload"} & set(at)]
    assert all(not at["href"].startswith(("http", "//")) for tag, at in found if tag == "a")
    pictures = [at for tag, at in found if tag == "svg"]
    assert len(pictures) == 4  # ranked over all, on each target; cost
    assert all(at["role"] == "img" and at["aria-label"] for at in pictures)


def test_an_unfinished_study_opens(tmp_path):
    write_study(tmp_path)
    for path in tmp_path.glob("cells/*/*/*/metrics.json"):
        path.unlink()
    said = Elements(study.page(tmp_path)).text
    assert "0 of 20 cells" in said
    assert "No method has figures on every target yet." in said


def test_a_study_without_any_figure_opens(tmp_path):
    """A target whose test part holds no anomaly: nothing is defined there."""
    write_study(tmp_path, reference="GeneralLog")
    for path in tmp_path.glob("cells/*/bgl*/*/metrics.json"):
        figures = json.loads(path.read_text())
        undefined = dict.fromkeys(["f1", "auprc", "auroc", "oracle_f1", "supervised_ceiling"])
        figures["baselines"] = {
            name: dict.fromkeys(b) | {"f1_interval": [None, None]}
            for name, b in figures["baselines"].items()
        }
        path.write_text(json.dumps(figures | undefined))
        blocks = {"tp": [0, 0], "fp": [1, 0], "fn": [0, 0]}
        (path.parent / "figures.json").write_text(json.dumps({"blocks": blocks}))
    said = Elements(study.page(tmp_path)).text
    assert "GeneralLog 0.875 - -" in said
    assert "No method has figures on every target yet." in said


def test_a_method_that_lacks_a_target_is_said_to_be_left_out(text, tmp_path):
    left_out = "Not in the mean: DeepLog <b>|&_x, without bgl_50%."
    assert left_out not in Elements(text).text
    folder = write_study(tmp_path)
    plan = json.loads((folder / "study.json").read_text())
    plan["cells"] = [
        cell
        for cell in plan["cells"]
        if not (cell["method"].startswith("DeepLog") and cell["target"] == "bgl_50%")
    ]
    (folder / "study.json").write_text(json.dumps(plan))
    said = Elements(study.page(folder)).text
    # Under the headline, above the ranking, below the tables of four figures; AUPRC has none of it.
    assert said.count(left_out) == 2 + 3
    assert "so far" not in said  # all that was planned is there
    table = tables.leave_one_out(read_study(folder))
    assert [row[0].text for row in table.groups[0]][1] == "DeepLog <b>|&_x"


def test_trivial_detectors_have_intervals_where_their_blocks_are_kept(text, tmp_path):
    folder = write_study(tmp_path, beside={"surprise": GOOD, "all_positive": POOR})
    said = Elements(study.page(folder)).text
    low, high = mean_f1([np.array(GOOD).T[None]] * 2)[1:]
    assert f"best trivial detector 0.875 surprise, {low:.3f} to {high:.3f}" in said
    assert f"surprise: 0.700 ({low:.3f} to {high:.3f})" in said
    assert "F1 minus that of the best trivial detector" in said
    assert "F1 minus that of the best trivial detector" not in Elements(text).text


def test_seconds_are_said_to_be_rough(text):
    # The picture, the note of the table, and that of its two copies.
    rough = "Seconds are rough: cells may run side by side, and the first of a process compiles."
    assert Elements(text).text.count(rough) == 4


def test_a_leaky_protocol_is_said_aloud(tmp_path):
    write_study(tmp_path)
    for path in tmp_path.glob("cells/MetaLog/*/*/metrics.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"protocol": "paper"}))
    text = study.page(tmp_path)
    assert "Protocol 'paper': the leaky protocol of the literature" in Elements(text).text
    assert "Protocol paper, sound, preset small" in Elements(text).text


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_text(tmp_path, name):
    write_study(tmp_path)
    plan = json.loads((tmp_path / "study.json").read_text())
    for cell in plan["cells"]:
        cell["method"] = cell["method"].replace("MetaLog", name)
        cell["target"] = cell["target"].replace("hdfs", name)
    plan |= {"name": name, "command": name}
    (tmp_path / "study.json").write_text(json.dumps(plan))
    text = study.write(tmp_path).read_text()
    elements = [tag for tag, _ in Elements(text).found]
    assert elements.count("script") == 1
    assert "img" not in elements
    assert not [at for _, at in Elements(text).found if {"onerror", "onmouseover"} & set(at)]


def test_a_folder_without_a_study(tmp_path):
    with pytest.raises(InputError, match="no study"):
        study.write(tmp_path)
    assert not list(tmp_path.iterdir())


def test_differences_lie_around_zero(tmp_path):
    folder = read_study(write_study(tmp_path, reference="GeneralLog"))
    pictures = study_pictures.forest(folder, differences(folder))
    assert [picture.heading for picture in pictures] == ["Mean over targets", *folder.targets]


def test_names_in_a_plot_do_not_cover_each_other():
    places = [(100.0, 100.0), (104.0, 101.0), (103.0, 99.0), (510.0, 100.0)]
    boxes = [
        (x - 60 if anchor else x, y)
        for x, y, anchor in study_pictures._labels(places, ["n" * 8] * 4)
    ]
    for k, (x, y) in enumerate(boxes):
        assert 0 <= x <= study_pictures.WIDTH - 55
        assert all(abs(x - a) > 54 or abs(y - b) >= 13 for a, b in boxes[:k])


def test_a_cost_that_hardly_anybody_has_is_no_picture(tmp_path):
    folder = read_study(write_study(tmp_path))
    found = scores(folder)
    assert study_pictures.cost(folder, found, "llm_tokens_in", "LLM tokens") is None
    assert study_pictures.cost(folder, found, "wall_seconds", "seconds")
