"""Where compiled programs are kept."""

import jax

from glx.data.load import DataConfig
from glx.runs.compilation import keep_compilations


def test_programs_are_kept_in_the_cache_folder_unless_that_is_chosen(tmp_path):
    before = jax.config.jax_compilation_cache_dir
    keep_compilations(DataConfig(cache_dir=str(tmp_path)))
    assert jax.config.jax_compilation_cache_dir == before is not None
    jax.config.update("jax_compilation_cache_dir", None)
    keep_compilations(DataConfig(cache_dir=str(tmp_path)))
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "compiled")
    jax.config.update("jax_compilation_cache_dir", before)
