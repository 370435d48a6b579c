"""A Flask shop with the real sentry-sdk, for tests/real_sdks.rs.

Prints the port it listens on, fails in /checkout after one outgoing call, and ends after /quit, with everything sent.
DSN, PII (0 or 1), OUTGOING_TOKEN and MESSAGE come by environment.
"""

import os
import threading

import flask
import requests
import sentry_sdk
from werkzeug.serving import make_server

sentry_sdk.init(dsn=os.environ["DSN"], send_default_pii=os.environ["PII"] == "1")

app = flask.Flask(__name__)
stop = threading.Event()


@app.get("/stock")
def stock():
    return "plenty"


@app.get("/checkout")
def checkout():
    # The SDK filters these headers where it knows them, and they come back with the frame's variables, as pairs, and
    # with what was logged, as the text of a dict.
    received = list(flask.request.headers)
    app.logger.warning("checkout with %s", dict(received))
    requests.get(
        f"http://127.0.0.1:{server.server_port}/stock",
        params={"token": os.environ["OUTGOING_TOKEN"], "page": "2"},
        timeout=10,
    ).raise_for_status()
    raise RuntimeError(os.environ["MESSAGE"])


@app.get("/quit")
def leave():
    stop.set()
    return "bye"


server = make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"listening on {server.server_port}", flush=True)
stop.wait()
sentry_sdk.flush(timeout=20)
