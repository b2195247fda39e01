// GRU, reset after the product; state h. Slots: n's projected part, r, z, n's recurrent part.
#pragma once
#include "../simd.hpp"

namespace elman::ELMAN_ISA {

struct GRU {
  static constexpr int gates = 3, states = 1, slots = 4, extras = 0;
  static constexpr int gate_of_slot[slots] = {2, 0, 1, 2};  // torch's order is r, z, n
  static constexpr int recurrent = 1;                       // slots 1, 2, 3 read the recurrent product

  static void forward(vec (&a)[slots], const vec* old, vec* fresh, const vec*) {
    const vec r = sigmoid(a[1]), z = sigmoid(a[2]), n = tanh(a[0] + r * a[3]);
    fresh[0] = n + z * (old[0] - n);
    a[0] = n, a[1] = r, a[2] = z;
  }

  static void backward(vec (&a)[slots], const vec* old, vec* d, const vec*, vec*) {
    const vec n = a[0], r = a[1], z = a[2], u = a[3];
    const vec dn = d[0] * (1.0f - z) * (1.0f - n * n);
    a[0] = dn;
    a[1] = dn * u * r * (1.0f - r);
    a[2] = d[0] * (old[0] - n) * z * (1.0f - z);
    a[3] = dn * r;
    d[0] = d[0] * z;
  }
};

}  // namespace elman::ELMAN_ISA
