"""Regression of linked data: estimating equations that allow for linkage errors."""
