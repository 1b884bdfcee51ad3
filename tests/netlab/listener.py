"""Listens on many ports from one process: the services of a laboratory host.

Run as a script with one JSON object on stdin: {"endpoints": [[address, port], ...], "greeting": "...",
"accept": true}. Prints `ready` when every port listens. Connections are accepted, greeted, and closed when the other
side closes; with `accept` false they are left in the kernel's queue, as a hung service would.
"""

import json
import resource
import select
import socket
import sys


def main() -> None:
    """Open every listener, say so, and serve until killed."""
    wish = json.load(sys.stdin)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    listeners = [_listener(address, port) for address, port in wish["endpoints"]]
    print("ready", flush=True)
    if wish["accept"]:
        _serve({each.fileno(): each for each in listeners}, wish["greeting"].encode())
    else:
        sys.stdin.read()
        select.select([], [], [])


def _listener(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    each = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    each.bind((address, port))
    each.listen(4096)
    return each


def _serve(listeners: dict[int, socket.socket], greeting: bytes) -> None:
    watch = select.epoll()
    for number in listeners:
        watch.register(number, select.EPOLLIN)
    guests: dict[int, socket.socket] = {}
    while True:
        for number, _ in watch.poll():
            if number in listeners:
                _welcome(listeners[number], guests, watch, greeting)
            elif _left(guests[number]):
                guests.pop(number).close()


def _welcome(listener: socket.socket, guests: dict[int, socket.socket], watch: select.epoll, greeting: bytes) -> None:
    try:
        guest, _ = listener.accept()
        guest.setblocking(False)
        if greeting:
            guest.send(greeting)
    except OSError:  # the guest has already gone
        return
    guests[guest.fileno()] = guest
    watch.register(guest.fileno(), select.EPOLLIN | select.EPOLLRDHUP)


def _left(guest: socket.socket) -> bool:
    try:
        return not guest.recv(4096)
    except BlockingIOError:
        return False
    except OSError:
        return True


if __name__ == "__main__":
    main()
