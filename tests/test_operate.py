"""docs/operate.md, as somebody follows it: its commands, from top to bottom, and its snippets."""

import configparser
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from glx.cli.detect import declare
from glx.cli.flags import run

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "operate.md").read_text()
COMMANDS = [
    re.sub(r"\\\n +", "", found)
    for found in re.findall(r"^    ((?:glx|curl) (?:.*\\\n)*.*)$", PAGE, re.M)
]
CARRIER, LEDGER = "connection to the carrier was lost", "ledger is corrupt, payment refused"
PATIENCE = 180.0  # seconds, as other tests may have the machine
# Little is trained: no step of the page depends on it, and the target's own habits decide.
LITTLE = " --steps=4 --sim_lines=3000 --nosecond_order --max_events=12"


def snippets(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.M | re.S)


def orders(hour: int, n: int, faults: dict[int, str]) -> str:
    """Lines of `n` orders from that hour on, of which some end with an error."""
    out = []
    for i in range(n):
        start = f"2024-05-01 {hour:02}:{i // 60:02}:{i % 60:02}"
        of = f"order={hour:02}x{i:04}"
        for text in (f"created by user {i % 7}", f"reserved in depot {i % 3}", f"paid {i} cents"):
            out.append(f"{start} INFO {of} {text}")
        last = f"ERROR {of} {faults[i]}" if i in faults else f"INFO {of} sent by carrier {i % 4}"
        out.append(f"{start} {last}")
    return "\n".join(out) + "\n"


def wait_for(when: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not when():
        assert time.monotonic() < end, what
        time.sleep(0.05)


class Shop:
    """The folder in which the page is followed, and the Alertmanager that it tells.

    Attributes:
      alerted: texts and ids of the causes that were sent, in their order.
      started: what runs in the background, by its command.
    """

    def __init__(self, folder: Path, server: ThreadingHTTPServer, alerted: list[dict]):
        self.folder, self.alerted, self.started = folder, alerted, {}
        self.log = folder / "logs" / "shop.log"
        self.ports = {"9093": str(server.server_port), "9464": free_port(), "8080": free_port()}
        tools = folder / "bin"
        tools.mkdir()
        python = shlex.quote(sys.executable)
        (tools / "glx").write_text(f'#!/bin/sh\nexec {python} -m glx "$@"\n')
        (tools / "glx").chmod(0o755)
        self.environment = os.environ | {
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
            "NO_PROXY": "127.0.0.1",
        }

    def run(self, command: str, given: str | None = None) -> str:
        """What a command prints."""
        done = subprocess.run(
            ["/bin/sh", "-c", self._own(command)],
            cwd=self.folder,
            env=self.environment,
            input=given or "",
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def start(self, command: str) -> None:
        said = (self.folder / f"said{len(self.started)}").open("w")
        with said:
            self.started[command] = subprocess.Popen(
                ["/bin/sh", "-c", "exec " + self._own(command.removesuffix(" &"))],
                cwd=self.folder,
                env=self.environment,
                stdout=said,
                stderr=said,
            )

    def _own(self, command: str) -> str:
        """A command with ports that are free, and the first cause where one is asked for."""
        for port, own in self.ports.items():
            command = command.replace(port, own)
        if "CAUSE" in command:
            causes = json.loads(self.run("glx causes found.jsonl --format=json"))["causes"]
            command = command.replace("CAUSE", causes[0]["id"])
        return command + LITTLE if command.startswith("glx generallog") else command

    def append(self, lines: str) -> None:
        with self.log.open("a") as file:
            file.write(lines)

    def verdicts(self, name: str) -> list[dict]:
        path = self.folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def flagged(self) -> Counter:
        """The causes in `found.jsonl`."""
        rows = self.verdicts("found.jsonl")
        return Counter(row["cause"]["text"] for row in rows if row["anomalous"])


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


@pytest.fixture
def shop(tmp_path) -> Iterator[Shop]:
    alerted: list[dict] = []

    class Alertmanager(BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == "/api/v2/alerts"
            alerted.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Nothing on the terminal of the tests."""

    (tmp_path / "logs").mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), Alertmanager) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        there = Shop(tmp_path, server, alerted)
        yield there
        for process in there.started.values():
            process.kill()
            process.wait()
        server.shutdown()
        thread.join()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page calls curl")
def test_the_page_is_followed(shop):
    shop.append(orders(8, 300, dict.fromkeys(range(3, 300, 59), CARRIER)))
    told = {}
    for command in COMMANDS:
        if not command.endswith(" &"):
            told[command] = shop.run(command)
            continue
        shop.start(command)
        if "--alert_url" in command:
            shop.append(orders(10, 9, {3: LEDGER, 5: LEDGER, 7: CARRIER}))
            shop.append(orders(12, 1, {}))  # an hour later the orders before are over
            wait_for(lambda: len(shop.alerted) == 2, "alerts")
            wait_for(lambda: len(shop.verdicts("found.jsonl")) == 309, "verdicts")
    of = {one["labels"]["cause"]: one["annotations"]["summary"] for one in shop.alerted}
    assert sorted(LEDGER in text for text in of.values()) == [False, True]
    assert sum(CARRIER in text for text in of.values()) == 1

    def metrics(of_port: str) -> dict[tuple, float]:
        (text,) = [told[one] for one in told if one.endswith(f":{of_port}/metrics")]
        return values(text)

    flagged = {id_: 2 if LEDGER in text else 7 for id_, text in of.items()}
    for port in ("9464", "8080"):
        found = metrics(port)
        assert {id_: sum(n for key, n in found.items() if id_ in key) for id_ in of} == flagged
    causes = [text for one, text in told.items() if one.startswith("glx causes")]
    assert len(causes) == 2
    assert all(LEDGER in text and CARRIER in text for text in causes)

    # A cause that is muted, and one that was told, are not told again.
    shop.append(orders(14, 9, {3: LEDGER, 5: CARRIER}) + orders(16, 1, {}))
    wait_for(lambda: sum(shop.flagged().values()) == 11, "later verdicts")
    # The last order of all is open still.
    wait_for(lambda: len(shop.verdicts("found.otlp.jsonl")) == 319, "log records")
    (settings,) = map(json.loads, snippets("json"))
    agent = settings["mcpServers"]["glx"]
    assert "serverInfo" in shop.run(shlex.join([agent["command"], *agent["args"]]), HELLO)
    (scrape,) = [one for one in COMMANDS if "9464/metrics" in one]
    muted = [n for key, n in values(shop.run(scrape)).items() if "true" in key]
    assert muted == [1]
    for command, process in shop.started.items():
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == (0 if command.startswith("glx serve") else 130), command
    assert len(shop.alerted) == 2


HELLO = (
    '{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": '
    '"2024-11-05", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}\n'
)


def values(text: str) -> dict[tuple, float]:
    """Samples by their name and the values of their labels."""
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples]
    return {(one.name, *one.labels.values()): one.value for one in samples}


def test_its_yaml_names_what_there_is():
    prometheus, rules, alertmanager, collector = map(yaml.safe_load, snippets("yaml"))
    assert prometheus["scrape_configs"][0]["static_configs"][0]["targets"] == ["127.0.0.1:9464"]
    source = (ROOT / "glx" / "watch" / "metrics.py").read_text()
    asked = [rule["expr"] for rule in rules["groups"][0]["rules"]]
    for name in re.findall(r"\bglx_(\w+?)(?:_total)?\b", " ".join(asked)):
        assert re.search(rf'"(glx_)?{name}"', source), name
    assert alertmanager["route"]["receiver"] in [one["name"] for one in alertmanager["receivers"]]
    (pipeline,) = collector["service"]["pipelines"].values()
    for part in ("receivers", "exporters"):
        assert set(pipeline[part]) == set(collector[part])


def test_its_unit_gives_flags_that_there_are():
    unit = configparser.ConfigParser(interpolation=None)
    (text,) = snippets("ini")
    unit.read_string(text)
    program, command, *flags = shlex.split(unit["Service"]["ExecStart"])
    assert (Path(program).name, command) == ("glx", "detect")
    seen = []
    assert run(lambda given: seen.append(given), declare(), "", [command, *flags]) == 0
    (watching,) = [one for one in COMMANDS if "--alert_url" in one]
    assert shlex.split(watching.removesuffix(" &")) == ["glx", command, *flags]
