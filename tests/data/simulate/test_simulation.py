"""The simulated systems: reproducible, well formed, and neither trivial nor impossible to judge."""

import csv
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import cross_val_predict

from glx.data.simulate import SYSTEMS, SimConfig, Simulation, simulate, write
from glx.data.simulate.grammar import cut, drop, insert, maybe, swap, times, unroll
from glx.errors import InputError

NAMES = list(SYSTEMS)
SESSIONS = ["sim_blocks", "sim_vms"]
HEADER = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d[ T-]\d\d[.:]\d\d[.:]\d\d[.,]\d+)Z? (?P<host>\S+ )?"
    r"(RAS (?P<part>[A-Z]+) )?(?P<level>[A-Z]+) (?P<text>.+)"
)
WINDOW = 20
# windows of the stream are only partly anomalous, so a forest needs more of them to learn from
LINES = {"sim_blocks": 40_000, "sim_vms": 40_000, "sim_ras": 80_000}


@pytest.fixture(scope="module")
def simulations() -> dict[str, Simulation]:
    return {name: simulate(SimConfig(name, LINES[name])) for name in NAMES}


def units(simulation: Simulation) -> tuple[np.ndarray, np.ndarray]:
    """`<int64>[lines]` session or window of each line, and `<int64>[N]` their labels."""
    pattern = SYSTEMS[simulation.system].session
    if pattern is None:
        rows = np.arange(len(simulation.lines)) // WINDOW
        return rows, np.bincount(rows, simulation.labels).astype(bool).astype(np.int64)
    keys = [re.findall(pattern, line) for line in simulation.lines]
    index = {key: i for i, key in enumerate(simulation.labels)}
    assert all(len(key) == 1 for key in keys)
    rows = np.array([index[key[0]] for key in keys])
    return rows, np.array(list(simulation.labels.values()))


GOLDEN = {  # the files of 2,000 lines by seed 3: a change makes earlier results incomparable
    "sim_blocks": "e2d7925118592599",
    "sim_vms": "b4a8b6e0c41a2ba7",
    "sim_ras": "f5e7e5b13c222f0d",
}


def written(folder: Path) -> str:
    """A hash of the files in a folder."""
    files = b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
    return hashlib.sha256(files).hexdigest()[:16]


@pytest.mark.parametrize("name", NAMES)
def test_equal_settings_give_equal_bytes_and_the_seed_matters(name, tmp_path):
    write(SimConfig(name, lines=2000, seed=3), tmp_path / "a")
    write(SimConfig(name, lines=2000, seed=4), tmp_path / "b")
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == [f"{name}.{suffix}" for suffix in ("faults.csv", "labels.csv", "log")]
    assert written(tmp_path / "a") == GOLDEN[name] != written(tmp_path / "b")


@pytest.mark.parametrize("name", NAMES)
def test_the_files_hold_the_simulation(name, tmp_path):
    simulation = write(SimConfig(name, lines=3000), tmp_path)
    assert (tmp_path / f"{name}.log").read_text().splitlines() == simulation.lines
    labels = (tmp_path / f"{name}.labels.csv").read_text().splitlines()
    if name == "sim_ras":
        assert labels == ["line,label", *(f"{i},{y}" for i, y in enumerate(simulation.labels))]
    else:
        assert labels == ["key,label", *(f"{key},{y}" for key, y in simulation.labels.items())]
    with (tmp_path / f"{name}.faults.csv").open() as file:
        planted = list(csv.DictReader(file))
    assert [row["fault"] for row in planted] == [fault.fault for fault in simulation.faults]
    assert set(planted[0]) == {"key", "first_line", "last_line", "fault", "scope"}


@pytest.mark.parametrize("name", NAMES)
def test_every_line_has_time_level_and_text_and_time_never_runs_back(name, simulations):
    parsed = [HEADER.fullmatch(line) for line in simulations[name].lines]
    assert all(parsed)
    # Each system has one format of times, of fixed width, so that they sort as texts.
    times = [match["time"] for match in parsed]
    assert times == sorted(times)
    assert len(set(map(len, times))) == 1
    levels = {"FATAL", "ERROR", "WARN", "WARNING", "INFO"}
    assert {event.level for event in SYSTEMS[name].events.values()} <= levels


@pytest.mark.parametrize("name", NAMES)
def test_the_share_of_anomalies_and_the_length_are_as_asked(name, simulations):
    simulation = simulations[name]
    labels = simulation.labels
    share = np.mean(labels if name == "sim_ras" else list(labels.values()))
    assert share == pytest.approx(0.04, abs=0.005)
    longer = len(simulation.lines) - LINES[name]
    assert longer == 0 if name == "sim_ras" else 0 <= longer < 100


@pytest.mark.parametrize("name", SESSIONS)
def test_sessions_overlap(name, simulations):
    rows, _ = units(simulations[name])
    assert np.mean(rows[1:] != rows[:-1]) > 0.8


@pytest.mark.parametrize("name", NAMES)
def test_planted_faults_are_the_labels(name, simulations):
    simulation = simulations[name]
    if name == "sim_ras":
        assert all(simulation.labels[f.first_line] == 1 for f in simulation.faults)
        covered = np.zeros(len(simulation.lines), dtype=bool)
        for fault in simulation.faults:
            covered[fault.first_line : fault.last_line + 1] = True
        assert covered[simulation.labels == 1].all()
    else:
        anomalous = {key for key, label in simulation.labels.items() if label}
        assert {fault.key for fault in simulation.faults} == anomalous
        assert all(fault.key in simulation.lines[fault.first_line] for fault in simulation.faults)


@pytest.mark.parametrize("name", NAMES)
def test_every_fault_occurs_in_both_halves(name, simulations):
    simulation = simulations[name]
    half = len(simulation.lines) // 2
    kinds = {fault.name for fault in SYSTEMS[name].faults}
    assert {f.fault for f in simulation.faults if f.last_line < half} == kinds
    assert {f.fault for f in simulation.faults if f.first_line >= half} == kinds


def test_six_faults_are_shared_and_the_others_are_of_one_system(simulations):
    kinds = [{fault.name for fault in system.faults} for system in SYSTEMS.values()]
    shared = set.intersection(*kinds)
    assert len(shared) == 6
    assert len(set.union(*kinds)) == 6 + sum(len(names - shared) for names in kinds)
    for fault in simulations["sim_vms"].faults:
        assert (fault.scope == "shared") == (fault.fault in shared)


@pytest.mark.parametrize("name", NAMES)
def test_no_keyword_solves_it_but_event_counts_do(name, simulations):
    simulation = simulations[name]
    rows, labels = units(simulation)
    words = re.compile(r" (ERROR|FATAL) |error|fail|exception|fatal|timeout|timed out", re.I)
    keyword = np.zeros(len(labels), dtype=bool)
    keyword[rows[[bool(words.search(line)) for line in simulation.lines]]] = True
    assert 0.05 < f1_score(labels, keyword) < 0.5

    masked = [re.sub(r"\S*\d\S*|req-\w+|\b[a-f]{8}\b", "*", line) for line in simulation.lines]
    _, events = np.unique(masked, return_inverse=True)
    counts = np.zeros((len(labels), events.max() + 1))
    np.add.at(counts, (rows, events), 1)
    forest = RandomForestClassifier(100, random_state=0)
    assert f1_score(labels, cross_val_predict(forest, counts, labels, cv=5)) > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_tables_are_sound(name):
    """Every event is reachable, no text lacks its key or values, every fault has what it edits."""
    system = SYSTEMS[name]
    assert 20 <= len(system.events) <= 45
    workloads = {workload.name for workload in system.workloads}
    for fault in system.faults:
        assert bool(fault.edits) != bool(fault.burst)
        assert set(fault.workloads) <= workloads
    if system.session:
        assert all("{key}" in event.text for event in system.events.values())
    many = simulate(SimConfig(name, 60_000, seed=1, anomaly_share=0.3))
    texts = [re.sub(r"\{\w+\}", "\0", event.text) for event in system.events.values()]
    patterns = [re.compile(re.escape(text).replace("\0", ".+")) for text in texts]
    unseen = {p.pattern for p in patterns if not any(p.search(line) for line in many.lines)}
    assert not unseen


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sim_blocks", "recompressed"),
        ("sim_vms", "guest agent reports"),
        ("sim_ras", "firmware"),
    ],
)
def test_a_benign_event_appears_in_the_second_half_only(name, text, simulations):
    lines = simulations[name].lines
    where = [i for i, line in enumerate(lines) if text in line]
    assert len(where) > 50
    assert min(where) >= len(lines) // 2 - 200


def test_without_anomalies_there_are_none():
    simulation = simulate(SimConfig("sim_vms", lines=2000, anomaly_share=0.0))
    assert simulation.faults == []
    assert not any(simulation.labels.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [("system", "sim_disks"), ("lines", 0), ("anomaly_share", 0.7), ("seed", -1)],
)
def test_wrong_settings_are_refused(name, value):
    with pytest.raises(InputError, match=f"--{name}={value}: "):
        simulate(replace(SimConfig("sim_blocks"), **{name: value}))


class Fixed:
    """A generator that always draws 0.5."""

    def random(self) -> float:
        return 0.5


def test_a_grammar_unrolls_in_order():
    late = maybe(1.0, "late", since=0.9)
    node = ("a", maybe(0.6, "b"), maybe(0.4, "never"), late, times(2, 3, "c"))
    steps = unroll(node, 10.0, pace=1.0, share=0.5, rng=Fixed())
    assert [event for _, event in steps] == ["a", "b", "c", "c", "c"]
    gaps = np.diff([10.0, *(time for time, _ in steps)])
    assert gaps == pytest.approx(np.full(5, np.log(2)))


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (drop("b"), ["a", "c", "a"]),
        (cut("b"), ["a", "b"]),
        (swap("a", "c"), ["c", "b", "a", "a"]),
        (insert("b", ("x", "x")), ["a", "b", "x", "x", "c", "a"]),
        (insert("b", maybe(0.1, "x")), ["a", "b", "c", "a"]),
    ],
)
def test_edits(edit, expected):
    steps = [(1.0, "a"), (2.0, "b"), (3.0, "c"), (4.0, "a")]
    edited = edit(steps, 1.0, Fixed())
    assert [event for _, event in edited] == expected
    assert edited == sorted(edited, key=lambda step: step[0])
    with pytest.raises(ValueError, match="'z'"):
        drop("z")(steps, 1.0, Fixed())
