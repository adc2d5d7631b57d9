"""A seed and a size become a world: the same seed, size and present give the same bytes."""

from dealmeter.sandbox.generate.company import generate

__all__ = ["generate"]
