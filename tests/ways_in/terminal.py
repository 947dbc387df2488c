"""A terminal for programs that ask questions, and somebody who reads and types."""

import errno
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from contextlib import contextmanager

from tests.ways_in.processes import running

UP, ENTER, CONTROL_C = "\x1b[A", "\r", "\x03"
_WHERE_IS_THE_CURSOR, _CURSOR_IS_HERE = b"\x1b[6n", b"\x1b[1;1R"


class Terminal:
    """What a program has written since it was last read, without colours and movements of the cursor."""

    def __init__(self, descriptor, process):
        self._descriptor, self._written, self.process = descriptor, b"", process

    def expect(self, text, timeout=120):
        """Wait until the program has written a text."""
        deadline = time.monotonic() + timeout
        while text not in self._plain():
            assert time.monotonic() < deadline, self._plain()[-4000:]
            if select.select([self._descriptor], [], [], 0.2)[0]:
                self._read()
        written, self._written = self._plain(), b""
        return written

    def type(self, *keys):
        os.write(self._descriptor, "".join(keys).encode())

    def _read(self):
        try:
            written = os.read(self._descriptor, 65536)
        except OSError as error:  # how Linux says that the program has closed the terminal
            if error.errno != errno.EIO:
                raise
            raise AssertionError(self._plain()[-4000:]) from error
        if _WHERE_IS_THE_CURSOR in written:
            os.write(self._descriptor, _CURSOR_IS_HERE)
        self._written += written

    def _plain(self):
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", self._written.decode(errors="replace"))


@contextmanager
def at_terminal(command, folder):
    """A program with a terminal of its own."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))  # wide, so that no line is broken
    try:
        with running(command, folder, stdin=inner, stdout=inner, stderr=inner) as process:
            os.close(inner)
            yield Terminal(outer, process)
    finally:
        os.close(outer)
