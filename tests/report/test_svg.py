from __future__ import annotations

from xml.etree import ElementTree

from isogloss.plots import plot_priors
from isogloss.report.svg import inline_svg

NASTY = "</text><script>x</script> #1b1b1e & --> ]]>"


def draw(name: str = "plot-a") -> str:
    ax = plot_priors({"source": [0.5, 0.5], "estimate": [0.1, 0.9]}, [NASTY[:18], "$_{x"])
    ax.set_title(NASTY, parse_math=False)
    return str(inline_svg(ax, name=name, title=NASTY))


def test_text_stays_text_and_ids_are_the_picture_s_own() -> None:
    root = ElementTree.fromstring(draw())
    assert root.attrib["aria-label"] == NASTY
    assert NASTY in [element.text for element in root.iter() if element.tag.endswith("}text")]
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    ids = [e.attrib["id"] for e in root.iter() if "id" in e.attrib]
    assert ids
    assert all(name.startswith("plot-a-") for name in ids)
    assert "<!--" not in draw()
    assert "<?xml" not in draw()


def test_ink_follows_the_page() -> None:
    drawn = draw()
    styles = [
        e.attrib["style"] for e in ElementTree.fromstring(drawn).iter() if "style" in e.attrib
    ]
    assert any("currentColor" in style for style in styles)
    assert not any("#1b1b1e" in style or "#000000" in style for style in styles)
    assert "var(--estimate)" in drawn
    assert "DejaVu" not in drawn


def test_the_same_plot_gives_the_same_markup() -> None:
    assert draw() == draw()
