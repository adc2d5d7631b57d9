"""Who holds a lease: a name for people, from which this machine can tell whether the process still lives."""

import os
import socket
from pathlib import Path
from threading import get_ident


def _place() -> str:
    """This start of this machine and, where there are several, this set of process ids (containers have their own)."""
    try:
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    except OSError:
        namespace = boot = "0"
    return f"{socket.gethostname()}/{boot}/{namespace}"


def holder() -> str:
    """This thread of this process."""
    return f"{_place()}:{os.getpid()}:{get_ident()}"


def is_dead(name: str) -> bool:
    """Whether a holder was a process here that is gone; False for what we can't know."""
    place, pid, *_ = [*name.split(":"), ""]
    if place.endswith("/0/0"):
        return False
    if place != _place() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
