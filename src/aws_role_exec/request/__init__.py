"""What was asked, checked without a network."""
