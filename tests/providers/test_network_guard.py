"""The net beneath the tests: nothing here can reach a real provider."""

import os
import socket

import pytest


def test_no_test_can_leave_the_machine():
    """A connection or a name look-up beyond loopback is an error that says so."""
    with pytest.raises(Exception, match="only loopback"):
        socket.create_connection(("192.0.2.1", 80), timeout=0.1)
    with pytest.raises(Exception, match="only loopback"):
        socket.getaddrinfo("example.org", 443)


def test_loopback_is_reachable():
    """A server on this machine can be talked to."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass


def test_no_key_of_the_developer_is_visible():
    """No provider variable of the surrounding shell reaches a test."""
    assert not [name for name in os.environ if name.startswith(("OPENAI_", "ANTHROPIC_"))]
