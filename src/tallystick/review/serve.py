"""The review application served over HTTP."""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tallystick.errors import InputError
from tallystick.review.settings import is_local

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

_WAITING = 128
"""Requests that wait while the server starts."""


@dataclass(frozen=True)
class Listener:
    """A port that is taken, before anything is served on it.

    Attributes
    ----------
    socket : socket
        The socket, listening.
    host : str
        Where.
    port : int
        The port.
    """

    socket: socket.socket
    host: str
    port: int


def listen(host: str, port: int) -> Listener:
    """Take a port.

    Parameters
    ----------
    host : str
        Address or name of this machine.
    port : int
        The port; 0 for any that is free.

    Returns
    -------
    Listener

    Raises
    ------
    InputError
        Where the address is none of this machine, or the port is in use.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        taken = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError):
        raise InputError(f"--host {host}: there is no such address: take one of this machine.") from None
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        taken.listen(_WAITING)
    except (OSError, OverflowError) as error:
        taken.close()
        reason = getattr(error, "strerror", None) or "the port cannot be taken"
        raise InputError(
            f"--host {host} --port {port}: {reason.lower()}: choose another with --port."
        ) from None
    return Listener(taken, host, int(taken.getsockname()[1]))


def check_certificate(certificate: Path | None, key: Path | None) -> None:
    """That a certificate can be used.

    Parameters
    ----------
    certificate, key : path or None
        PEM files, both or none.

    Raises
    ------
    InputError
        Where one is missing, or they do not belong together.
    """
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise InputError("--tls-cert and --tls-key belong together: give both.")
    import ssl

    for path in (certificate, key):
        if not path.is_file():
            raise InputError(f"{path}: there is no such file.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: b"")
    except (ssl.SSLError, OSError, ValueError):
        raise InputError(
            f"{certificate} and {key} are no certificate and key in PEM format that belong together (the key "
            "without a password)."
        ) from None


def make_server(
    app: ASGIApp,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    behind_proxy: bool = False,
) -> uvicorn.Server:
    """A server, not yet started.

    It keeps no log of requests: `tallystick.review.security.Guard` has one without addresses and bodies.

    Parameters
    ----------
    app : ASGI application
        The application.
    certificate, key : path, optional
        Served over TLS with these.
    behind_proxy : bool
        Whether a proxy on this machine says from where a request comes.

    Returns
    -------
    uvicorn.Server
        Its ``run(sockets=[...])`` serves until the process is told to stop, and raises KeyboardInterrupt when
        that was by Ctrl-C, all open requests being answered.
    """
    import uvicorn

    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=behind_proxy,
        forwarded_allow_ips="127.0.0.1,::1",
        ws="none",
        lifespan="off",
        ssl_certfile=certificate,
        ssl_keyfile=key,
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)


def warning_about(host: str, secure: bool) -> str | None:
    """What is to be said before an address is served.

    Parameters
    ----------
    host : str
        Where.
    secure : bool
        Whether browsers reach it over https.

    Returns
    -------
    str or None

    Examples
    --------
    >>> warning_about("127.0.0.1", False)
    >>> warning_about("0.0.0.0", False)
    'records and passwords go over the network unencrypted: give ...'
    """
    if secure or is_local(host):
        return None
    return (
        "records and passwords go over the network unencrypted: give --tls-cert and --tls-key, or use "
        "a proxy with https before it and --behind-https."
    )
