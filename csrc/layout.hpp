// The memory layout of one layer's units, gates and weights in the kernels.
//
// Hidden units lie in blocks of `width`, blocks in panels of U: a register tile covers some rows of the batch
// and all gates of one panel. A row of gates holds a cell's slots, block after block.
#pragma once

#include "gemm.hpp"
#include "memory.hpp"
#include "sweep.hpp"

namespace elman::ELMAN_ISA {

inline ptrdiff_t blocks_of(ptrdiff_t units) { return (units + width - 1) / width; }

// Packed panels of a right operand: K folds of `vectors` vectors each.
template <class N>
class Panels {
 public:
  Panels(ptrdiff_t panels, ptrdiff_t folds, int vectors)
      : count(panels), K(folds), size_(K * vectors * width * fold<N>), memory_(count * size_ * sizeof(N)) {}
  N* operator[](ptrdiff_t p) const { return memory_.as<N>() + p * size_; }

  const ptrdiff_t count, K;

 private:
  const ptrdiff_t size_;
  const Memory memory_;
};

template <class Cell, class N>
struct Layout {
  static constexpr int G = Cell::gates, S = Cell::slots, states = Cell::states;
  static constexpr int first = Cell::recurrent;  // slot; those before it read only the input's product
  static constexpr int R = S - first;            // blocks of the recurrent product; 0: there is none
  static constexpr int U = S == 1 ? 2 : 1;       // blocks of a forward tile
  static constexpr int V = G * U, VR = R * U;    // vectors of a tile of the input's and the recurrent product
  static constexpr int C = 2;                    // vectors of a backward tile
  static constexpr int item = S * U * width;     // floats of one row of one panel
  static constexpr bool projected = requires { Cell::projects; };
  static constexpr bool recurs =
      R > 0 || projected;  // else a step reads each unit alone, and no thread waits
  static_assert(0 <= first && first <= G && G <= S && states <= most_states && Cell::extras <= most_extras);

  // The slots [begin, end) that a product feeds, and the block of its weights that each reads.
  struct Product {
    int begin, end;
    const int* block;
    constexpr int blocks() const { return end - begin; }
  };
  static constexpr Product input{0, G, Cell::gate_of_slot};
  static constexpr Product recurrent{first, S, [] {
                                       if constexpr (requires { Cell::recurrent_of_slot; })
                                         return Cell::recurrent_of_slot;
                                       else
                                         return Cell::gate_of_slot;
                                     }()};

  Layout(ptrdiff_t hidden, ptrdiff_t output)
      : H(hidden),
        O(output),
        np((blocks_of(H) + U - 1) / U),
        nb(np * U),
        no(projected ? blocks_of(O) : nb),
        row(row_stride<N>(nb * S * width)),
        raw_row(row_stride<N>(nb * width)),
        seen_row(row_stride<N>(no * width)) {
    for (int n = 0; n < states; ++n) state_row[n] = row_stride<float>((n == 0 ? no : nb) * width);
  }

  const ptrdiff_t H, O;
  const ptrdiff_t np, nb, no;  // panels and blocks of units, blocks of the output
  const ptrdiff_t row, raw_row,
      seen_row;  // elements of a row of gates, of w_hr's operand, of w_hh's operand
  ptrdiff_t state_row[states];

  // A slot of a row of gates: first the slots that read only the input's product, then those that read both
  // products, then those that read only the recurrent one, so that each product's slots are contiguous.
  ptrdiff_t place_of(int slot, ptrdiff_t j) const {
    if (slot < first) return (j * first + slot) * width;
    if (slot < G) return (nb * first + j * (G - first) + slot - first) * width;
    return (nb * G + j * (S - G) + slot - G) * width;
  }

  // Rows of the batch whose sums fit in the L2 cache next to a panel; at least those of one step, and in
  // AMX's tiles, which multiply faster than the weights come from memory, as many as use them well. It does
  // not depend on the number of threads, because it decides which rows share a tile, and so the order of
  // sums.
  ptrdiff_t chunk_rows(ptrdiff_t B) const {
    return std::max(B, std::clamp<ptrdiff_t>(524288 / (np * item * 4), in_tiles<N> ? 256 : 64, 1024));
  }

  ptrdiff_t lanes(ptrdiff_t j) const { return std::clamp<ptrdiff_t>(H - j * width, 0, width); }

  // Weights [blocks * H, n] to a panel [n][U][blocks][width], blocks in the order of the slots.
  template <const Product& product>
  void pack_panel(N* to, const N* w, ptrdiff_t n, ptrdiff_t p) const {
    constexpr int blocks = product.blocks();
    for (int u = 0; u < U; ++u)
      for (int g = 0; g < blocks; ++g) {
        const ptrdiff_t j = p * U + u;
        const N* from = lanes(j) ? w + (product.block[product.begin + g] * H + j * width) * n : w;
        pack_transposed(to + (u * blocks + g) * width * fold<N>, blocks * U * width * fold<N>, from, n, n,
                        lanes(j));
      }
  }

  // Columns of weights [blocks * H, n] to a panel whose folds are in the order of a row of gates.
  template <const Product& product>
  void pack_columns(N* to, const N* w, ptrdiff_t n, ptrdiff_t p) const {
    const auto add = [&](int from, int until) {
      for (ptrdiff_t j = 0; j < nb; ++j)
        for (int slot = std::max(from, product.begin); slot < std::min(until, product.end); ++slot)
          for (ptrdiff_t lane = 0; lane < width; lane += fold<N>, to += C * width * fold<N>) {
            const N* rows[fold<N>];
            for (int i = 0; i < fold<N>; ++i)
              rows[i] = lane + i < lanes(j)
                            ? w + (product.block[slot] * H + j * width + lane + i) * n + p * C * width
                            : nullptr;
            pack_fold(to, rows, n - p * C * width, C);
          }
    };
    add(0, first);
    add(first, G);
    add(G, S);
  }

  // Rows of w_hr [O, H] to a panel for the forward product, and its columns to one for the backward.
  void pack_projection(N* to, const N* w_hr, ptrdiff_t p) const {
    for (int c = 0; c < C; ++c) {
      const ptrdiff_t j = p * C + c, rows = std::clamp<ptrdiff_t>(O - j * width, 0, width);
      pack_transposed(to + c * width * fold<N>, C * width * fold<N>, w_hr + (rows ? j * width * H : 0), H, H,
                      rows);
    }
  }
  void pack_projection_columns(N* to, const N* w_hr, ptrdiff_t p) const {
    for (ptrdiff_t o = 0; o < O; o += fold<N>, to += C * width * fold<N>) {
      const N* rows[fold<N>];
      for (int i = 0; i < fold<N>; ++i) rows[i] = o + i < O ? w_hr + (o + i) * H + p * C * width : nullptr;
      pack_fold(to, rows, H - p * C * width, C);
    }
  }

  // Each slot's constant: the biases of the products that it reads.
  void pack_bias(float* to, const float* b_ih, const float* b_hh, ptrdiff_t p) const {
    for (int u = 0; u < U; ++u)
      for (int slot = 0; slot < S; ++slot) {
        const ptrdiff_t j = p * U + u;
        vec sum{};
        const auto add = [&](const float* bias, const Product& product) {
          if (lanes(j) && bias && slot >= product.begin && slot < product.end)
            sum += load_some(bias + product.block[slot] * H + j * width, lanes(j));
        };
        add(b_ih, input), add(b_hh, recurrent);
        store(to + (u * S + slot) * width, sum);
      }
  }
};

}  // namespace elman::ELMAN_ISA
