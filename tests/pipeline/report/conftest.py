"""Reports, and a browser that looks at them."""

from report_fixtures import browse, chromium, large, reported, reported_once, serve
from run_fixtures import make_run, sign

__all__ = [
    "browse",
    "chromium",
    "large",
    "make_run",
    "reported",
    "reported_once",
    "serve",
    "sign",
]
