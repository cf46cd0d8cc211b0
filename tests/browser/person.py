"""A person with a key file who follows what the pages say."""

import shlex
from pathlib import Path

from click.testing import CliRunner
from playwright.sync_api import Page, expect

from cli.key import key


class Person:
    """Somebody without a wallet: signs with the command that the page shows."""

    def __init__(self, directory: Path) -> None:
        self._key_file = directory / "person.key"
        self.public_key = self._run("new").splitlines()[-1]

    def sign_in(self, page: Page, path: str = "/") -> None:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in with your key")
        page.get_by_label("Your public key or address").fill(self.public_key)
        page.get_by_role("button", name="Show me what to sign").click()
        page.get_by_text("Sign it on the command line").click()
        shown = page.get_by_text("python -m cli key sign").inner_text()
        page.get_by_label("The signature").fill(self.signature(shown))
        page.get_by_role("button", name="Sign in").click()

    def signature(self, command: str) -> str:
        """What the shown command prints, run as it is but for where the key is kept."""
        python, module_flag, module, noun, verb, message = shlex.split(command)
        assert (python, module_flag, module, noun) == ("python", "-m", "cli", "key")
        return self._run(verb, message).strip()

    def _run(self, *arguments: str) -> str:
        result = CliRunner().invoke(key, [*arguments, "--key-file", str(self._key_file)])
        assert result.exit_code == 0, result.output
        return result.stdout
