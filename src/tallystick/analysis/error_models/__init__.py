"""What linkage errors do to a linked file, as the matrix Q = E[C | X], which is never built."""
