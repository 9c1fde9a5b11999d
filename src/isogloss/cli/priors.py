"""Class priors from the texts of options."""

from __future__ import annotations

from isogloss.cli.facts import as_share
from isogloss.errors import IsoglossError


def read_prior(text: str) -> dict[str, float]:
    """Label -> share, from `LABEL=SHARE,...`.

    Raises:
        IsoglossError: E720 for a text of another form.
    """
    prior: dict[str, float] = {}
    for part in text.split(","):
        # From the right: a label may hold an equals sign, a share cannot.
        label, _, number = part.rpartition("=")
        label, share = label.strip(), as_share(number)
        if not label or share is None:
            raise IsoglossError("E720", text=text, why=f"{part!r} is not LABEL=SHARE")
        if label in prior:
            raise IsoglossError("E720", text=text, why=f"{label!r} is there twice")
        prior[label] = share
    return prior
