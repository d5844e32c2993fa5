"""ZeroLog (arXiv 2511.05862): sequences and template vectors to scores."""
