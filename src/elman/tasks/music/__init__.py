"""Music: what sounds at each step, given what sounded before."""
