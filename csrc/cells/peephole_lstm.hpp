// LSTM with gates that read the cell state: i, f, g, o; states h, c; one weight per unit for i, f and o.
#pragma once
#include "../simd.hpp"

namespace elman::ELMAN_ISA {

struct PeepholeLSTM {
  static constexpr int gates = 4, states = 2, slots = 4, extras = 3;
  static constexpr int gate_of_slot[slots] = {0, 1, 2, 3};
  static constexpr int recurrent = 0;

  static void forward(vec (&a)[slots], const vec* old, vec* fresh, const vec* w) {
    const vec i = sigmoid(a[0] + w[0] * old[1]), f = sigmoid(a[1] + w[1] * old[1]), g = tanh(a[2]);
    fresh[1] = f * old[1] + i * g;
    const vec o = sigmoid(a[3] + w[2] * fresh[1]);
    fresh[0] = o * tanh(fresh[1]);
    a[0] = i, a[1] = f, a[2] = g, a[3] = o;
  }

  static void backward(vec (&a)[slots], const vec* old, vec* d, const vec* w, vec* dw) {
    const vec i = a[0], f = a[1], g = a[2], o = a[3], c = f * old[1] + i * g, t = tanh(c);
    a[3] = d[0] * t * o * (1.0f - o);
    const vec dc = d[1] + d[0] * o * (1.0f - t * t) + a[3] * w[2];
    a[0] = dc * g * i * (1.0f - i);
    a[1] = dc * old[1] * f * (1.0f - f);
    a[2] = dc * i * (1.0f - g * g);
    dw[0] = a[0] * old[1], dw[1] = a[1] * old[1], dw[2] = a[3] * c;
    d[0] = vec{};
    d[1] = dc * f + a[0] * w[0] + a[1] * w[1];
  }
};

}  // namespace elman::ELMAN_ISA
