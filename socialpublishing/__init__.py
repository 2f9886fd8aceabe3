"""What we know about the platforms. Knows none of our apps."""
