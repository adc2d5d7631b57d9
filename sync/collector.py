"""Python's cycle collector, told how we work: pages are freed by reference counts, cycles are rare."""

import gc

YOUNG = 10_000
"""Objects between two looks at the young ones: a page has more. The usual 700 cost a fifth of a sync's time."""


def spare() -> None:
    """For a program that syncs, once it has imported what it needs: look rarely, and never at what is there already."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
