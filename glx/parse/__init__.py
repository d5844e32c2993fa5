"""Raw bytes to lines, lines to template ids."""
