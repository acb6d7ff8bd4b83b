"""Takes docs/images/status-page.png and status-page-phone.png while a proxy runs out of ports.

`python -m deploy.demo.screenshots`, as root, with Debian's chromium. The exporter, the kernel and
the load are real, in their own network namespace.
"""

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from deploy.demo import stories
from deploy.demo.record import ALONE, NETWORK, PORTS, ROOT, SETTLED, UPSTREAM

IMAGES = ROOT / "docs" / "images"
URL = "http://127.0.0.1:10190/"
# With these the pool is nearly full when the browser looks.
RATE, SECONDS, LOOKED_AT = 230.0, 45.0, 38.0
DESKTOP, PHONE = {"width": 1200, "height": 900}, {"width": 375, "height": 812}


def main() -> None:
    """Take the pictures, in a network namespace that unshare(1) makes."""
    if sys.argv[1:] == ["inside"]:
        take()
    else:
        inside = [sys.executable, "-m", "deploy.demo.screenshots", "inside"]
        raise SystemExit(
            subprocess.run([*ALONE, SETTLED, "sh", *inside], cwd=ROOT, check=False).returncode
        )


def take() -> None:
    """Let a proxy run out of ports, and take the pictures just before it does."""
    for arguments in NETWORK:
        subprocess.run(["ip", *arguments], check=True)
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(PORTS)
    Path("/proc/self/comm").write_text("edge-proxy")
    exporter = [
        sys.executable,
        "-m",
        "tcp_pressure_exporter",
        "--web.listen-address=127.0.0.1:10190",
    ]
    load = threading.Thread(target=stories.proxy, args=(RATE, SECONDS, print, UPSTREAM))
    with subprocess.Popen([*exporter, "--sample.interval=1s"]) as running:
        load.start()
        time.sleep(LOOKED_AT)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox"],  # its sandbox does not work as root
            )
            picture(chromium, DESKTOP, "light", "status-page.png")
            picture(chromium, PHONE, "dark", "status-page-phone.png")
            chromium.close()
        running.terminate()
    load.join()


def picture(chromium: Browser, size: dict[str, int], scheme: str, name: str) -> None:
    """Save what a screen of this size shows."""
    context = chromium.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]  # pairs and a literal
    page = context.new_page()
    page.goto(URL)
    page.screenshot(path=IMAGES / name)
    context.close()


if __name__ == "__main__":
    main()
