"""What speaks for an analysis of linked data and what against it, without knowing a wrong link."""
