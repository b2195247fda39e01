// One step of some rows, for streams and slots: products with the layer's own weights as they lie, so that
// there is no copy of them that could be outdated.
//
// A sum runs over the elements of a row in vectors, one after the other, and then over the lanes. That order
// depends neither on the rows that share the call nor on the threads, so a row's results are the same bits
// whoever steps beside it.
#pragma once

#include <array>

#include "gemm.hpp"
#include "layout.hpp"
#include "pool.hpp"

namespace elman::ELMAN_ISA {

// A tile of sums: some rows and four units. Rows are multiplied in groups that stay in the L1 cache.
inline constexpr int units_of_tile = 4, tiles_of_block = width / units_of_tile;
inline constexpr int rows_of_tile = accumulators / units_of_tile, rows_of_group = 4 * rows_of_tile;

// Lane i of the result: the sum of a's lanes i and i ^ S, or of b's for i & S.
template <size_t S>
inline vec fold_lanes(vec a, vec b) {
  veci x = (veci)a, y = (veci)b;
  trade<S>(x, y, std::make_index_sequence<width>{});
  return (vec)x + (vec)y;
}

// Sums of a tile's four units, and of the tiles of a block: both together leave in lane i the sum of all
// lanes of unit i.
inline vec fold_tile(const vec (&sum)[units_of_tile]) {
  return fold_lanes<2>(fold_lanes<1>(sum[0], sum[1]), fold_lanes<1>(sum[2], sum[3]));
}
inline vec fold_block(const std::array<vec, tiles_of_block>& part) {
  if constexpr (tiles_of_block == 4)
    return fold_lanes<8>(fold_lanes<4>(part[0], part[1]), fold_lanes<4>(part[2], part[3]));
  else if constexpr (tiles_of_block == 2)
    return fold_lanes<4>(part[0], part[1]);
  else
    return part[0];
}

// A product: rows of K elements, as they lie or by their places, with rows of weights.
template <class N>
struct Dots {
  const N* left;
  const int64_t* places;  // or null
  const N* weights;
  ptrdiff_t K;
  const N* row(ptrdiff_t b) const { return left + (places ? places[b] : b) * K; }
};

// to[r] = the folded sums of R rows from `first` with four units, over all products; a unit after the last
// is read as the last.
template <int R, class N>
void dot_tile(std::array<vec, tiles_of_block>* to, int tile, const Dots<N>* products, int count,
              ptrdiff_t first, ptrdiff_t unit, ptrdiff_t last) {
  constexpr ptrdiff_t step = width * fold<N>;
  vec sum[R][units_of_tile];
  for (auto& of_row : sum)
    for (vec& one : of_row) one = vec{};
  for (int p = 0; p < count; ++p) {
    const Dots<N>& product = products[p];
    const N *left[R], *right[units_of_tile];
    for (int r = 0; r < R; ++r) left[r] = product.row(first + r);
    for (int u = 0; u < units_of_tile; ++u) right[u] = product.weights + std::min(unit + u, last) * product.K;
    const auto add = [&](auto&& read, ptrdiff_t k) {
      decltype(row_of(left[0])) x[R];
      for (int r = 0; r < R; ++r) x[r] = read(left[r] + k);
      for (int u = 0; u < units_of_tile; ++u) {
        const auto w = read(right[u] + k);
        for (int r = 0; r < R; ++r) sum[r][u] = add_product(sum[r][u], x[r], w);
      }
    };
    ptrdiff_t k = 0;
    for (; k + step <= product.K; k += step) add([](const N* p) { return row_of(p); }, k);
    if (k < product.K) add([n = product.K - k](const N* p) { return some_of(p, n); }, k);
  }
  for (int r = 0; r < R; ++r) to[r][tile] = fold_tile(sum[r]);
}
template <class N, size_t... R>
constexpr auto make_dot_tiles(std::index_sequence<R...>) {
  return std::array{dot_tile<int(R) + 1, N>...};
}
// Entry r - 1 multiplies r rows.
template <class N>
inline constexpr auto dot_tiles = make_dot_tiles<N>(std::make_index_sequence<rows_of_tile>{});

// sum[r] += the products of row first + r with block j of `units` units.
template <class N>
void add_dots(vec* sum, const Dots<N>* products, int count, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t j,
              ptrdiff_t units) {
  std::array<vec, tiles_of_block> part[rows_of_group];
  for (int t = 0; t < tiles_of_block; ++t)
    for (ptrdiff_t r = 0; r < rows; r += rows_of_tile)
      dot_tiles<N>[std::min<ptrdiff_t>(rows_of_tile, rows - r) - 1](part + r, t, products, count, first + r,
                                                                    j* width + t* units_of_tile, units - 1);
  for (ptrdiff_t r = 0; r < rows; ++r) sum[r] += fold_block(part[r]);
}

// Calls body(block, first row, rows) for all blocks of units and all groups of rows, whose operands have
// `bytes` a row. Several threads take part only if that is worth waking those that fell asleep since the
// last step.
template <class N, class Body>
void for_blocks(const Step<N>& s, ptrdiff_t units, ptrdiff_t products, ptrdiff_t bytes, Body&& body) {
  constexpr ptrdiff_t cached = 24576;
  const ptrdiff_t blocks = blocks_of(units),
                  group = std::clamp<ptrdiff_t>(cached / bytes / rows_of_tile * rows_of_tile, rows_of_tile,
                                                rows_of_group);
  const auto job = [&](int index, int team) {
    const auto [begin, end] = share(blocks, index, team);
    for (ptrdiff_t k = begin; k < end; ++k)
      for (ptrdiff_t b = 0; b < s.B; b += group)
        body(s.backward ? begin + end - 1 - k : k, b, std::min(group, s.B - b));
  };
  const int useful = static_cast<int>(std::min<ptrdiff_t>(s.threads, 1 + s.B * products / 1048576));
  if (useful == 1) return job(0, 1);
  Pool::instance().run(useful, job);
}

template <class Cell, class N>
void step_layer(const Step<N>& s) {
  using L = Layout<Cell, N>;
  constexpr int G = Cell::gates, S = Cell::slots, states = Cell::states, extras = Cell::extras;
  constexpr bool projected = L::projected, wide = std::is_same_v<N, float>;
  if constexpr (!wide && L::R > 0)
    for (ptrdiff_t b = 0; b < s.B; ++b)
      for (ptrdiff_t k = 0; k < s.O; k += width)
        store_some(s.seen + b * s.O + k, s.O - k, load_some(s.state[0] + s.rows[b] * s.O + k, s.O - k));
  const N* seen = s.seen;
  if constexpr (wide) seen = s.state[0];
  const auto old_state = [&](int n, ptrdiff_t b, ptrdiff_t j, ptrdiff_t size) {
    return load_some(s.state[n] + s.rows[b] * size + j * width, size - j * width);
  };
  const auto keep = [&](int n, ptrdiff_t b, ptrdiff_t j, ptrdiff_t size, vec v) {
    if (s.zoneout_rate[n] != 0.0f) v += s.zoneout_rate[n] * (old_state(n, b, j, size) - v);
    store_some((n == 0 ? s.fresh + b * size : s.state[n] + s.rows[b] * size) + j * width, size - j * width,
               v);
  };
  for_blocks(s, s.H, s.H * (G * s.I + L::R * s.O), (s.I + s.O) * sizeof(N),
             [&](ptrdiff_t j, ptrdiff_t first, ptrdiff_t rows) {
               vec sum[S][rows_of_group], extra[extras + 1];
               for (int slot = 0; slot < S; ++slot) {
                 Dots<N> products[2];
                 int count = 0;
                 vec bias{};
                 const auto add = [&](const Dots<N>& product, const float* biases, int block) {
                   products[count] = product, products[count++].weights += block * s.H * product.K;
                   if (biases) bias += load_some(biases + block * s.H + j * width, s.H - j * width);
                 };
                 if (slot < G) add({s.x, nullptr, s.w_ih, s.I}, s.b_ih, L::input.block[slot]);
                 if (slot >= L::first)
                   add({seen, wide ? s.rows : nullptr, s.w_hh, s.O}, s.b_hh, L::recurrent.block[slot]);
                 for (ptrdiff_t r = 0; r < rows; ++r) sum[slot][r] = bias;
                 add_dots(sum[slot], products, count, first, rows, j, s.H);
               }
               for (int e = 0; e < extras; ++e) extra[e] = load_some(s.extra[e] + j * width, s.H - j * width);
               for (ptrdiff_t r = 0; r < rows; ++r) {
                 const ptrdiff_t b = first + r;
                 vec a[S], old[states], fresh[states];
                 for (int slot = 0; slot < S; ++slot) a[slot] = sum[slot][r];
                 for (int n = projected ? 1 : 0; n < states; ++n) old[n] = old_state(n, b, j, s.H);
                 Cell::forward(a, old, fresh, extra);
                 if constexpr (projected)
                   store_some(s.raw + b * s.H + j * width, s.H - j * width, fresh[0]);
                 else
                   keep(0, b, j, s.H, fresh[0]);
                 for (int n = 1; n < states; ++n) keep(n, b, j, s.H, fresh[n]);
               }
             });
  if constexpr (projected)
    for_blocks(s, s.O, s.O * s.H, s.H * sizeof(N), [&](ptrdiff_t j, ptrdiff_t first, ptrdiff_t rows) {
      const Dots<N> product{s.raw, nullptr, s.w_hr, s.H};
      vec sum[rows_of_group] = {};
      add_dots(sum, &product, 1, first, rows, j, s.O);
      for (ptrdiff_t r = 0; r < rows; ++r) keep(0, first + r, j, s.O, sum[r]);
    });
  for (ptrdiff_t b = 0; b < s.B; ++b)
    std::memcpy(s.state[0] + s.rows[b] * s.O, s.fresh + b * s.O, s.O * sizeof(float));
}

}  // namespace elman::ELMAN_ISA
