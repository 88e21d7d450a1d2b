"""The files of a run folder."""

MODEL_NAME = "model.safetensors"
PLAN_NAME, HISTORY_NAME, METRICS_NAME = "plan.json", "history.jsonl", "metrics.json"
FINDINGS_NAME, ROWS_NAME, FACTS_NAME, REPORT_NAME = "findings.json", "rows.json", "facts.json", "report.html"
MEASURES_NAME = "measures.json"
RECIPE_NAME = "recipe.json"
