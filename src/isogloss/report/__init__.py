"""Pictures of what a run found."""

from isogloss.report.charts import draw_run

__all__ = ["draw_run"]
