"""Whole runs: what the commands of `glx.cli` call, and the folders they write."""
