"""A plot as part of a page: inline SVG whose ink follows the page's colours."""

from __future__ import annotations

import io
import re

# What is parsed was drawn by matplotlib a moment ago.
from xml.etree import ElementTree  # nosec B405

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes

from isogloss.plots.style import INK, MUTED, SERIES

# Colours that a dark page needs otherwise -> what the style sheet calls them.
THEMED = {
    "#000000": "currentColor",
    INK: "currentColor",
    MUTED: "var(--muted)",
    SERIES["source"]: "var(--source)",
    SERIES["predicted"]: "var(--predicted)",
    SERIES["estimate"]: "var(--estimate)",
}
_SVG, _LINK = "http://www.w3.org/2000/svg", "{http://www.w3.org/1999/xlink}href"
_UNDATED = {"Date": None, "Creator": None, "Format": None, "Type": None}


def inline_svg(ax: Axes, *, name: str, title: str) -> Markup:
    """Draw the figure of some axes as an SVG element.

    Args:
        ax: of a figure of its own.
        name: of the picture within the page, letters and hyphens; all its ids begin with it.
        title: what a screen reader says in place of the picture.

    Returns:
        Markup: text in it is escaped, and nothing in it is a script, a comment or a reference
        outside the page.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None
    written = io.BytesIO()
    # Texts stay texts: they are small, can be found and read aloud, and have any script.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(written, format="svg", transparent=True, metadata=_UNDATED)
    # The parser drops comments and the document type.
    root = ElementTree.fromstring(written.getvalue())  # nosec B314
    for element in root.iter():
        for unwanted in element.findall(f"{{{_SVG}}}metadata"):
            element.remove(unwanted)
        _adapt(element, name)
    for size in ("width", "height"):
        del root.attrib[size]
    root.attrib |= {"role": "img", "aria-label": title, "class": "plot"}
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK[1:].partition("}")[0])
    # Written anew from the tree, so all text in it is escaped.
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # nosec B704


def _adapt(element: ElementTree.Element, name: str) -> None:
    """Give ids and references the picture's name, and colours those of the page."""
    values = element.attrib
    if "id" in values:
        values["id"] = f"{name}-{values['id']}"
    if values.get(_LINK, "").startswith("#"):
        values[_LINK] = f"#{name}-{values[_LINK][1:]}"
    for attribute in ("clip-path", "style"):
        if attribute in values:
            values[attribute] = re.sub(r"url\(#", f"url(#{name}-", values[attribute])
    if "style" in values:
        style = re.sub(r"#[0-9a-f]{6}", lambda m: THEMED.get(m[0], m[0]), values["style"])
        # The page's typeface; the size stays.
        style = re.sub(r"font-family: [^;]*;? ?", "", style)
        values["style"] = re.sub(r"font: [^;]*?([\d.]+px)[^;]*", r"font-size: \1", style)
