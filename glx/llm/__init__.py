"""Everything that talks to a language model; it knows prompts, not detectors."""
