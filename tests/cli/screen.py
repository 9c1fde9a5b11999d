"""What a renderable looks like on a plain screen."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType


def shown(renderable: RenderableType, *, width: int = 120) -> str:
    """The text of `renderable`, without colours."""
    stream = io.StringIO()
    Console(file=stream, width=width, markup=False, color_system=None).print(renderable)
    return stream.getvalue()
