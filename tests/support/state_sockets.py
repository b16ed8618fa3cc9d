"""Clients of the live stream: sockets that conclude the state from its messages."""

import socket
import struct
from contextlib import closing

import msgspec
import websocket

from attune_nb.server.live.messages import (
    Delta,
    Gone,
    ListDelta,
    RunList,
    Snapshot,
    apply_delta,
    apply_list_delta,
)

__all__ = ["StateSocket", "open_socket", "open_stuck_socket", "state_socket"]

_PATIENCE = 90


def open_socket(server, path, **options):
    """Return an open WebSocket of a path below `attune`."""
    url = server.url(path).replace("http", "ws", 1)
    header = [f"Authorization: token {server.token}"]
    return websocket.create_connection(url, header=header, timeout=_PATIENCE, **options)


class StateSocket:
    """A client of a socket of the server.

    Args:
        server: The server.
        path: The path below `attune`.

    Attributes:
        messages: The messages so far.
        state: The state that was concluded from them.
        code: The code with which the socket was closed; None while it is open.
    """

    def __init__(self, server, path):
        self.messages = []
        self.state = None
        self.code = None
        self._socket = open_socket(server, path)

    def receive(self):
        """Wait for one message, and return whether there was one."""
        opcode, data = self._socket.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            (self.code,) = struct.unpack("!H", data[:2])
            return False

        message = msgspec.json.decode(data, type=Snapshot | Delta | Gone | RunList | ListDelta)
        self.messages.append(message)
        match message:
            case Delta():
                self.state = apply_delta(self.state, message)
            case ListDelta():
                self.state = apply_list_delta(self.state, message)
            case Gone():
                pass
            case _:
                self.state = message
        return True

    def receive_ping(self):
        """Wait for a ping of the server, and answer it. Messages before it are lost."""
        opcode = None
        while opcode != websocket.ABNF.OPCODE_PING:
            opcode, _ = self._socket.recv_data(control_frame=True)
            assert opcode != websocket.ABNF.OPCODE_CLOSE

    def until(self, condition):
        """Receive messages until a condition of the state holds."""
        while self.state is None or not condition(self.state):
            assert self.receive(), "the server has closed the socket"

    def receive_all(self):
        """Receive messages until the server closes the socket."""
        while self.receive():
            pass

    def close(self):
        self._socket.close()
        # once the server has closed it, `close` leaves the file open
        self._socket.shutdown()


def open_stuck_socket(server, path):
    """Return a socket that takes its first message and then reads nothing more."""
    small = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)
    return open_socket(server, path, sockopt=small)


def state_socket(server, path):
    """Return a client that is closed at the end of a `with` block."""
    return closing(StateSocket(server, path))
