"""Posts on their way: a job, its history, and what publishes it."""
