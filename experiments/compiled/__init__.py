"""glx's programs, compiled for accelerators that are not here (`experiments.compile`)."""
