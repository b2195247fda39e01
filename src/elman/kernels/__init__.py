"""How a stack of cells is unrolled over time: a readable reference and the backends that are faster."""
