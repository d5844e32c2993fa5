"""The command line: settings as flags, one module for each command of `glx`."""
