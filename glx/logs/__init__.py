"""Raw text to lines, lines to templates and sequences."""
