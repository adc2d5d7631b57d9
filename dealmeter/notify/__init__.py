"""Tells people what the daemon can't mend, and when it is well again."""
