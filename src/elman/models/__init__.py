"""Models: input encoder, recurrent layer and head. ``forward(batch, state)`` returns a loss and a state."""
