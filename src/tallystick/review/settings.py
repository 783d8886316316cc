"""How the review application is served."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from tallystick.review.tasks import Order

PORT = 8765
"""Where it listens unless told otherwise."""
SESSION_MINUTES = 30
"""A session ends when nothing was asked for so long."""
SESSION_HOURS = 12
"""A session ends after so long in any case."""


@dataclass(frozen=True)
class Settings:
    """How the application is served, and to whom.

    Attributes
    ----------
    reviewer : str or None
        Who works where nobody signs in; None where reviewers sign in.
    host, port
        Where it listens.
    names : tuple of str
        Names of the machine under which it may be asked for; empty for any, where others than this machine
        reach it.
    secure : bool
        Whether browsers reach it over https, be it by its own certificate or by a proxy before it.
    behind_proxy : bool
        Whether a proxy on this machine passes requests on.
    order : str
        The order in which tasks come at first.
    """

    reviewer: str | None
    host: str = "127.0.0.1"
    port: int = PORT
    names: tuple[str, ...] = ()
    secure: bool = False
    behind_proxy: bool = False
    order: Order = "information"

    @property
    def login(self) -> bool:
        """Whether reviewers sign in."""
        return self.reviewer is None

    @property
    def scheme(self) -> str:
        """How browsers reach it."""
        return "https" if self.secure else "http"

    @property
    def address(self) -> str:
        """Where browsers find it."""
        host = self.names[0] if self.names else "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        port = "" if self.behind_proxy else f":{self.port}"
        return f"{self.scheme}://{_in_address(host)}{port}/"

    @property
    def known_hosts(self) -> frozenset[str]:
        """Names that a request may ask for, without ports; empty for any."""
        if self.names:
            return frozenset(name.casefold() for name in self.names)
        if is_local(self.host) and not self.behind_proxy:
            return frozenset({"localhost", "127.0.0.1", "[::1]", _in_address(self.host).casefold()})
        return frozenset()


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def is_local(host: str) -> bool:
    """Whether only this machine reaches an address.

    Examples
    --------
    >>> is_local("127.0.0.1"), is_local("::1"), is_local("localhost"), is_local("0.0.0.0")
    (True, True, True, False)
    """
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
