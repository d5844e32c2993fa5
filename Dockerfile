# The command `glx` as a user of its own; what it keeps (runs, detectors, caches) is below /data.
#   docker build -t glx .
#   docker run --rm glx --help
FROM python:3.12-slim

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1 \
    XDG_CACHE_HOME=/data/cache

WORKDIR /opt/glx
# What takes minutes is first, so that a change of the code repeats none of it.
COPY requirements.txt requirements-nodeps.txt ./
RUN pip install -r requirements.txt && pip install --no-deps -r requirements-nodeps.txt
COPY pyproject.toml setup.py requirements-dev.txt README.md LICENSE ./
COPY glx ./glx
RUN pip install -c requirements.txt ".[agents,serve]"

RUN useradd --create-home --uid 10001 glx && mkdir /data && chown glx:glx /data
USER 10001
WORKDIR /data
ENTRYPOINT ["glx"]
CMD ["--help"]
