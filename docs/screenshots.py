"""Make the pictures of docs/review.md and docs/pictures.md: handwritten digits, in a headless Chromium.

python docs/screenshots.py [MODE ...]

Without the name of a mode of the review page, as on its tab, all of them, and those of docs/pictures.md.
"""

import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from sklearn.datasets import load_digits

from curator.jobs.embed import embed
from curator.jobs.layout import make_layout
from curator.jobs.map import map_images
from curator.jobs.report import report
from curator.store import Workspace
from curator.store.labels import LabelEvent

IMAGES = Path(__file__).parent / "images"
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
FIRST_PLACE = """async () => {
  const places = await (await fetch("/api/map/points")).arrayBuffer();
  return Array.from(new Float32Array(places, 0, 2));
}"""
DARK = {"Doubt", "Classes"}  # the others are shown by daylight


def make_workspace(folder: Path) -> Workspace:
    """Digits, a third of them labelled, one in twenty of those wrongly."""
    digits, rng = load_digits(), np.random.default_rng(0)
    for number, pixels in enumerate(digits.images):
        path = folder / "digits" / f"{number:04}.png"
        path.parent.mkdir(exist_ok=True)
        # Larger, so that they show what the writer's pen did, as a scan of theirs would.
        Image.fromarray(np.uint8(pixels * 15.9)).resize((64, 64), Image.Resampling.BICUBIC).save(path)
    workspace = Workspace.create(folder / ".curator", folder / "digits")
    embed(workspace)
    workspace.labels.append(
        LabelEvent(row.id, str((digits.target[number] + (rng.random() < 0.05)) % 10), "team", "csv")
        for number, row in enumerate(workspace.catalog.ready())
        if rng.random() < 1 / 3
    )
    make_layout(workspace)
    return workspace


def shoot(page: Page, mode: str) -> None:
    """Bring a mode on stage, and keep what it looks like."""
    page.get_by_role("button", name=mode, exact=True).click()
    if mode == "Search":
        page.get_by_role("button", name="Label", exact=True).click()
        page.locator(".label-mode .photo").wait_for()
        page.keyboard.press("=")
        page.locator(".tiles.found button").first.wait_for()
    if mode == "Doubt":
        page.locator(".doubt-mode .accept.fix").wait_for(timeout=120_000)  # the audit takes its time
    if mode == "Classes":
        page.locator(".known button").nth(2).click()
    if mode == "Map":
        page.locator(".legend li").first.wait_for()
        box = page.locator(".canvas canvas").first.bounding_box() or {"x": 0, "y": 0, "width": 0, "height": 0}
        first = page.evaluate(FIRST_PLACE)
        unit = 0.47 * min(box["width"], box["height"])  # pixels
        x = box["x"] + box["width"] / 2 + unit * first[0]
        y = box["y"] + box["height"] / 2 - unit * first[1]
        page.keyboard.press("l")
        corners = [(x + 45 * math.cos(turn), y + 45 * math.sin(turn)) for turn in np.linspace(0, 6, 9)]
        page.mouse.move(*corners[0])
        page.mouse.down()
        for corner in corners:
            page.mouse.move(*corner)
        page.mouse.up()
    page.wait_for_timeout(2500)
    kept = IMAGES / f"review-{mode.lower()}.jpg"
    page.screenshot(path=kept, type="jpeg", quality=82)
    print(kept)


def shoot_files(browser: Browser, workspace: Workspace) -> None:
    """The map as a picture, and the beginnings of map and report as a browser shows them."""
    folder = workspace.folder
    map_images(workspace, color="proposed", output=IMAGES / "map.png", overwrite=True)
    map_images(workspace, color="doubt", output=folder / "map.html", overwrite=True)
    report(workspace, output=folder / "report.html", overwrite=True)
    for name, height in (("map", 640), ("report", 1500)):
        page = browser.new_page(viewport={"width": 1000, "height": height}, color_scheme="light")
        page.goto((folder / f"{name}.html").as_uri())
        page.wait_for_timeout(1500)
        page.mouse.move(314, 110)
        page.wait_for_timeout(500)
        kept = IMAGES / f"{name}-page.png"
        page.screenshot(path=kept)
        page.close()
        print(kept)


def shoot_modes(browser: Browser, address: str, wanted: list[str]) -> None:
    """Each mode that is wanted, on a page of its own; all that have a tab, where none is."""
    page = browser.new_page()
    page.goto(address)
    page.locator("nav button[aria-current]").wait_for()
    modes = page.locator("nav button").all_inner_texts()
    page.close()
    if unknown := set(wanted) - set(modes):
        sys.exit(f"there is no mode {', '.join(sorted(unknown))}: wanted {', '.join(modes)}")
    for mode in wanted or modes:
        scheme: Literal["dark", "light"] = "dark" if mode in DARK else "light"
        page = browser.new_page(viewport={"width": 1280, "height": 720}, color_scheme=scheme)
        page.goto(address)
        page.locator("nav button[aria-current]").wait_for()
        page.wait_for_timeout(4000)
        shoot(page, mode)
        page.close()


def main(wanted: list[str]) -> None:
    """Make those of some modes, or all."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        workspace = make_workspace(Path(folder))
        command = [
            sys.executable,
            "-m",
            "curator_cli",
            "review",
            "-w",
            str(workspace.folder),
            "--annotator",
            "ann",
        ]
        server = subprocess.Popen(
            [*command, "--no-browser", "--port", "0"], stdout=subprocess.PIPE, text=True
        )
        own = Path(playwright.chromium.executable_path)
        browser = playwright.chromium.launch(
            executable_path=None if own.exists() else shutil.which("chromium"), args=FLAGS
        )
        try:
            if not wanted:
                shoot_files(browser, workspace)
            shoot_modes(browser, server.stdout.readline().strip() if server.stdout else "", wanted)
        finally:
            browser.close()
            server.kill()
            server.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
