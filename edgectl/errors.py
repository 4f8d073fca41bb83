"""The error of the operator's tool: one line on standard error, exit code 1."""

from __future__ import annotations

import click


class EdgectlError(click.ClickException):
    """Something the operator has to know or change; the message says which file, key or process."""


class InvalidStack(EdgectlError):
    """A stack file that ``faas-cli`` would refuse, or would take for something else than meant."""


class StartFailed(EdgectlError):
    """A process did not come up; the message names it and ends with the end of its log."""
