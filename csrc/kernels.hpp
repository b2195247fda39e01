// The table of functions that each instruction set's copy of the kernels exports.
#pragma once

#include <cstddef>
#include <span>

#include "simd.hpp"
#include "sweep.hpp"

namespace elman {

// The order is that of CELLS in elman/kernels/compiled/passes.py.
enum CellKind : int { elman_tanh, elman_relu, lstm, gru, peephole_lstm, coupled_lstm, projected_lstm };

template <class N>
struct Functions {
  int (*gates)(int cell);
  size_t (*kept_bytes)(int cell, const Sweep<N>&);
  // one sweep for each direction of a layer
  void (*forward)(int cell, std::span<const Sweep<N>>);
  void (*backward)(int cell, std::span<const Sweep<N>>, std::span<const Gradients<N>>);
  void (*step)(int cell, const Step<N>&);
  void (*narrow)(N* to, const float* from, size_t n);  // rounds; copies where N is float
  void (*widen)(float* to, const N* from, size_t n);
};

struct Kernels {
  const char* name;
  Functions<float> single;
  Functions<bf16> half;
  double (*multiply_adds)(int threads, long rounds);  // the most arithmetic there is; returns its count
};

extern const Kernels kernels_generic;
#if defined(__x86_64__)
extern const Kernels kernels_avx2, kernels_avx512, kernels_avx512bf16;
#endif

}  // namespace elman
