"""Everything that talks to a language model; it knows requests and answers, not detectors."""
