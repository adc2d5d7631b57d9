"""`dealmeter`, and `python -m dealmeter`."""

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from dealmeter.cli import main as run

    sys.exit(run())


if __name__ == "__main__":
    main()
