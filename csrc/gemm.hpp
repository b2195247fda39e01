// The register tile that every product here is made of, and the packing of what it reads.
//
// A product is A [M, K] times a right operand whose columns are packed in panels of V vectors:
// panel[k][V * width], so that a tile reads it from beginning to end.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "simd.hpp"

namespace elman::ELMAN_ISA {

// Rows of a tile V vectors wide.
template <int V>
inline constexpr int tile_rows = accumulators / V;

// acc[r][v] += sum over k of a[r * row + k * step] * panel[k][v].
template <int R, int V>
inline void multiply(vec (&acc)[R][V], const float* a, ptrdiff_t row, ptrdiff_t step, const float* panel,
                     ptrdiff_t K) {
  const auto add = [&](vec (&sum)[R][V], const float* from, const float* right) {
    vec b[V];
    for (int v = 0; v < V; ++v) b[v] = load(right + v * width);
    for (int r = 0; r < R; ++r) {
      const vec x = all(from[r * row]);
      for (int v = 0; v < V; ++v) sum[r][v] += x * b[v];
    }
  };
  if constexpr (R * V <= accumulators / 2) {
    // few rows: more sums hide the latency of one
    constexpr int ways = std::min(4, accumulators / (R * V));
    vec more[ways - 1][R][V] = {};
    for (; K >= ways; K -= ways, a += ways * step, panel += ways * V * width) {
      add(acc, a, panel);
      for (int w = 1; w < ways; ++w) add(more[w - 1], a + w * step, panel + w * V * width);
    }
    for (int w = 0; w < ways - 1; ++w)
      for (int r = 0; r < R; ++r)
        for (int v = 0; v < V; ++v) acc[r][v] += more[w][r][v];
  }
  for (; K > 0; --K, a += step, panel += V * width) add(acc, a, panel);
}

// Calls body(integral_constant<int, R>, first) for row tiles of at most Most rows that cover [begin, end).
template <int Most, class Body>
inline void for_row_tiles(ptrdiff_t begin, ptrdiff_t end, Body&& body) {
  for (; begin + Most <= end; begin += Most) body(std::integral_constant<int, Most>{}, begin);
  if constexpr (Most > 1) {
    if (begin < end) for_row_tiles<Most - 1>(begin, end, body);
  }
}

// The part of [0, n) that thread `index` of `threads` takes.
inline std::pair<ptrdiff_t, ptrdiff_t> share(ptrdiff_t n, int index, int threads) {
  return {n * index / threads, n * (index + 1) / threads};
}

}  // namespace elman::ELMAN_ISA
