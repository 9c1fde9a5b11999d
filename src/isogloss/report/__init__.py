"""Pictures of what a run found."""

from isogloss.report.charts import draw_prior, draw_priors, draw_run

__all__ = ["draw_prior", "draw_priors", "draw_run"]
