"""Whole runs: what the entry points in `experiments/` call, and the folders they write."""
