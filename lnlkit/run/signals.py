"""Signals that end a command as Ctrl-C does."""

import contextlib
import signal


class Ended(BaseException):
    """A signal, by its number, has ended the command: nothing goes on after it, as a sweep does after a failed run."""


@contextlib.contextmanager
def ended_by_signals():
    """Lets SIGTERM and SIGHUP end a command as Ctrl-C does: by an exception, on whose way all is tidied up."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in (getattr(signal, name) for name in names)}

    def end(number, _):
        for other in before:
            signal.signal(other, signal.SIG_IGN)  # the first one is enough
        raise Ended(number)

    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # `nohup` wants it ignored
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
