"""Packaging of glx. Versions of the default CPU set are pinned in requirements.txt."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def pinned(name: str) -> list[str]:
    lines = (HERE / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


FAISS_CPU = "faiss-cpu==1.15.1"
CORE = [line for line in pinned("requirements.txt") if line != FAISS_CPU]

setup(
    name="glx",
    version="0.1.0",
    description="Anomalies in the logs of a system for which nobody has labelled a single line",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["glx", "glx.*"]),
    package_data={"glx.report": ["*.html", "*.js"], "glx.embed": ["primer.csv", "reader.npz"]},
    entry_points={"console_scripts": ["glx = glx.__main__:main"]},
    install_requires=[line.replace("==", "~=") for line in CORE],
    extras_require={
        "gpu": ["jax[cuda13]"],
        "tpu": ["jax[tpu]"],
        "faiss-cpu": [FAISS_CPU],
        "faiss-gpu": ["faiss-gpu-cu12"],
        "agents": ["mcp==2.3.0"],
        "serve": ["starlette==1.10.0", "uvicorn==0.54.0"],
        "wandb": ["wandb>=0.31,<1"],
        "ray": ["ray[data]==2.60.0"],
        "dev": pinned("requirements-dev.txt"),
    },
)
