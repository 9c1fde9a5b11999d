"""The report in a browser: quiet, whole, and as wide as its window."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from matplotlib.image import imread

from isogloss.report.page import write_report
from tests.helpers.browser import browse, console_lines, needs_browser
from tests.helpers.runs import write_run

pytestmark = [pytest.mark.browser, needs_browser]

WIDTHS = (360, 800, 1400)
# Writes into the page how wide each frame's content is; the report itself has no script.
MEASURE = """<!DOCTYPE html><body><script>
const widths = {widths}, found = [];
for (const width of widths) {{
  const frame = document.createElement("iframe");
  frame.style = `width: ${{width}}px; height: 900px; border: 0`;
  frame.onload = () => {{
    const root = frame.contentDocument.documentElement;
    found.push(`${{width}}:${{root.clientWidth}}:${{root.scrollWidth}}`);
    if (found.length == widths.length) document.title = found.sort().join(" ");
  }};
  frame.src = "{page}";
  document.body.append(frame);
}}
</script>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    labels = ["bad", "a label without any space in it, " + "w" * 60, "good"]
    run = write_run(folder / "run", labels=labels, texts=["x" * 400] * 60)
    return write_report(run)


def test_no_errors_and_every_section(page: Path) -> None:
    dom, stderr = browse(page, "--dump-dom")
    assert console_lines(stderr) == []
    for name in ("outcome", "asked", "balance", "changes", "trust", "shift", "training"):
        assert f'<h2 id="{name}">' in dom
    assert dom.count("<svg") >= 8
    assert dom.count("<section") == dom.count("</section>") == 10


def test_the_helper_sees_a_console(tmp_path: Path) -> None:
    loud = tmp_path / "loud.html"
    loud.write_text("<script>console.error('here')</script>")
    assert "here" in console_lines(browse(loud, "--dump-dom")[1])[0]


def test_nothing_is_wider_than_the_window(page: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer.html"
    outer.write_text(MEASURE.format(widths=list(WIDTHS), page=page.as_uri()))
    dom, _ = browse(
        outer, "--dump-dom", "--allow-file-access-from-files", "--virtual-time-budget=8000"
    )
    title = re.search("<title>(.*)</title>", dom)
    assert title is not None
    found = [tuple(map(int, entry.split(":"))) for entry in title[1].split()]
    assert {width for width, _, _ in found} == set(WIDTHS)
    for width, visible, content in found:
        assert content <= visible <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_screenshots(page: Path, tmp_path: Path, width: int) -> None:
    light, dark = tmp_path / "light.png", tmp_path / "dark.png"
    size = f"--window-size={width},700"
    browse(page, size, f"--screenshot={light}")
    browse(page, size, f"--screenshot={dark}", "--blink-settings=preferredColorScheme=0")
    pictures = [imread(path)[..., :3] for path in (light, dark)]
    assert all(picture.shape[1] == width and picture.std() > 0.03 for picture in pictures)
    # Mostly ground, which is light or dark.
    assert pictures[0].mean() > 0.8 > 0.3 > pictures[1].mean()


def test_it_prints(page: Path, tmp_path: Path) -> None:
    paper = tmp_path / "report.pdf"
    browse(page, f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    assert paper.read_bytes().startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes())) >= 2
