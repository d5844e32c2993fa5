"""One place of a cluster that asks the language model, for all workers.

In: the questions of workers. Out: answers. Each distinct question of all workers is asked once,
ever: here is the answer cache, and one call at a time, whose questions go to the server side by
side.
"""

from typing import Any

from glx.detector import Report, silent
from glx.errors import OutsideError
from glx.llm import client
from glx.llm.answer_cache import AnswerCache
from glx.llm.request import Answer, ChoiceTokens, Costs, Request
from glx.llm.server import LLMConfig


class Asker:
    """An actor of Ray on the node of the command, where the answer cache is."""

    def __init__(self, config: LLMConfig):
        self.kept = AnswerCache(config.cache)

    def ask(
        self, requests: list[Request], words: ChoiceTokens, config: LLMConfig
    ) -> tuple[dict[str, Answer], Costs]:
        """Answers by key, and what they cost, as `glx.llm.client.ask` gives them."""
        return client.ask(requests, words, config, self.kept)


def started(ray: Any, config: LLMConfig) -> Any:
    """A handle of the actor, which workers are given."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = ray.get_runtime_context().get_node_id()
    where = NodeAffinitySchedulingStrategy(here, soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=where)(Asker).remote(config)


def through(asker: Any) -> client.Ask:
    """What asks by the actor, in a worker."""

    def ask(
        requests: list[Request],
        words: ChoiceTokens,
        config: LLMConfig,
        cache: AnswerCache,
        report: Report = silent,
    ) -> tuple[dict[str, Answer], Costs]:
        import ray

        try:
            return ray.get(asker.ask.remote(requests, words, config))
        except ray.exceptions.RayTaskError as e:
            raise e.cause from e
        except ray.exceptions.RayError as e:  # its process or its node is gone
            why = str(e).strip().partition("\n")[0]
            raise OutsideError(
                f"--ray: what asks the language model is lost, perhaps for want of memory ({why}); "
                "what is answered and done is kept, and the same command goes on"
            ) from e

    return ask
