"""What surrounds the daemon: its metrics, its health, its supervisor."""
