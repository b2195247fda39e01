// The table of functions that each instruction set's copy of the kernels exports.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "simd.hpp"
#include "sweep.hpp"

namespace elman {

// The list of cells; a library that holds another cell names a list of its own.
#ifndef ELMAN_CELLS
#define ELMAN_CELLS "cells.def"
#endif

enum CellKind : int {
#define CELL(kind, ...) kind,
#include ELMAN_CELLS
};

// The facts that a cell's struct declares.
struct CellFacts {
  int gates, states;
  bool projects, recurs;
};

// Throws; not compiled for an instruction set, as an inline function would be.
[[noreturn]] void refuse(int kind);

// The number of names in a text, separated by single spaces.
consteval int count(std::string_view names) {
  return names.empty() ? 0 : 1 + std::count(names.begin(), names.end(), ' ');
}

template <class N>
struct Functions {
  CellFacts (*facts)(int cell);
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
  const char* flags;  // of the compiler
  Functions<float> single;
  Functions<bf16> half;
  double (*multiply_adds)(int threads, long rounds);  // arithmetic at peak rate; returns its count
};

// What a library with a cell made at run time exports, as `elman_cell`; see csrc/plugin.cpp.
struct Exported {
  // of what is passed to it: a library made for other structs must not be called
  std::array<size_t, 4> sizes;
  const Kernels* kernels;
};
inline constexpr std::array<size_t, 4> sizes_of_arguments = {sizeof(Kernels), sizeof(Sweep<float>),
                                                             sizeof(Gradients<float>), sizeof(Step<float>)};

extern const Kernels kernels_generic;
#if defined(__x86_64__)
extern const Kernels kernels_avx2, kernels_avx512, kernels_avx512bf16, kernels_amx;
#endif

}  // namespace elman
