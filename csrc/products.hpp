// The products of a backward sweep over all steps at once: the gradients of inputs and weights, from the
// gradients of the gates of all rows.
#pragma once

#include <deque>
#include <vector>

#include "gemm.hpp"
#include "layout.hpp"
#include "memory.hpp"
#include "rows.hpp"

namespace elman::ELMAN_ISA {

// A left operand: the gradient of each row's gates, in blocks of units.
template <class N>
struct GateRows {
  const N* data;
  ptrdiff_t stride, rows, units;
};

// One direction's term of the input's gradient: its gates' gradients times its weights' columns.
template <class N>
struct InputTerm {
  GateRows<N> gates;
  const Panels<N>& weights;  // of C vectors
};

// dx [T * B, I] = the sum of the terms, which have the same rows.
template <int C, class N>
void input_gradient(N* dx, ptrdiff_t I, const std::vector<InputTerm<N>>& terms, const Rows& rows, ptrdiff_t B,
                    int index, int threads) {
  [[maybe_unused]] const TileRegisters own;
  constexpr ptrdiff_t chunk = (in_tiles<N> ? 2 : 4) * tile_rows<N, C>;
  const auto [begin, end] = share((rows.total() + chunk - 1) / chunk, index, threads);
  std::vector<N*> to(chunk);
  for (ptrdiff_t from = begin * chunk; from < std::min(end * chunk, rows.total()); from += chunk) {
    const ptrdiff_t until = std::min(from + chunk, rows.total());
    rows.each(from, until,
              [&](ptrdiff_t row, ptrdiff_t t, ptrdiff_t b) { to[row - from] = dx + (t * B + b) * I; });
    for (ptrdiff_t p = 0; p < terms[0].weights.count; ++p)
      for_tiles<N, C>(from, until, [&](ptrdiff_t m, ptrdiff_t height) {
        alignas(64) float sum[tile_rows<N, C> * C * width];
        for (const auto& [gates, weights] : terms)
          multiply<Left::rows, C>(height, sum, C * width, &weights != &terms[0].weights,
                                  gates.data + m * gates.stride, gates.stride, weights[p], weights.K);
        for (ptrdiff_t r = 0; r < height; ++r)
          for (int c = 0; c < C; ++c) {
            const ptrdiff_t column = (p * C + c) * width;
            if (column < I)
              store_some(to[m + r - from] + column, I - column, load(sum + (r * C + c) * width));
          }
      });
  }
  const auto [first, last] = share(rows.steps(), index, threads);
  for (ptrdiff_t t = first; t < last; ++t)
    for (ptrdiff_t b = rows.count(t); b < B; ++b)
      std::memset(static_cast<void*>(dx + (t * B + rows.original(b)) * I), 0, I * sizeof(N));
}

// One weight's gradient: dw [gates * units, columns] and its bias's; either may be null.
template <class N>
struct WeightGradient {
  N* dw;
  float* db;
  ptrdiff_t columns;
  int first, gates;             // the slots that the weight feeds
  const int* block;             // of the weight, for each slot
  std::vector<const N*> right;  // the weight's operand, for each row
};

// Some blocks of the gates' gradients, transposed to the left operand of a weight's gradient: for `depth`
// rows, their folds lie in columns, or in AMX's tiles in rows.
template <class N, int Slots>
class GateColumns {
 public:
  static constexpr int M = Slots * width, q = fold<N>;  // M: columns of a block
  static constexpr Left order = in_tiles<N> ? Left::rows : Left::columns;
  static constexpr ptrdiff_t depth = in_tiles<N> ? 512 : 256, stride = in_tiles<N> ? depth + 32 : M * q,
                             together = in_tiles<N> ? 2 : 1;  // blocks of one slot that are neighbours

  explicit GateColumns(ptrdiff_t blocks) : blocks_(blocks), memory_(blocks * M * row * sizeof(N)) {}

  N* at(ptrdiff_t block, int slot) const {
    const ptrdiff_t first = in_tiles<N> ? (slot * blocks_ + block) * width * stride : block * M * row;
    return memory_.template as<N>() + first + (in_tiles<N> ? 0 : slot * width * q);
  }

  // Copies K folds of one slot of a block; pack(to, k) writes fold k as one vector.
  template <class Pack>
  void fill(ptrdiff_t block, int slot, ptrdiff_t K, Pack&& pack) const {
    N* to = at(block, slot);
    if constexpr (order == Left::columns)
      for (ptrdiff_t k = 0; k < K; ++k) pack(to + k * stride, k);
    else
      for (ptrdiff_t k = 0; k < K; k += width) {
        veci m[width];
        for (int i = 0; i < width; ++i) pack(reinterpret_cast<N*>(&m[i]), k + i);
        transpose(m);
        for (int i = 0; i < width; ++i) std::memcpy(to + i * stride + k * q, &m[i], sizeof(veci));
      }
  }

 private:
  static constexpr ptrdiff_t row = in_tiles<N> ? stride : depth;
  const ptrdiff_t blocks_;
  const Memory memory_;
};

// dw = gates' gradients transposed times the weight's operand. Threads take blocks of units.
//
// Slots: slots of a block. place(slot, block): position of a slot in a row of gates.
template <int Slots, class N, class Place>
void weight_gradients(std::vector<WeightGradient<N>>& wanted, const GateRows<N>& gates, Place&& place,
                      int index, int threads) {
  using Left = GateColumns<N, Slots>;
  constexpr int W = 4, M = Left::M, q = fold<N>;                          // W: vectors of a panel
  constexpr ptrdiff_t depth = Left::depth, group = std::max(1, 512 / M);  // rows and blocks at a time
  const ptrdiff_t blocks = (gates.units + width - 1) / width;
  const auto [begin, end] = share(blocks, index, threads);
  const ptrdiff_t own = end - begin;
  if (own == 0) return;
  ptrdiff_t panels = 0;
  for (auto& w : wanted) panels += (w.columns + W * width - 1) / (W * width);
  const Left left(std::min(group, own));
  Memory right(panels * depth * W * width * sizeof(N)), bias(own * M * 4);
  std::memset(bias.data(), 0, own * M * 4);
  // sums of bf16 products are kept in float until they are complete, slot after slot
  std::deque<Memory> wide;
  if constexpr (!std::is_same_v<N, float>)
    for (auto& w : wanted) wide.emplace_back(own * w.gates * width * w.columns * 4);
  const auto wide_row = [&](size_t n, int g, ptrdiff_t j) {
    return wide[n].template as<float>() + (g * own + j - begin) * width * wanted[n].columns;
  };
  for (ptrdiff_t k0 = 0; k0 < std::max<ptrdiff_t>(gates.rows, 1); k0 += depth) {
    const ptrdiff_t rows = std::min(depth, gates.rows - k0), whole = in_tiles<N> ? width : 1,
                    K = (folds<N>(rows) + whole - 1) / whole * whole;
    N* to = right.as<N>();
    for (auto& w : wanted)
      for (ptrdiff_t column = 0; w.dw && column < w.columns; column += W * width)
        for (ptrdiff_t k = 0; k < K; ++k, to += W * width * q) {
          const N* at[q];
          for (int i = 0; i < q; ++i) at[i] = k * q + i < rows ? w.right[k0 + k * q + i] + column : nullptr;
          pack_fold(to, at, w.columns - column, W);
        }
    for (ptrdiff_t j0 = begin; j0 < end; j0 += group) {
      const ptrdiff_t j1 = std::min(j0 + group, end);
      for (ptrdiff_t j = j0; j < j1; ++j)
        for (int slot = 0; slot < Slots; ++slot) {
          float* const total = bias.as<float>() + ((j - begin) * Slots + slot) * width;
          vec sum = load(total);
          left.fill(j - j0, slot, K, [&](N* packed, ptrdiff_t k) {
            const N* at[q];
            for (int i = 0; i < q; ++i) {
              at[i] =
                  k * q + i < rows ? gates.data + (k0 + k * q + i) * gates.stride + place(slot, j) : nullptr;
              if (at[i]) sum += load(at[i]);
            }
            pack_fold(packed, at, width, 1);
          });
          store(total, sum);
        }
      const N* panel = right.as<N>();
      for (size_t n = 0; n < wanted.size(); ++n) {
        auto& w = wanted[n];
        for (ptrdiff_t column = 0; w.dw && column < w.columns;
             column += W * width, panel += K * W * width * q)
          for (ptrdiff_t j = j0; j < j1; j += Left::together)
            for (int g = 0; g < w.gates; ++g) {
              float* c;
              if constexpr (std::is_same_v<N, float>)
                c = w.dw + (w.block[w.first + g] * gates.units + j * width) * w.columns;
              else
                c = wide_row(n, g, j);
              const ptrdiff_t units = std::min(std::min(j1, j + Left::together) * width, gates.units);
              add_tiles<Left::order, W>(
                  c + column, w.columns, std::min<ptrdiff_t>(W * width, w.columns - column), k0 > 0,
                  left.at(j - j0, w.first + g), Left::stride, panel, K, units - j * width);
            }
      }
    }
  }
  for (size_t n = 0; n < wanted.size(); ++n)
    for (ptrdiff_t j = begin; j < end; ++j)
      for (int g = 0; g < wanted[n].gates; ++g) {
        auto& w = wanted[n];
        const ptrdiff_t row = w.block[w.first + g] * gates.units + j * width,
                        lanes = std::min<ptrdiff_t>(width, gates.units - j * width);
        if (w.db)
          store_some(w.db + row, lanes, load(bias.as<float>() + ((j - begin) * Slots + w.first + g) * width));
        if constexpr (!std::is_same_v<N, float>)
          for (ptrdiff_t i = 0; w.dw && i < lanes; ++i)
            for (ptrdiff_t column = 0; column < w.columns; column += width)
              store_some(w.dw + (row + i) * w.columns + column, w.columns - column,
                         load_some(wide_row(n, g, j) + i * w.columns + column, w.columns - column));
      }
}

}  // namespace elman::ELMAN_ISA
