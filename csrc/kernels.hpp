// The table of functions that each instruction set's copy of the kernels exports.
#pragma once

#include <cstddef>

#include "simd.hpp"
#include "sweep.hpp"

namespace elman {

// The order is that of _CELLS in elman/kernels/cpu.py.
enum CellKind : int { elman_tanh, elman_relu, lstm, gru, peephole_lstm, coupled_lstm, projected_lstm };

template <class N>
struct SweepFunctions {
  size_t (*kept_bytes)(int cell, const Sweep<N>&);
  void (*forward)(int cell, const Sweep<N>&);
  void (*backward)(int cell, const Sweep<N>&, const Gradients<N>&);
};

struct Kernels {
  const char* name;
  SweepFunctions<float> single;
  SweepFunctions<bf16> half;
  double (*multiply_adds)(int threads, long rounds);  // the most arithmetic there is; returns its count
};

extern const Kernels kernels_generic;
#if defined(__x86_64__)
extern const Kernels kernels_avx2, kernels_avx512, kernels_avx512bf16;
#endif

}  // namespace elman
