"""Networks as C: one header without allocation, whose weights are constants."""
