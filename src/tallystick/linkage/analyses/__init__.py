"""Analyses of the links of a run: its records read, its errors modelled, estimates corrected and told."""
