"""Who may post where: accounts at platforms, their tokens, connecting and refreshing."""
