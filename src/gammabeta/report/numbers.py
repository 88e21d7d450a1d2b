"""How numbers are written for people."""


def number(value: float | None) -> str:
    """Four significant digits, without an exponent where it can be avoided."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def score(value: float | None) -> str:
    """Four decimals where a metric is a share or near one, so that they stand under each other."""
    return number(value) if value is None or 0 < abs(value) < 0.001 or abs(value) >= 10 else f"{value:.4f}"


def short(value: float | None) -> str:
    """Three significant digits, for the ticks of an axis and the cells of a table."""
    if value is None:
        return ""
    if value == 0:
        return "0"
    if abs(value) >= 1e6 or abs(value) < 1e-3:
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def percent(share: float | None) -> str:
    """A share in [0, 1] as a percentage with one decimal."""
    return "" if share is None else f"{100 * share:.1f} %"


def cut(name: str, most: int) -> str:
    """A name of at most so many letters; what is long loses its middle, for names of one family differ at their end."""
    if len(name) <= most:
        return name
    tail = (most - 1) // 2
    return f"{name[: most - 1 - tail]}…{name[-tail:]}" if tail else name[:most]


def metric_name(name: str) -> str:
    """A metric as people write it: ``r2`` as R²."""
    known = {"r2": "R²", "rmse": "RMSE", "mae": "MAE", "roc_auc": "ROC AUC", "f1": "F1", "f1_micro": "F1 (micro)"}
    return known.get(name, name.replace("_", " "))
