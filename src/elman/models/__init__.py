"""Models: embed or encode, a recurrent layer, a head. ``forward(batch, state)`` gives a loss and a state."""
