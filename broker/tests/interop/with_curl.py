"""curl, which speaks MQTT 3.1.1 at QoS 0, against the broker: a line a case, "FEATURE QOS ok" or what went wrong instead.

with_curl.py VERSION TRANSPORT PORT CA
"""

import subprocess
import sys
import threading
import uuid

_, _, port, _ = sys.argv[1:]
PATIENCE = 15


def url(topic):
    return f"mqtt://localhost:{port}/{topic}"


def curl(*args, stdin=None):
    return subprocess.run(["curl", "-sS", "--max-time", str(PATIENCE), *args], input=stdin, capture_output=True)


def publish(topic, payload):
    out = curl("--data-binary", "@-", url(topic), stdin=payload)
    assert out.returncode == 0, out.stderr


def subscribed(topic, payload):
    """What a subscriber gets: this curl writes the topic name, with its length, before each payload."""
    wanted = len(topic).to_bytes(2, "big") + topic.encode() + payload
    got = []
    with subprocess.Popen(["curl", "-sS", "-N", "--max-time", str(PATIENCE), url(topic)], stdout=subprocess.PIPE) as sub:
        reader = threading.Thread(target=lambda: got.append(sub.stdout.read(len(wanted))))
        reader.start()
        # It does not say when it is subscribed, so the message is sent until it has come.
        while reader.is_alive():
            publish(topic, payload)
            reader.join(0.2)
        sub.kill()
    assert got == [wanted], f"{got[0][:80]} for {wanted[:80]}"


def in_order():
    topic = uuid.uuid4().hex
    subscribed(topic, b"hello")


def large():
    topic, payload = uuid.uuid4().hex, bytes(range(256)) * 350
    subscribed(topic, payload)


def password():
    assert curl("-u", "alice:secret", "-d", "a", url("a")).returncode == 0, "the right password"
    out = curl("-u", "alice:wrong", "-d", "a", url("a"))
    assert out.returncode != 0, "the wrong password"


def denied():
    out = curl(url("secret/x"))
    assert out.returncode != 0, "subscribed"


for test in (in_order, large, password, denied):
    try:
        test()
        outcome = "ok"
    except Exception as error:  # the line says what went wrong
        outcome = f"{type(error).__name__}: {error}".replace("\n", " ")
    print(test.__name__, 0 if test in (in_order, large) else "-", outcome, flush=True)
