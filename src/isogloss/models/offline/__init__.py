"""The offline encoder: a multilingual transformer that `pip` alone can bring."""

from __future__ import annotations

from isogloss.models.offline.convert import offline_folder

__all__ = ["offline_folder"]
