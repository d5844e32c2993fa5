"""glx finds anomalies in the logs of a system for which nobody has labelled a single line."""

__version__ = "0.1.0"
