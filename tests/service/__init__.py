"""What surrounds the daemon."""
