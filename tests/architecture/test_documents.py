"""What the documents say is there: files and headings that they lead to, and commands that they tell people to type."""

import re
from pathlib import Path

import click
import pytest

from cli.__main__ import main

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = re.compile(r"python -m cli ([a-z][\w-]*)(?: ([a-z][\w-]*))?")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_a_document_leads_to_what_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in LINK.findall(text):
        path, _, heading = target.partition("#")
        if path.startswith(("http:", "https:")):
            continue
        led_to = (document.parent / path).resolve() if path else document
        assert led_to.exists(), target
        assert not heading or heading in headings(led_to), target
    for names in COMMAND.findall(text):
        assert is_command([name for name in names if name]), names


def headings(document: Path) -> set[str]:
    """The anchors of a document, as whoever shows it makes them from its headings."""
    found = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def is_command(names: list[str]) -> bool:
    """Whether the command line has this; words behind a command are what it is told."""
    command: click.Command | None = main
    for name in names:
        if not isinstance(command, click.Group):
            return True
        command = command.get_command(click.Context(command), name)
    return command is not None
