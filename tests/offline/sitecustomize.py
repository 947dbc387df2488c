"""Refuse every connection that leaves this machine: in the tests, and in each Python process that they start."""

import sys

LOOPBACK = {"127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "", None}


def refuse_network(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in LOOPBACK:
        raise ConnectionRefusedError(f"The tests run without network, but something wants to reach {host!r}.")


sys.addaudithook(refuse_network)
