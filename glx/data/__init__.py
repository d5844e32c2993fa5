"""Systems by name: their files read, cut into parts, made on demand."""
