// The table of functions that each instruction set's copy of the kernels exports.
#pragma once

#include "sweep.hpp"

namespace elman {

enum CellKind : int { elman_tanh, elman_relu, lstm, gru };

struct Kernels {
  const char* name;
  int64_t (*gate_floats)(int cell, int64_t H);
  int64_t (*padded)(int cell, int64_t H);
  void (*forward)(int cell, const Sweep&);
  void (*backward)(int cell, const Sweep&, const Gradients&);
};

extern const Kernels kernels_generic;
#if defined(__x86_64__)
extern const Kernels kernels_avx2, kernels_avx512;
#endif

}  // namespace elman
