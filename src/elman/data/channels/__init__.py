"""Tables of channels over time, with labels of anomalies."""
