// Elman's simple network, tanh or relu; state h.
#pragma once
#include "../simd.hpp"

namespace elman::ELMAN_ISA {

template <bool Relu>
struct Elman {
  static constexpr int gates = 1, states = 1, slots = 1, extras = 0;
  static constexpr int gate_of_slot[slots] = {0};
  static constexpr int recurrent = 0;

  static void forward(vec (&a)[slots], const vec*, vec* fresh, const vec*) {
    if constexpr (Relu)
      a[0] = select(a[0] <= 0.0f, all(0.0f), a[0]);  // so NaN stays NaN
    else
      a[0] = tanh(a[0]);
    fresh[0] = a[0];
  }

  static void backward(vec (&a)[slots], const vec*, vec* d, const vec*, vec*) {
    if constexpr (Relu)
      a[0] = select(a[0] <= 0.0f, all(0.0f), d[0]);
    else
      a[0] = d[0] * (1.0f - a[0] * a[0]);
    d[0] = vec{};
  }
};

}  // namespace elman::ELMAN_ISA
