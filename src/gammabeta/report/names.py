"""The files of a run folder."""

MODEL_NAME = "model.safetensors"
PLAN_NAME, HISTORY_NAME, METRICS_NAME = "plan.json", "history.jsonl", "metrics.json"
FINDINGS_NAME, ROWS_NAME, FACTS_NAME, REPORT_NAME = "findings.json", "rows.json", "facts.json", "report.html"
MEASURES_NAME, RANGE_NAME = "measures.json", "range_test.json"
RECIPE_NAME, SEARCH_NAME, DATABASE_NAME = "recipe.json", "search.json", "search.db"
PROGRESS_NAME = "progress.json"
"""There while a recipe or a search is under way: {"step", "words"}."""

STEPS = ("data", "skeleton", "overfit", "regularize", "tune", "squeeze")
"""Of a recipe, in their order."""
