r"""Judge lines that are posted, and show what was flagged by cause: a service over HTTP.

Examples:
  glx serve --detector=runs/first/checkpoint
  curl --data-binary @new.log 'localhost:8080/detect?anomalous=true'
  curl 'localhost:8080/causes?format=text'
  glx serve --detector=DIR --host=0.0.0.0 --token_file=token.txt

POST /detect judges the lines of its body as a log of its own, at whose end sessions end; GET
/causes, /causes/ID, / (a page) show what was flagged, /healthz that it answers. Only this machine
is answered unless --host names another address; then a client must send `Authorization: Bearer` and
the token. SIGTERM and Ctrl-C end it once what waits is answered.
"""

import os
import sys

from absl.flags import FlagValues

from glx.cli.flags import add, define, given
from glx.data.load import REDACT, DataConfig
from glx.errors import InputError, OutsideError
from glx.files import given_path
from glx.generallog.experts import ExpertConfig
from glx.redact import mask_of
from glx.report import remarks
from glx.runs.compilation import keep_compilations
from glx.runs.detect import digest
from glx.runs.detectors import folder_of
from glx.terminal import tell
from glx.watch.metrics import Metrics

EXTRA = ("starlette", "uvicorn")


def declare() -> FlagValues:
    """The flags."""
    own = FlagValues()
    add(own, "string", "detector", None, "A finished run, or the `checkpoint` folder in it.")
    about = "Address to answer at; for any that is not of this machine alone a token is needed."
    add(own, "string", "host", "127.0.0.1", about)
    about = "Port to answer at; 0 for any that is free."
    add(own, "integer", "port", 8080, about, lower_bound=0, upper_bound=65535)
    about = "File of the token that clients must send; without it that of GLX_TOKEN, if it is set."
    add(own, "string", "token_file", None, about)
    about = "Bytes of a body, as it is sent and unpacked, at most."
    add(own, "integer", "max_body", 16 << 20, about, lower_bound=1, upper_bound=1 << 30)
    about = "Requests that wait or are judged at most; more are told to come again."
    add(own, "integer", "queue", 16, about, lower_bound=1, upper_bound=1000)
    add(own, "string", "session", None, "Session rule, where it is not the one of the fitted logs.")
    about = "Lines in a window, or a span of time as 5m, where not as in the fitted logs."
    add(own, "string", "window", None, about)
    about = "Seconds of log time, or a span as 5m, after whose silence a session ends."
    add(own, "string", "idle", "3600", about)
    add(own, "boolean", "redact", True, REDACT)
    define(own, ExpertConfig)
    return own


def work(values: FlagValues) -> None:
    """Serve until the process is asked to end."""
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as e:
        raise OutsideError(
            f"{e.name} cannot be loaded ({e}); install glx with the extra serve"
        ) from e
    from glx.serve.app import Bounds, Service
    from glx.serve.guard import VARIABLE, token_of
    from glx.serve.judge import Judge
    from glx.serve.server import is_local, listening, serve, url_of

    if not values.detector:
        raise InputError("--detector: missing; see --help")
    folder = folder_of(values.detector)
    said = remarks.path_of(folder)
    remarks.read(said)
    file = None if values.token_file is None else given_path(values.token_file)
    token = token_of(file, os.environ.get(VARIABLE))
    with listening(values.host, values.port) as opened:
        if token is None and not is_local(opened):
            raise InputError(
                f"--host={values.host}: others reach it, and there is no token; give --token_file"
                f" or set {VARIABLE}"
            )
        keep_compilations(DataConfig())
        judge = Judge(
            folder,
            session=values.session,
            window=values.window,
            idle=values.idle,
            mask=mask_of(values.redact),
            expert=given(values, ExpertConfig),
            say=lambda text: tell(text, sys.stderr),
        )
        bounds = Bounds(values.max_body, values.queue)
        metrics, title = Metrics((digest(folder) or "")[:12]), folder.resolve().parent.name
        service = Service(judge, metrics, said, title, bounds, token)
        tell(f"{url_of(opened)}: ready", sys.stderr)
        serve(service.app, opened)
        tell(f"ended; {service.kept.judged:,} sequences judged", sys.stderr)
