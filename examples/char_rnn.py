"""A character-level language model on one string, in plain PyTorch with an elman layer.

The network reads a character and says how probable each character is to come next. That is a choice among
V classes, so the loss is cross-entropy, −log p(next). Squared error on one-hot vectors, which some tutorials
use, is the wrong loss: it does not belong to a distribution over characters, it hardly punishes a confident
wrong answer, and through a softmax its gradient vanishes just when the answer is most wrong.

``elman.LanguageModel().fit(texts=[text])`` does all this, and more, in one line.
"""

import torch
import torch.nn.functional as F
from torch import nn

import elman

torch.manual_seed(0)
text = "hello world, hello memory: a recurrent network reads one character at a time. "
alphabet = sorted(set(text))
ids = torch.tensor([alphabet.index(character) for character in text])

embedding = nn.Embedding(len(alphabet), 16)
layer = elman.RNN(16, 64)
output = nn.Linear(64, len(alphabet))
parameters = [*embedding.parameters(), *layer.parameters(), *output.parameters()]
optimizer = torch.optim.Adam(parameters, lr=0.01)

for step in range(201):
    features, _ = layer(embedding(ids[:-1]))  # [T, 64]: one output a step
    loss = F.cross_entropy(output(features), ids[1:])  # each step's target is the next character
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step:3}  {loss.item():.3f} nats per character")

# To generate, the prediction is fed back, and the state carries all that was read.
token, state, written = ids[:1], None, text[0]
with torch.no_grad():
    for _ in range(len(text) - 1):
        features, state = layer(embedding(token), state)
        token = output(features).argmax(-1)
        written += alphabet[token.item()]
print(written)
