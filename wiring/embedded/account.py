"""Under which account PostgreSQL runs: it refuses to be root, and its files must still be within its reach."""

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wiring.embedded.process import ServerFailed, dies_with_us

PREFERRED: Final = ("nobody", "daemon", "postgres")
STATE_OF_ROOT: Final = Path("/var/lib/strongroom")


@dataclass(frozen=True, slots=True)
class Account:
    """How to start a program that must not be root, where it keeps its files, and from where it is run."""

    prefix: tuple[str, ...]
    home: Path
    install: Path
    owner: pwd.struct_passwd | None = None
    """Whose the files must be; None when they are ours."""

    def command(self, program: str, *arguments: str, stop_signal: signal.Signals = signal.SIGINT) -> list[str]:
        """The command line of one of PostgreSQL's programs under this account."""
        return [*self.prefix, *dies_with_us(stop_signal), str(self.install / "bin" / program), *arguments]

    def adopt(self, path: Path) -> None:
        """Hand a file or directory that we made over to the account."""
        if self.owner is not None:
            os.chown(path, self.owner.pw_uid, self.owner.pw_gid)


def choose(home: Path, install: Path) -> Account:
    """Ourselves, unless we are root; then ourselves seen as somebody else, where the kernel allows user namespaces.

    In a user namespace the files stay root's own, so a directory that only root may enter is no obstacle. Where that
    is forbidden (some containers), the server becomes an ordinary user, and its files and, if need be, a copy of its
    programs live in a directory below /var/lib/strongroom that this user can reach.
    """
    if os.geteuid() != 0:
        return Account((), home, install)
    stranger = _stranger()
    mapped = Account(("unshare", f"--map-user={stranger.pw_uid}", "--"), home, install)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if _runs_programs(mapped) and _works([*mapped.prefix, "test", "-w", str(home)]):
        return mapped
    return _moved_out(home, install, stranger)


def _moved_out(home: Path, install: Path, stranger: pwd.struct_passwd) -> Account:
    """An account of an ordinary user, with its files where that user can reach them."""
    become = (
        "setpriv", f"--reuid={stranger.pw_uid}", f"--regid={stranger.pw_gid}", "--clear-groups", "--",
    )  # fmt: skip
    place = STATE_OF_ROOT / hashlib.sha256(str(home).encode()).hexdigest()[:12]
    place.mkdir(mode=0o711, parents=True, exist_ok=True)
    STATE_OF_ROOT.chmod(0o711)
    owned = place / "postgres"
    owned.mkdir(mode=0o700, exist_ok=True)
    (home / "MOVED").write_text(f"PostgreSQL runs as {stranger.pw_name} here; its files are in {owned}\n")
    account = Account(become, owned, install, stranger)
    account.adopt(owned)
    if not _runs_programs(account):
        account = Account(become, owned, _copied(install, place / "programs"), stranger)
    if not _runs_programs(account):
        raise ServerFailed(
            "PostgreSQL refuses to run as root, and neither a user namespace nor another account could run it here; "
            "start Strongroom as an ordinary user, or give it a DATABASE_URL"
        )
    return account


def _copied(install: Path, target: Path) -> Path:
    """A fresh copy of the programs and of the libraries that the wheel keeps beside their package."""
    shutil.rmtree(target, ignore_errors=True)
    package = install.parent
    copy = target / package.name / install.name
    shutil.copytree(install, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    return copy


def _stranger() -> pwd.struct_passwd:
    """An account that is not root and has a name: initdb asks for it."""
    for name in PREFERRED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return next(entry for entry in pwd.getpwall() if entry.pw_uid != 0)


def _runs_programs(account: Account) -> bool:
    """Whether both can be started: they need different libraries."""
    return _works(account.command("postgres", "--version")) and _works(account.command("initdb", "--version"))


def _works(command: list[str]) -> bool:
    try:
        return subprocess.run(command, cwd="/", capture_output=True, check=False, timeout=30).returncode == 0
    except OSError:
        return False
