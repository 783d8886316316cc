"""Dates as they are written: forms, names of months, which of day and month is first, ISO 8601."""
