"""Writes the MessagePack files beside it, with the reference implementation (python3 -m pip install msgpack)."""

import pathlib

import msgpack

HERE = pathlib.Path(__file__).parent
SECRET = "s3cr3t"

event = {
    "event_id": "9ec79c33-ec99-42ab-8353-589fcb2e04dc",
    "release": "shop@1.2.3",
    "timestamp": "2026-01-02T03:04:05.678Z",
    "user": {"id": "42", "ip_address": "203.0.113.9"},
    "tags": {"expected-tag": "some value"},
    "extra": {
        "api_key": SECRET, "url": f"https://shop.example/?token={SECRET}&page=2", "count": 2**40, "negative": -7, "ratio": 1.5,
        "small": -1, "byte": 200, "long": "x" * 300 + f"&password={SECRET}", "many": list(range(20)), "none": None, "yes": True,
        "text bytes": f"token={SECRET}".encode(), "bytes": b"\xff\xfe" + SECRET.encode(), "extension": msgpack.ExtType(4, SECRET.encode()),
        "infinite": float("inf"), "map": {str(n): n for n in range(20)},
    },
}
crumb = lambda second, message: {"timestamp": f"2026-01-02T03:04:{second:02}.000Z", "message": message, "category": "http"}
files = {
    "event.msgpack": [event],
    "older.msgpack": [crumb(1, "first"), crumb(2, f"GET /?token={SECRET}"), crumb(3, "third")],
    "newer.msgpack": [crumb(4, "fourth"), crumb(5, f"Cookie: sid={SECRET}")],
}
for name, values in files.items():
    (HERE / name).write_bytes(b"".join(msgpack.packb(value) for value in values))
