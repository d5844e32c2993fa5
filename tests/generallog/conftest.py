"""What the tests of questions to a server share."""

import pytest

from glx.generallog.cache import VerdictCache

pytest.register_assert_rewrite("asking")  # its asserts say what they found, as those of tests


@pytest.fixture
def cache(tmp_path):
    with VerdictCache(tmp_path / "verdicts.sqlite") as cache:
        yield cache
