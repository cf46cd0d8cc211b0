"""Wait only once for somebody who does not answer in time."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from domain.node_refusals import NodeTimeout

Told = ParamSpec("Told")
Answer = TypeVar("Answer")


class Patience:
    """The patience of one round with a node or provider: each wait may take half a minute, and blocks everything."""

    def __init__(self) -> None:
        self._silence: NodeTimeout | None = None

    @property
    def is_over(self) -> bool:
        """Whether an earlier question had no answer."""
        return self._silence is not None

    def asking(self, ask: Callable[Told, Answer]) -> Callable[Told, Answer]:
        """The same call, which fails at once if an earlier one timed out. Raises what it raises."""

        def asked(*args: Told.args, **kwargs: Told.kwargs) -> Answer:
            if self._silence is not None:
                raise self._silence
            try:
                return ask(*args, **kwargs)
            except NodeTimeout as silence:
                self._silence = silence
                raise

        return asked
