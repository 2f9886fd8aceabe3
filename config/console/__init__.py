"""The ops console: Django admin with the unfold theme."""
