"""Counts that the processes of one program share: each writes a file of its own, and whoever is asked adds them up.

Prometheus's library has this (`PROMETHEUS_MULTIPROC_DIR`) and leaves three things to whoever uses it: to begin with an
empty directory, to look after processes that ended, and to do that while nobody is adding up. A worker of Celery's is
replaced after some hundred tasks: what it counted must neither be lost, nor lie about as a file of its own for ever.
"""

import fcntl
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
_ADDABLE: Final = frozenset({"counter", "histogram"})
_ENDED: Final = "0"
"""Stands for all processes that ended, where a file has the process id in its name."""
_TAKEN, _ADDED, _NEW = ".taken", ".added", ".new"
"""What a file of a process that ended is called while it is folded, before and after the new sums have it; and they."""

log = structlog.get_logger(__name__)


def share(var_dir: Path, name: str) -> None:
    """From now on, this process and those that it forks count into one new directory under `var_dir`.

    Removes what programs that ended left there. Without a directory that can be written, each process answers for
    itself alone: that is worse figures, and no reason not to work.
    """
    # Hosts may share a disk, and their process ids coincide.
    home = var_dir / "metrics" / socket.gethostname()
    own = home / f"{name}-{os.getpid()}"
    try:
        home.mkdir(parents=True, exist_ok=True)
        for left in home.iterdir():
            if left == own or not _lives(left.name.rpartition("-")[2]):
                shutil.rmtree(left, ignore_errors=True)
        own.mkdir()
    except OSError as error:
        log.warning("metrics_not_shared", reason=str(error))
        return
    os.environ[DIRECTORY] = str(own)
    from prometheus_client import values

    # The library decides when it is loaded, which may have happened already.
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]


def directory() -> Path | None:
    """Where this process shares its counts, if it does."""
    where = os.environ.get(DIRECTORY)
    return Path(where) if where and Path(where).is_dir() else None


def leave() -> None:
    """Remove the directory: this program ends."""
    where = directory()
    if where is not None:
        shutil.rmtree(where, ignore_errors=True)


def gone(process_id: int) -> None:
    """A process ended: drop its present values, and keep its counts."""
    where = directory()
    if where is not None:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(process_id, str(where))  # type: ignore[no-untyped-call]
        fold(where)


def fold(where: Path) -> None:
    """Fold the counts of ended processes into one file for all, exactly once, even if an earlier attempt was killed."""
    with _turn(where):
        _fold(where)


class SharedCollector:
    """Adds up what all processes of this program counted, those that ended included."""

    def __init__(self, where: Path) -> None:
        self._where = where

    def collect(self) -> Iterable["Metric"]:
        """Every metric with the sums of all processes."""
        from prometheus_client.multiprocess import MultiProcessCollector

        # Under one lock: another process may have been killed in the middle of folding.
        with _turn(self._where):
            _fold(self._where)
            return list(MultiProcessCollector(None, str(self._where)).collect())  # type: ignore[no-untyped-call]


def _fold(where: Path) -> None:
    for path in where.glob(f"*{_ADDED}"):
        _settle(path, _sums(path))
    for path in where.glob(f"*{_TAKEN}"):
        _add(path, _sums(path))
    for path in where.glob("*.db"):
        kind, _, process_id = path.stem.rpartition("_")
        if kind in _ADDABLE and process_id != _ENDED and not _lives(process_id):
            # Under a name of its own: another process may be given the number, and begins a file of this name anew.
            _add(path.replace(path.with_suffix(_TAKEN)), _sums(path))


def _sums(path: Path) -> Path:
    """The file that what this one counted is added to."""
    kind = path.stem.rpartition("_")[0]
    return path.with_name(f"{kind}_{_ENDED}.db")


def _add(path: Path, ended: Path) -> None:
    """New sums beside the old ones, which this file is part of from the moment on at which its own name says so."""
    from prometheus_client.mmap_dict import MmapedDict

    new = ended.with_suffix(_NEW)
    if ended.exists():
        shutil.copyfile(ended, new)
    else:
        new.unlink(missing_ok=True)
    sums = MmapedDict(str(new))  # type: ignore[no-untyped-call]
    for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(str(path)):  # type: ignore[no-untyped-call]
        before, _ = sums.read_value(key)  # type: ignore[no-untyped-call]
        sums.write_value(key, before + value, timestamp)  # type: ignore[no-untyped-call]
    sums.close()  # type: ignore[no-untyped-call]
    _settle(path.replace(path.with_suffix(_ADDED)), ended)


def _settle(added: Path, ended: Path) -> None:
    """Put the new sums, which have all of this file, into the place of the old ones, unless that was done."""
    new = ended.with_suffix(_NEW)
    if new.exists():
        new.replace(ended)
    added.unlink()


def _lives(process_id: str) -> bool:
    try:
        os.kill(int(process_id), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _turn(where: Path) -> Iterator[None]:
    with (where / "turn").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
