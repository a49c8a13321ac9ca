"""What items are called and look like, and what customers write, as vectors."""
