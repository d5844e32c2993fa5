"""A process that times one thing: `measure.py` starts it and asks for repeats on its input.

    python -m experiments.benchmarks.worker MODULE:FUNCTION JSON_ARGUMENTS

Out, a line of JSON each: first `amount`, then for every line of input `seconds` and `peak`, the
peak memory so far in 10^6 bytes. Whatever else is printed goes to standard error.
"""

import json
import sys
import time

from experiments.benchmarks.measure import Call
from glx.runs.memory import forget_peak, peak_memory_mb


def main(function: str, arguments: str) -> None:
    """Prepare, then repeat until the input ends."""
    out, sys.stdout = sys.stdout, sys.stderr
    ready = Call(function, json.loads(arguments)).prepare()
    forget_peak()
    print(json.dumps({"amount": ready.amount}), file=out, flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        ready.run()
        seconds = time.perf_counter() - began
        print(json.dumps({"seconds": seconds, "peak": peak_memory_mb()}), file=out, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
