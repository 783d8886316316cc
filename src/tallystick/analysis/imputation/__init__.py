"""Doubtful links as missing data: multiple imputation, and Rubin's rules for what comes of it."""
