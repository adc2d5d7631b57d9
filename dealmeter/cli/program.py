"""How the running program is called, so that a command that we print works as it stands."""

import shlex
import sys
from pathlib import Path
from shutil import which


def program_name() -> str:
    """`dealmeter` where a shell finds it, else the path by which it was started, else Python with its module."""
    if which("dealmeter"):
        return "dealmeter"
    started = Path(sys.argv[0])
    if started.name == "dealmeter" and started.is_file():
        return shlex.quote(str(started))
    return f"{shlex.quote(sys.executable)} -m dealmeter"
