"""What can go wrong with TLS: a line a case, "CASE - ok" or what went wrong instead of ok.

tls_errors.py FOLDER TCP-PORT TLS-PORT MUTUAL-PORT

FOLDER has the certificates that `run` makes; the listener at MUTUAL-PORT asks clients for a certificate.
"""

import os
import socket
import ssl
import subprocess
import sys

folder = sys.argv[1]
tcp, tls, mutual = map(int, sys.argv[2:])
PATIENCE = 15
CONNECT = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01t"
CONNACK = b"\x20\x02\x00\x00"
CA = f"{folder}/ca.pem"


def plain(port):
    return socket.create_connection(("localhost", port), PATIENCE)


def served(port, name="localhost", certificate=None, context=None):
    """Whether a client gets as far as CONNACK."""
    context = context or ssl.create_default_context(cafile=CA)
    if certificate:
        context.load_cert_chain(f"{folder}/{certificate}.pem", f"{folder}/{certificate}.key")
    with context.wrap_socket(plain(port), server_hostname=name) as s:
        s.sendall(CONNECT)
        return s.recv(4) == CONNACK


def refused(*args, error=(ssl.SSLError, ConnectionError), **kwargs):
    try:
        assert not served(*args, **kwargs), "it was let in"
    except error:
        pass


def unknown_authority():
    """The client does not know who has signed the server's certificate."""
    refused(tls, context=ssl.create_default_context(), error=ssl.SSLCertVerificationError)
    out = subprocess.run(["mosquitto_pub", "-h", "localhost", "-p", str(tls), "--cafile", f"{folder}/other-ca.pem",
                          "-t", "a", "-m", "b"], capture_output=True, timeout=PATIENCE)
    assert out.returncode != 0, "mosquitto_pub did not notice it"


def another_name():
    """The server's certificate is of another name."""
    refused(tls, name="example.org", error=ssl.SSLCertVerificationError)


def old_version():
    """The client has TLS 1.1 alone."""
    context = ssl.create_default_context(cafile=CA)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    refused(tls, context=context)


def no_client_certificate():
    refused(mutual)


def foreign_client_certificate():
    """The client's certificate is signed by somebody else."""
    refused(mutual, certificate="foreign")


def expired_client_certificate():
    refused(mutual, certificate="expired")


def client_certificate():
    """The right one, to show that the others are refused for what they are."""
    assert served(mutual, certificate="client"), "it was not let in"


def no_tls_at_its_port():
    """MQTT without TLS at the port of TLS: no CONNACK comes, and the connection ends."""
    with plain(tls) as s:
        s.sendall(CONNECT)
        got = b""
        while piece := s.recv(100):
            got += piece
        assert CONNACK not in got, got


def tls_at_another_port():
    """TLS at the port without it."""
    refused(tcp)


def garbage():
    with plain(tls) as s:
        s.sendall(os.urandom(300))
        while s.recv(100):
            pass


def half_a_handshake():
    """The client goes away in the middle of the handshake."""
    out, into = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cafile=CA).wrap_bio(into, out, server_hostname="localhost")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    with plain(tls) as s:
        s.sendall(out.read()[:50])


for test in (unknown_authority, another_name, old_version, client_certificate, no_client_certificate,
             foreign_client_certificate, expired_client_certificate, no_tls_at_its_port, tls_at_another_port, garbage,
             half_a_handshake):
    try:
        test()
        # The next client is served.
        assert served(tls), "the next client is not served"
        outcome = "ok"
    except Exception as error:  # the line says what went wrong
        outcome = f"{type(error).__name__}: {error}".replace("\n", " ")
    print(test.__name__, "-", outcome, flush=True)
