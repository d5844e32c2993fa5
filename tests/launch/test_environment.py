"""The environment that the scripts of `launch/` make for themselves."""

import os
import subprocess
from pathlib import Path


def test_a_python_that_makes_no_environment(tmp_path):
    """Twice: what the first attempt left is no environment."""
    root = Path(__file__).parents[2]
    for name in ("setup.py", "requirements.txt", "requirements-nodeps.txt"):
        (tmp_path / name).write_bytes((root / name).read_bytes())
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n[ $1 = -m ] || exit 0\nmkdir -p .venv/bin\n"
        "printf '#!/bin/sh\\nexit 1\\n' >.venv/bin/python\nchmod +x .venv/bin/python\nexit 1\n"
    )
    python.chmod(0o755)
    script = f"set -euo pipefail; . {root}/launch/environment.sh; make_environment requirements.txt"
    for _ in range(2):
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=os.environ | {"PYTHON": str(python)},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            f"error: {python} cannot make a virtual environment, see above; install what it lacks "
            "(python3-venv on Debian and Ubuntu), or set PYTHON to another one\n"
        )
