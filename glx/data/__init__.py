"""Systems by name: their files parsed into sequences and split; downloads and simulations."""
