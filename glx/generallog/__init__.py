"""GeneralLog: a router, a knowledge base and an expert on top of ZeroLog (arXiv 2511.05882)."""
