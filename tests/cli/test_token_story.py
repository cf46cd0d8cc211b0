"""What the demo's token is made from."""

from pathlib import Path

import vyper

from cli.token_story import CODE


def test_the_shipped_code_of_the_token_is_its_source_compiled() -> None:
    source = Path(CODE).with_suffix(".vy").read_text()
    assert vyper.compile_code(source, output_formats=["bytecode"])["bytecode"] == CODE.read_text().strip()
