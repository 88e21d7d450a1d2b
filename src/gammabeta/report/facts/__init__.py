"""What a report shows of data and model, measured once while both are at hand, and kept as a small file."""

from gammabeta.report.facts.measure import Facts, data_facts, facts

__all__ = ["Facts", "data_facts", "facts"]
