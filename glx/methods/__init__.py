"""Published detectors that stand beside ours: small, on the same split, without target labels."""
