"""Pictures as inline SVG: colors by classes of the page's style, so that light, dark and paper are one picture."""

from gammabeta.report.charts.bars import Bar, bars
from gammabeta.report.charts.heat import heat_map
from gammabeta.report.charts.histogram import histogram, sparkbars
from gammabeta.report.charts.lines import Line, line_chart
from gammabeta.report.charts.panels import Panel, panels
from gammabeta.report.charts.parallel import Axis, Thread, parallel
from gammabeta.report.charts.scatter import scatter

__all__ = [
    "Axis",
    "Bar",
    "Line",
    "Panel",
    "Thread",
    "bars",
    "heat_map",
    "histogram",
    "line_chart",
    "panels",
    "parallel",
    "scatter",
    "sparkbars",
]
