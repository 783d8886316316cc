"""The report of a run: its content as plain data, and the page that is made of that content alone."""

from tallystick.quality.report.content import report_content
from tallystick.quality.report.figures import Figures
from tallystick.quality.report.page import render_page
from tallystick.quality.report.write import render_report, write_report

__all__ = ["Figures", "render_page", "render_report", "report_content", "write_report"]
