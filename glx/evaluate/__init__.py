"""Verdicts and labels to numbers: the only package that may read a target's labels."""
