"""The service that is measured answers, and ends with who measures it."""

import time
from contextlib import suppress
from pathlib import Path

import fitted_shop
import shop

from experiments.benchmarks import serve
from experiments.benchmarks.measure import Call, Case, measure
from experiments.benchmarks.settings import Settings


def test_lines_are_posted_to_a_service_that_ends(tmp_path):
    detector = fitted_shop.save(tmp_path)
    given = {"detector": str(detector), "log": str(tmp_path / "shop.log"), "lines": 50, "size": 20}
    ours = Call(f"{serve.HERE}:posted", given)
    (row,) = measure(Case("serve", "shop", "lines/s", ours, repeats=1), 1)
    assert row.ours > 0
    assert shop.LOG.count(b"\n") > 50
    flag, ends = f"--detector={detector}", time.monotonic() + 20

    def there() -> bool:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # it has ended
                if flag.encode() in path.read_bytes():
                    return True
        return False

    while there():
        assert time.monotonic() < ends
        time.sleep(0.1)


def test_without_real_sequences_there_is_no_case(tmp_path):
    assert list(serve.cases(Settings(None, True, tmp_path))) == []
