"""Regression of linked data as a mixture of right and wrong links, where no audit says how many are wrong."""
