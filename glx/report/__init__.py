"""A run or a study as one page that opens anywhere, and its tables for papers."""
