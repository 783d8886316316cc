"""Contingency tables of linked data, corrected for linkage errors."""
