"""What is said to STS and what its answers mean, without input or output."""
