"""Examples with labels: texts, pairs of texts, numeric sequences."""
