"""The operator's commands, each in a module of its own that is loaded on use."""

from difflib import get_close_matches
from importlib import import_module
from typing import cast

import click

from domain.errors import StrongroomError, ensure
from wiring.embedded.process import ServerFailed
from wiring.leaving import leave_at_once
from wiring.parsing import SettingsRefused

COMMANDS = {
    "alerts": "See what is wrong, and say that somebody looks after it.",
    "asset": "See what counts as money, and add a token.",
    "buffer": "See what is held, and which amounts are too little.",
    "conversion": "Say what is converted into what, and set money aside for it.",
    "demo": "Walk a coin and a token in and out again, on private chains.",
    "doctor": "Check everything that Strongroom depends on, and say how to mend it.",
    "drill": "Hurt a whole installation under load, and judge what became of the money.",
    "flows": "Look at movements of money.",
    "key": "Make and use a key on this machine.",
    "ledger": "Verify the ledger.",
    "loss": "Show what suspense carries and propose to book it.",
    "migrate": "Bring the database to the newest schema, and no more.",
    "oauth": "Replace the key that signs the tokens of apps.",
    "payout": "Act on one payment that waits for a block.",
    "policy": "Read and change limits.",
    "price": "Follow reference prices.",
    "recover": "After a restore: find and book what the wallet paid since.",
    "regtest": "Pay and mine on the private chain of a running demo.",
    "run": "Start everything here, and keep it running.",
    "screening": "Keep the list of senders whose deposits are refused.",
    "user": "Manage roles.",
    "verification": "Look at claimed payments, decide them again, and list the addresses for them.",
    "webhooks": "Show outgoing webhooks, and redeliver messages.",
}
"""Name and short help, so that listing the commands imports none of them. Module cli/<name>.py defines `<name>`."""


class _Lazy(click.Group):
    """A group that finds its commands by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of this name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"cli.{cmd_name}"), cmd_name)
        ensure(isinstance(command, click.Command), f"cli.{cmd_name} defines its command")
        return cast("click.Command", command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; for a misspelt one, the name that is nearest to it. Raises click.UsageError."""
        near = get_close_matches(args[0], COMMANDS, n=1) if args[0] not in COMMANDS else []
        if near:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """List them with their short help, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Strongroom: a self-hosted money backend.

    Settings are environment variables; without any, everything that is needed is started under ./var.
    """


def run() -> None:
    """Run a command; a refusal is printed in one line instead of a traceback."""
    leave_at_once()
    try:
        main(prog_name="python -m cli")
    except SettingsRefused as refusal:
        raise SystemExit("\n".join(f"strongroom: {fault}" for fault in refusal.faults)) from None
    except (ServerFailed, StrongroomError) as refusal:
        raise SystemExit(f"strongroom: {refusal}") from None


if __name__ == "__main__":
    run()
