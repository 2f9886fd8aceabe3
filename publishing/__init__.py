"""A post on its way: its job, what moves it, and what is told about it."""
