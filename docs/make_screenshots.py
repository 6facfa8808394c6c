"""Pictures for the documentation, from the synthetic hospital of `ehrxqa demo`.

    python docs/make_screenshots.py [--out demo]

Needs the dependency group `browser` and a chromium; writes screenshots of the explorer to `docs/images/explorer-*.webp`
and the X-ray of the landing page to `xray.webp`. Without `--out`, the demo is made first, and two runs in it. No
picture of a patient can get into the documentation: other data are refused.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

IMAGES = Path(__file__).parent / "images"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--force-color-profile=srgb"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SQL = (
    "select subject_id, study_id, studydatetime\nfrom tb_cxr\n"
    'where func_vqa("is there pleural effusion?", study_id) = true\nlimit 4'
)
#: Largest file, in bytes.
LARGEST = 150_000
#: The answer on the landing page, whose X-ray shows one finding only.
LANDING = ["left clavicle", "left hemidiaphragm", "left lung", "left shoulder", "left upper lung zone"]


def main() -> None:
    """Make all screenshots."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="Folder of ehrxqa demo.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = arguments.out or _demo(Path(temporary) / "demo")
        server = subprocess.Popen(
            [sys.executable, "-u", "-m", "ehrxqa", "serve", str(out), "--port", "0"], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout is not None
            found = re.search(r"(http://127\.0\.0\.1:\d+)/ ", server.stdout.readline())
            if found is None:
                sys.exit("the explorer shows no synthetic data: no screenshots are made of others")
            _shoot(found[1], _landing_image(out / "ehrxqa"), _question(out / "ehrxqa"))
        finally:
            server.terminate()
            server.wait(20)


def _demo(out: Path) -> Path:
    from ehrxqa.demonstration.run import demo
    from ehrxqa.models.run import run

    demo(out)
    run(out / "ehrxqa", parser="gold", vision="perturbed:0.1", name="gold-blurred")
    run(out / "ehrxqa", parser="gold", vision="constant:no", name="gold-blind")
    return out


def _landing_image(build: Path) -> str:
    """The image for which the query of the landing page has the answer that is shown there."""
    import ehrxqa

    database = build / "database/test/mimic_iv_cxr.db"
    (query,) = re.findall(r"```sql\n(.*?)```", (IMAGES.parent / "index.md").read_text(encoding="utf-8"), re.DOTALL)
    current = ehrxqa.query(database, "select subject_id from admissions where dischtime is null order by 1").answer
    for subject in current:
        asked = query.replace("10000001", str(subject))
        if ehrxqa.query(database, asked).answer == LANDING:
            study = re.sub(r"func_vqa\(.*?\)", "study_id", asked, count=1, flags=re.DOTALL)
            found = (
                f'select image_id, func_vqa("list all abnormality.", study_id) from tb_cxr where study_id in ({study})'
            )
            if len(images := {str(row[0]) for row in ehrxqa.query(database, found).rows}) == 1:
                return images.pop()
    sys.exit("no X-ray of this demo has the answer of the landing page")


def _question(build: Path) -> int:
    """A question about one X-ray that the tables name, and that asks for what two places of it have in common."""
    import ehrxqa

    asked = ehrxqa.load(build).test.filter(scope="IMAGE-SINGLE-1", answer_type="list")
    return int(next(one.id for one in asked if "admissions" in one.query and " intersect " in one.query))


def _shoot(base: str, landing: str, shown: int) -> None:
    from playwright.sync_api import Page, sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)

        def page(path: str, width: int = 1280, height: int = 860, scheme: str = "light") -> Page:
            opened = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            opened.goto(base + path, wait_until="networkidle")
            return opened

        def save(opened: Page, name: str) -> None:
            _write(IMAGES / f"explorer-{name}.webp", opened.screenshot())
            opened.close()

        xray = page(f"/image/{landing}", height=1400)
        _write(IMAGES / "xray.webp", xray.locator("figure.xray svg").first.screenshot())
        xray.close()
        save(page("/"), "home")
        save(page("/questions?modality=Image%2BTable&split=test"), "questions")
        question = f"/question/test/{shown}"
        save(page(question, height=980), "question")
        save(page(question, width=390, height=844), "question-narrow")
        first = page("/")
        image = first.locator(".wall a").first.get_attribute("href")
        first.close()
        viewed = page(f"{image}", height=900, scheme="dark")
        subject = viewed.locator(".crumbs a").first.get_attribute("href")
        save(viewed, "image")
        save(page(f"{subject}", height=980), "subject")
        asked = page("/ask")
        asked.fill("#sql", SQL)
        asked.click("button:text-is('Run')")
        asked.wait_for_load_state("networkidle")
        save(asked, "ask")
        runs = page("/runs")
        link = runs.locator("th a").first.get_attribute("href")
        runs.close()
        save(page(f"{link}"), "run")
        quiz = page("/quiz/5")
        quiz.click("input.place", position={"x": 300, "y": 250})
        quiz.wait_for_selector(".verdict-line")
        quiz.wait_for_load_state("networkidle")
        save(quiz, "quiz")
        browser.close()


def _write(path: Path, png: bytes) -> None:
    """A small WebP file: flat areas keep their colours, X-rays may lose some of their noise."""
    with Image.open(io.BytesIO(png)) as image:
        for quality in (80, 65, 50, 35):
            out = io.BytesIO()
            image.convert("RGB").save(out, "WEBP", quality=quality, method=6)
            if out.tell() <= LARGEST:
                break
    path.write_bytes(out.getvalue())
    print(f"{path.name}: {out.tell() / 1000:.0f} kB")


if __name__ == "__main__":
    main()
