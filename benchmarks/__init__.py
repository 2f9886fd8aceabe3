"""Studies of quality and speed. They are run by hand; docs/ has their results."""
