"""For image.sh: waits until Scrubline is ready, then sends it one envelope with a secret in it.

    client.py LISTEN ADMIN      both ports of 127.0.0.1
"""

import json
import sys
import time
import urllib.error
import urllib.request

listen, admin = sys.argv[1:]
key = "0123456789abcdef0123456789abcdef"
event_id = "11111111111111111111111111111111"

deadline = time.monotonic() + 20
while True:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{admin}/readyz", timeout=5).close()
        break
    except urllib.error.URLError as error:
        if time.monotonic() > deadline:
            sys.exit(f"client.py: not ready: {error}")
        time.sleep(0.05)

event = {
    "event_id": event_id,
    "message": "the till is out of paper",
    "request": {"headers": {"Authorization": "Bearer canary-of-the-image"}},
}
lines = [{"event_id": event_id}, {"type": "event"}, event]
request = urllib.request.Request(
    f"http://127.0.0.1:{listen}/api/42/envelope/",
    data="".join(json.dumps(line) + "\n" for line in lines).encode(),
    headers={
        "Content-Type": "application/x-sentry-envelope",
        "X-Sentry-Auth": f"Sentry sentry_version=7, sentry_client=image/1, sentry_key={key}",
    },
)
with urllib.request.urlopen(request, timeout=20) as response:
    print("answered", response.status, response.read().decode())
