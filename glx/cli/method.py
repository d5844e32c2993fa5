r"""Fit a published method beside ours, judge an unlabelled target, write verdicts.

Examples:
  glx method --method=deeplog --target=sim_vms
  glx method --method=logtad --target=hdfs --source=bgl,openstack --data_dir=DIR

Only logtad learns from sources too; the others take none.
"""

from absl.flags import FlagValues

from glx.cli import zerolog
from glx.runs.settings import METHOD_PRESETS


def declare() -> FlagValues:
    """The flags."""
    own = zerolog.declare("METHOD", METHOD_PRESETS)
    del own.target_labels  # no method learns from any
    return own


def work(values: FlagValues) -> None:
    """One run, as the flags have it."""
    zerolog.work(values, values.method or "deeplog", METHOD_PRESETS)
