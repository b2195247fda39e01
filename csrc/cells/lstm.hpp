// LSTM: i, f, g, o; states h, c.
#pragma once
#include "../simd.hpp"

namespace elman::ELMAN_ISA {

struct LSTM {
  static constexpr int gates = 4, states = 2, slots = 4, extras = 0;
  static constexpr int gate_of_slot[slots] = {0, 1, 2, 3};
  static constexpr int recurrent = 0;

  static void forward(vec (&a)[slots], const vec* old, vec* fresh, const vec*) {
    const vec i = sigmoid(a[0]), f = sigmoid(a[1]), g = tanh(a[2]), o = sigmoid(a[3]);
    fresh[1] = f * old[1] + i * g;
    fresh[0] = o * tanh(fresh[1]);
    a[0] = i, a[1] = f, a[2] = g, a[3] = o;
  }

  static void backward(vec (&a)[slots], const vec* old, vec* d, const vec*, vec*) {
    const vec i = a[0], f = a[1], g = a[2], o = a[3];
    const vec t = tanh(f * old[1] + i * g);
    const vec dc = d[1] + d[0] * o * (1.0f - t * t);
    a[0] = dc * g * i * (1.0f - i);
    a[1] = dc * old[1] * f * (1.0f - f);
    a[2] = dc * i * (1.0f - g * g);
    a[3] = d[0] * t * o * (1.0f - o);
    d[0] = vec{};
    d[1] = dc * f;
  }
};

}  // namespace elman::ELMAN_ISA
