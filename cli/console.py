"""The lines of many processes in one terminal, each whole and with a coloured name."""

import sys
import threading
from datetime import datetime
from typing import IO, Final

from honcho.colour import get_colours
from honcho.printer import Message, Printer

NAME_WIDTH: Final = 8


class Console:
    """Writes (name, line) pairs, from any thread. Once the output is closed it writes nothing, without failing."""

    def __init__(self, output: IO[str] | None = None) -> None:
        self._printer = Printer(output or sys.stdout, width=NAME_WIDTH)
        self._colours = get_colours()
        self._colour_of: dict[str, str | None] = {"system": None}
        self._lock = threading.Lock()
        self._is_read = True

    def write(self, name: str, line: str) -> None:
        """Show one line of one process."""
        with self._lock:
            if name not in self._colour_of:
                self._colour_of[name] = next(self._colours)
            if self._is_read:
                self._print(Message("line", line, datetime.now().astimezone(), name, self._colour_of[name]))

    def _print(self, message: Message) -> None:
        try:
            self._printer.write(message)
        except BrokenPipeError:
            # The output was closed (`make run | head`). The processes' pipes must be drained still, or they block.
            self._is_read = False
