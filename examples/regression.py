"""A simple recurrent network that predicts a number from a sequence: 50 units, a dense output, Adam,
mean squared error, 10 epochs, batches of 32, on an array of shape (1000, 10, 1).
"""

import numpy as np

import elman

time = np.random.default_rng(0).uniform(0, 20, size=(1000, 1)) + 0.3 * np.arange(11)
waves = np.sin(time)
X, y = waves[:, :10, None], waves[:, 10]  # ten steps of a sine wave, and the next one

model = elman.SequenceRegressor(cell="elman", hidden_size=50, epochs=10, batch_size=32)
model.fit(X[:800], y[:800])

print(f"R² on 200 unseen sequences: {model.score(X[800:], y[800:]):.4f}")
print("predicted", model.predict(X[800:803]).round(3), " true", y[800:803].round(3))
