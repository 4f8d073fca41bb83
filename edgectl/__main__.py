"""``python -m edgectl`` and the script ``edgectl``."""

from __future__ import annotations

from edgectl.cli import cli


def main() -> None:
    """Run the command line."""
    cli(prog_name="edgectl")


if __name__ == "__main__":
    main()
