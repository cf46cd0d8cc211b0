"""Copy the browser libraries named in package.json into the tree, with their licences, versions and hashes.

Run `npm install --no-package-lock` first, then this. The copies are committed, so nobody else needs npm.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
PAGES: Final = ROOT / "api" / "static" / "vendor"
TESTS: Final = ROOT / "tests" / "browser" / "vendor"


class Asset(NamedTuple):
    """One library: the npm package, the file taken from it, its licence, and what the copies are called."""

    package: str
    file: str
    licence: str
    name: str


TAKEN: Final = {
    PAGES: (
        Asset("@picocss/pico", "css/pico.classless.min.css", "LICENSE.md", "pico.css"),
        Asset("htmx.org", "dist/htmx.min.js", "LICENSE", "htmx.js"),
        Asset("socket.io-client", "dist/socket.io.min.js", "LICENSE", "socket.io.js"),
        Asset("uplot", "dist/uPlot.iife.min.js", "LICENSE", "uPlot.js"),
        Asset("uplot", "dist/uPlot.min.css", "LICENSE", "uPlot.css"),
    ),
    TESTS: (Asset("axe-core", "axe.min.js", "LICENSE", "axe.js"),),
}


def main() -> None:
    """Copy everything and write one manifest beside each set of copies."""
    for folder, assets in TAKEN.items():
        folder.mkdir(parents=True, exist_ok=True)
        manifest = {asset.name: _copy(asset, folder) for asset in assets}
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _copy(asset: Asset, folder: Path) -> dict[str, str]:
    source = ROOT / "node_modules" / asset.package
    licence = f"{asset.name.rpartition('.')[0]}.LICENSE.txt"
    shutil.copyfile(source / asset.file, folder / asset.name)
    shutil.copyfile(source / asset.licence, folder / licence)
    return {
        "package": asset.package,
        "version": json.loads((source / "package.json").read_text(encoding="utf-8"))["version"],
        "file": asset.file,
        "licence": licence,
        "sha256": hashlib.sha256((folder / asset.name).read_bytes()).hexdigest(),
    }


if __name__ == "__main__":
    main()
