"""Workers of a cluster ask a language model what one process asks, each distinct question once."""

from collections import Counter
from pathlib import Path

import pytest
from faulty import Faulty
from tiny_chats import tiny_model

from glx.cli.main import main
from glx.cluster.asker import started, through
from glx.errors import OutsideError
from glx.llm.answer_cache import AnswerCache
from glx.llm.request import ChoiceTokens
from glx.llm.server import LLMConfig


def said(prompt: str) -> tuple[float, float]:
    return (-2.0, -0.2) if "refused" in prompt else (-0.1, -3.0)


def detect(server: Faulty, detector: Path, logs: Path, out: Path, *more: str) -> int:
    tokenizer = tiny_model("chatml", out.with_suffix(".tokenizer"))
    asking = (
        *("--expert=vllm", f"--llm_url={server.url}", "--llm_model=tiny", "--llm_patience=5"),
        *(f"--llm_tokenizer={tokenizer}", f"--cache={out.with_suffix('.sqlite')}"),
    )
    given = (f"--detector={detector}", f"--logs={logs}", f"--out={out}")
    return main(["detect", *given, *asking, *more])


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")  # Ray warns of what it does itself
def test_each_distinct_question_of_all_workers_is_asked_once(
    cluster, detector, logs, tmp_path, monkeypatch
):
    if len(cluster.list_all_nodes()) < 2:
        cluster.add_node(num_cpus=1, object_store_memory=200 << 20)
    with Faulty(said=said) as server:
        assert detect(server, detector, logs, tmp_path / "one") == 0
        asked = Counter(server.answered)
    with Faulty(said=said) as server:
        ray = f"--ray={cluster.address}"
        monkeypatch.chdir(tmp_path)  # where no node works
        assert detect(server, detector, logs, Path("many"), ray) == 0
        assert Counter(server.answered) == asked
    assert len(asked) > 3
    with AnswerCache(tmp_path / "many.sqlite") as kept:
        assert len(kept) >= len(asked)
    assert set(asked.values()) == {1}
    files = (tmp_path / "many/verdicts").iterdir()
    found = Counter(line for file in files for line in file.read_text().splitlines())
    assert found == Counter((tmp_path / "one").read_text().splitlines())


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")
def test_a_lost_asker_is_told_as_outside(cluster):
    import ray

    config = LLMConfig(cache="")
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        asker = started(ray, config)
        ray.kill(asker)
        with pytest.raises(OutsideError, match="--ray"):
            through(asker)([], ChoiceTokens(0, 1, 2), config, AnswerCache(""))
    finally:
        ray.shutdown()
