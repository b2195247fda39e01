"""The simple methods that models are compared with."""
