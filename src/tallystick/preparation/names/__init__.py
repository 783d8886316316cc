"""Names of persons: taken apart, put in order, corrected."""
