"""What a node says about output descriptors, and how it scans for the coins that lie on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from domain.descriptors import Descriptor


@dataclass(frozen=True, slots=True)
class ScanObject:
    """A descriptor to look for, and the first and last index of a ranged one, both included."""

    descriptor: str
    indexes: tuple[int, int] | None


class UnspentOutput(NamedTuple):
    """An output that nobody has spent, as the node's set of them shows it: confirmed ones only."""

    script: bytes
    amount_minor: int
    height: int


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Everything that was found, and the block at which the set was read."""

    outputs: tuple[UnspentOutput, ...]
    height: int
    hash: str


class DescriptorNode(Protocol):
    """A node that understands descriptors; nothing here touches a wallet. Every method may raise ChainError."""

    def check(self, descriptor: Descriptor) -> None:
        """Have the node read a descriptor and agree with our reading. Raises DescriptorRefused."""
        ...

    def derive(self, descriptor: Descriptor, indexes: tuple[int, int] | None) -> list[str]:
        """The addresses of a descriptor, in order, in calls of bounded size. Raises DescriptorRefused."""
        ...

    def scan(self, objects: Sequence[ScanObject], *, report: Callable[[int], None]) -> ScanResult:
        """Look through all unspent outputs; `report` is told the percentage every few seconds, starting with 0.

        Takes minutes on a large chain. An exception that `report` raises ends the scan. A node does one scan at a time:
        raises ScanInProgress when it is busy with another one, ScanAborted when somebody ended this one.
        """
        ...

    def abort_scan(self) -> bool:
        """End whatever scan the node is doing; whether there was one."""
        ...
