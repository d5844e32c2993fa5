"""What is measured: a module each, with ours, its peers and the workload (`experiments.bench`)."""
