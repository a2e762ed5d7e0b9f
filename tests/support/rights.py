"""Doing something without the rights that the tests have."""

import os
import sys
import traceback
from collections.abc import Callable


def as_somebody_else(work: Callable[[], object]) -> int:
    """Run work in a child process that has no right beyond others', as root has none to lose here; its exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            work()
            code = 0
        except BaseException:  # noqa: BLE001  # whatever it is, the parent must see it
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
