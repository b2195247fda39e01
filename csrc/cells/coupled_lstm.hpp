// LSTM with an input gate of one minus the forget gate: f, g, o; states h, c.
#pragma once
#include "../simd.hpp"

namespace elman::ELMAN_ISA {

struct CoupledLSTM {
  static constexpr int gates = 3, states = 2, slots = 3, extras = 0;
  static constexpr int gate_of_slot[slots] = {0, 1, 2};
  static constexpr int recurrent = 0;

  static void forward(vec (&a)[slots], const vec* old, vec* fresh, const vec*) {
    const vec f = sigmoid(a[0]), g = tanh(a[1]), o = sigmoid(a[2]);
    fresh[1] = g + f * (old[1] - g);
    fresh[0] = o * tanh(fresh[1]);
    a[0] = f, a[1] = g, a[2] = o;
  }

  static void backward(vec (&a)[slots], const vec* old, vec* d, const vec*, vec*) {
    const vec f = a[0], g = a[1], o = a[2], t = tanh(g + f * (old[1] - g));
    const vec dc = d[1] + d[0] * o * (1.0f - t * t);
    a[0] = dc * (old[1] - g) * f * (1.0f - f);
    a[1] = dc * (1.0f - f) * (1.0f - g * g);
    a[2] = d[0] * t * o * (1.0f - o);
    d[0] = vec{};
    d[1] = dc * f;
  }
};

}  // namespace elman::ELMAN_ISA
