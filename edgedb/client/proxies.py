"""Where the proxies of the environment are not used."""

from __future__ import annotations

from urllib.request import getproxies_environment

LOOPBACK = "localhost,127.0.0.0/8,::1"  # a proxy would call its own machine


def no_proxy() -> str:
    """Give where the proxies of the environment are not used: ``NO_PROXY``, and this machine."""
    stated = getproxies_environment().get("no", "")
    return stated if stated == "*" else f"{stated},{LOOPBACK}"
