"""Checks that Label Studio imports our pre-annotations and serves their pictures.

    python benchmarks/import_to_label_studio.py [folder of Label Studio's environment]

It gets an environment of its own, made where there is none yet (a gigabyte), and runs here, with a
data base of its own, for as long as this takes. Imported: the pictures of `read_by_kraken.py`. A
picture counts when its task comes back with a prediction of all boxes and its very bytes are served.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

from read_by_kraken import ROOT, environment, exported

LABEL_STUDIO = "label-studio==1.23.2"
USER, PASSWORD = "someone@example.org", "of-no-account"
HOME = "http://127.0.0.1:8099"
MINUTES_TO_START = 10


class Session:
    """The session of a logged-in user, as in a browser."""

    def __init__(self) -> None:
        self.cookies = CookieJar()
        self.opener = build_opener(HTTPCookieProcessor(self.cookies))
        form = self.ask("/user/login/").decode()
        (token,) = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        filled = {"csrfmiddlewaretoken": token, "email": USER, "password": PASSWORD}
        self.ask("/user/login/", urlencode(filled).encode(), "application/x-www-form-urlencoded")

    def ask(self, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        """Return what a path answers."""
        token = next((cookie.value for cookie in self.cookies if cookie.name == "csrftoken"), "")
        headers = {"Content-Type": kind, "X-CSRFToken": str(token), "Referer": HOME}
        with self.opener.open(Request(HOME + path, body, headers), timeout=300) as answer:  # noqa: S310 - HOME is the server started here
            content: bytes = answer.read()
        return content

    def tell(self, path: str, body: object) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return what the interface answers to JSON."""
        return json.loads(self.ask(path, json.dumps(body).encode()))


@contextmanager
def label_studio(python: Path, folder: Path) -> Iterator[Session]:
    """Run Label Studio with `folder` as its document root, and log in."""
    settings = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder / "data"),
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(folder),
        "COLLECT_ANALYTICS": "false",
    }
    command = [str(python.with_name("label-studio")), "start", "--no-browser", "--port", "8099"]
    command += ["--internal-host", "127.0.0.1", "--username", USER, "--password", PASSWORD]
    (folder / "data").mkdir()
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, env={**os.environ, **settings}, stdout=log, stderr=log) as server,
    ):
        try:
            yield _session(server)
        finally:
            server.terminate()


def _session(server: subprocess.Popen[bytes]) -> Session:
    deadline = time.monotonic() + 60 * MINUTES_TO_START
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(URLError):
            return Session()
        time.sleep(1)
    sys.exit("Label Studio does not start")


def imported(session: Session, exports: Path, pictures: Path) -> list[str]:
    """Import everything into a project, and return one line per picture."""
    interface = (exports / "labelstudio.xml").read_text()
    project = session.tell("/api/projects", {"title": "locpipe", "label_config": interface})["id"]
    storage = {"project": project, "path": str(pictures), "use_blob_urls": True}
    session.tell("/api/storages/localfiles", storage)
    written = json.loads((exports / "labelstudio.json").read_bytes())
    session.tell(f"/api/projects/{project}/import", written)
    there = json.loads(session.ask(f"/api/tasks?project={project}&fields=all&page_size=100"))[
        "tasks"
    ]
    boxes = {task["data"]["image"]: len(task["predictions"][0]["result"]) for task in written}
    lines = []
    for task in there:
        name, address = task["data"]["picture"], task["data"]["image"]
        found = sum(len(prediction["result"]) for prediction in task["predictions"])
        same = session.ask(address) == (pictures / name).read_bytes()
        lines.append(f"{name}  {boxes.pop(address)}  {found}  {same}\n")
    return [*sorted(lines), *(f"{address} is missing\n" for address in boxes)]


def main() -> None:
    """Print the content of Label Studio, and fail if it differs from the export."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        exports = exported(folder, "labelstudio")
        place = Path(sys.argv[1]) if len(sys.argv) > 1 else folder / "label-studio"
        with label_studio(environment(place, [LABEL_STUDIO]), folder) as session:
            lines = imported(session, exports, folder / "pictures")
    text = (
        f"{LABEL_STUDIO}: picture, boxes written, boxes imported, picture served\n{''.join(lines)}"
    )
    print(text, end="")
    (ROOT / "benchmarks" / "results" / "import_to_label_studio.txt").write_text(text)
    whole = (re.fullmatch(r"\S+  (\d+)  \1  True\n", line) for line in lines)
    sys.exit(int(not all(whole)))


if __name__ == "__main__":
    main()
