"""Logs that one machine does not hold, and studies that one would take days for, on Ray."""
