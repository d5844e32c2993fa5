"""Requests as an OpenAI batch file, and the answers of whoever worked it off.

In: requests; later the responses, say of `vllm run-batch -i prompts.jsonl -o responses.jsonl`. Out:
the same answers as over HTTP with the chat endpoint. A line's `custom_id` is its request's key.
"""

import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from glx.errors import InputError
from glx.llm import wire
from glx.llm.request import Answer, ChoiceTokens, Request

ENDPOINT = "/v1/chat/completions"


def write(requests: list[Request], path: Path) -> None:
    """One line for each distinct request, in order; `path` is there only when it is whole."""
    distinct = {request.key: request for request in requests}
    new = path.with_name(path.name + ".new")
    with new.open("w", encoding="ascii") as file:
        for key, request in distinct.items():
            line = {"custom_id": key, "method": "POST", "url": ENDPOINT}
            file.write(json.dumps(line | {"body": wire.chat_body(request)}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def read(
    path: Path, requests: list[Request], words: ChoiceTokens, known: Collection[str] = ()
) -> dict[str, Answer]:
    """The answer to each of `requests`, by key, whatever the order of the lines.

    A line with an error is an abstention. Where a request has several lines the last one counts;
    lines of other requests are passed over.

    Args:
      known: keys of requests that need no line.

    Raises:
      InputError: no such file, a line that is no response, or a request without one.
    """
    wanted = {request.key: request for request in requests}
    answers = {}
    for number, line in lines(path):
        key = line.get("custom_id")
        if not isinstance(key, str):
            raise InputError(f"{path}: line {number}: no custom_id; give the responses to the file")
        if key in wanted:
            answers[key] = to_answer(line, wanted[key], words)
    missing = [key for key in wanted if key not in answers and key not in known]
    if missing:
        raise InputError(
            f"{path}: {len(missing)} of {len(wanted)} responses are missing (the first:"
            f" {missing[0]}); give the whole file of responses to this run's prompts.jsonl"
        )
    return answers


def to_answer(line: dict[str, Any], request: Request, words: ChoiceTokens) -> Answer:
    """The answer on one line of responses; an abstention where there is none."""
    response = line.get("response")
    if line.get("error") or not isinstance(response, dict):
        return wire.NO_ANSWER
    if response.get("status_code", 200) != 200:
        return wire.NO_ANSWER
    try:
        return wire.read_answers(response.get("body"), [request], words)[request.key]
    except (ValueError, KeyError):
        return wire.NO_ANSWER


def lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSONL file with the numbers of their lines, from 1; empty lines are none."""
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if raw.strip():
                    value = json.loads(raw)
                    if not isinstance(value, dict):
                        raise ValueError
                    yield number, value
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); see --responses") from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: line {number}: not a JSON object; the file may be cut off, give the whole of"
            " the responses"
        ) from error
