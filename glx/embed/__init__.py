"""Template texts to unit vectors: `embed(texts, config)`."""
