"""What the tests of questions to a server share."""

import pytest

from glx.llm.answer_cache import AnswerCache

pytest.register_assert_rewrite("asking")  # its asserts say what they found, as those of tests


@pytest.fixture
def cache(tmp_path):
    with AnswerCache(tmp_path / "verdicts.sqlite") as cache:
        yield cache
