"""Source code to log statements, log statements to templates."""
