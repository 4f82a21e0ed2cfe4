"""SIGTERM, as a job queue sends it, and SIGHUP, of a closed terminal, end like Ctrl-C."""

from __future__ import annotations

import signal
from types import FrameType

_received: list[int] = []


def stop_like_ctrl_c() -> None:
    """Have signals that end a process raise KeyboardInterrupt.

    Those that are ignored stay so, as with `nohup`.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)


def exit_code(code: int) -> int:
    """The code that a process ends with: 128 and the signal's number, if one has ended it."""
    return 128 + _received[0] if _received and code else code


def _stop(number: int, frame: FrameType | None) -> None:
    again = bool(_received)
    _received.append(number)
    if not again or number == signal.SIGINT:  # a job queue repeats itself while we tidy up
        raise KeyboardInterrupt
