"""Template texts to unit vectors."""
