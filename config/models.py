"""The models of this app, each defined beside the code that it belongs to."""

from config.console.second_factor import SecondFactor

__all__ = ["SecondFactor"]
