// Products: the register tile that they are built from, and the packing of its operands.
//
// A product is a left operand [R, K] times a right one [K, columns] that is packed in panels of V vectors, so
// that a tile reads its panel from beginning to end. N is the type of both operands; sums are float. K is the
// number of folds: one float, or two bf16 whose products are added in one instruction.
#pragma once

#include <algorithm>
#include <array>
#include <type_traits>

#include "simd.hpp"
#if defined(__AMX_BF16__)
#include "amx.hpp"
#endif

namespace elman::ELMAN_ISA {

template <class N>
inline constexpr int fold = 4 / sizeof(N);
template <class N>
inline ptrdiff_t folds(ptrdiff_t n) {
  return (n + fold<N> - 1) / fold<N>;
}

#if defined(__AMX_BF16__)
template <class N>
inline constexpr bool in_tiles = std::is_same_v<N, bf16>;  // whether products run in AMX's tile registers
#else
template <class N>
inline constexpr bool in_tiles = false;
struct TileRegisters {};
#endif

// Rows of a register tile V vectors wide.
template <int V>
inline constexpr int register_rows = accumulators / V;
// Rows of a product V vectors wide that are computed together.
template <class N, int V>
inline constexpr int tile_rows = in_tiles<N> ? 32 : register_rows<V>;

// The stride of rows of n elements: whole cache lines, with near rows in different sets of the cache.
template <class N>
inline ptrdiff_t row_stride(ptrdiff_t n) {
  constexpr ptrdiff_t line = 64 / sizeof(N);
  const ptrdiff_t stride = (n + line - 1) / line * line;
  return stride * sizeof(N) % 2048 ? stride : stride + line;
}

// The layout of the left operand: element [r, k] at r * stride + k, or at k * stride + r (in folds).
enum class Left { rows, columns };

inline vec every(const float* p) { return all(*p); }
inline vec row_of(const float* p) { return load(p); }
inline vec add_product(vec sum, vec a, vec b) { return sum + a * b; }

inline veci every(const bf16* p) {
  int32_t pair;
  std::memcpy(&pair, p, sizeof pair);
  return veci{} + pair;
}
inline veci row_of(const bf16* p) {
  veci pairs;
  std::memcpy(&pairs, p, sizeof pairs);
  return pairs;
}
inline vec add_product(vec sum, veci a, veci b) {
#if defined(__AVX512BF16__)
  return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)(__m512i)a, (__m512bh)(__m512i)b);
#else
  sum += (vec)(a << 16) * (vec)(b << 16);
  return sum + (vec)(a & (int32_t)0xffff0000) * (vec)(b & (int32_t)0xffff0000);
#endif
}

// c[r][v] = (or +=) sum over k of a[r, k] * panel[k][v]; rows of c lie c_row floats apart.
template <class N, Left L, int R, int V>
void tile(float* c, ptrdiff_t c_row, bool add, const N* a, ptrdiff_t stride, const N* panel, ptrdiff_t K) {
  constexpr int q = fold<N>, unroll = 4;
  constexpr int ways = R * V >= 8 ? 1 : R * V >= 4 ? 2 : 4;  // a few sums do not hide the latency of one
  vec sum[ways][R][V];
  for (int w = 0; w < ways; ++w)
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) sum[w][r][v] = vec{};
  if (add)
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) __builtin_prefetch(c + r * c_row + v * width, 1);
  constexpr int groups = L == Left::rows ? (R + 2) / 3 : 1;  // pointers that reach three rows each
  const N* from[groups];
  for (int g = 0; g < groups; ++g) from[g] = a + 3 * g * stride;
  const auto step = [&](vec(&to)[R][V], ptrdiff_t k) {
    decltype(row_of(panel)) b[V];
    for (int v = 0; v < V; ++v) b[v] = row_of(panel + (k * V + v) * width * q);
    for (int r = 0; r < R; ++r) {
      const auto x =
          every(L == Left::rows ? from[r / 3] + (r % 3) * stride + k * q : from[0] + k * stride + r * q);
      for (int v = 0; v < V; ++v) to[r][v] = add_product(to[r][v], x, b[v]);
    }
  };
  const auto advance = [&](ptrdiff_t k) {
    for (int g = 0; g < groups; ++g) from[g] += L == Left::rows ? k * q : k * stride;
    panel += k * V * width * q;
  };
  for (; K >= unroll; K -= unroll, advance(unroll))
    for (int k = 0; k < unroll; ++k) step(sum[k % ways], k);
  for (; K > 0; --K, advance(1)) step(sum[0], 0);
  for (int w = 1; w < ways; ++w)
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) sum[0][r][v] += sum[w][r][v];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) {
      float* to = c + r * c_row + v * width;
      store(to, add ? sum[0][r][v] + load(to) : sum[0][r][v]);
    }
}

template <class N>
using Tile = void (*)(float*, ptrdiff_t, bool, const N*, ptrdiff_t, const N*, ptrdiff_t);

template <class N, Left L, int V, size_t... R>
constexpr std::array<Tile<N>, sizeof...(R)> make_tiles(std::index_sequence<R...>) {
  return {tile<N, L, int(R) + 1, V>...};
}
// Entry r - 1 multiplies r rows.
template <class N, Left L, int V>
inline constexpr auto tiles = make_tiles<N, L, V>(std::make_index_sequence<register_rows<V>>{});

// As `tile`, for a number of rows known at run time, at most tile_rows<N, V>.
template <Left L, int V, class N>
inline void multiply(ptrdiff_t rows, float* c, ptrdiff_t c_row, bool add, const N* a, ptrdiff_t stride,
                     const N* panel, ptrdiff_t K) {
#if defined(__AMX_BF16__)
  if constexpr (in_tiles<N>) {
    static_assert(L == Left::rows);
    constexpr ptrdiff_t least_rows = 2;  // one row is as fast without
    const ptrdiff_t whole = rows < least_rows ? 0 : K / amx_folds * amx_folds;
    if (whole > 0) multiply_in_tiles<V>(rows, c, c_row, add, a, stride, panel, whole), add = true;
    if (whole == K && K > 0) return;
    for (ptrdiff_t r = 0; r < rows; r += register_rows<V>)
      tiles<N, L, V>[std::min<ptrdiff_t>(register_rows<V>, rows - r) - 1](
          c + r* c_row, c_row, add, a + r* stride + whole* fold<N>, stride, panel + whole* V* width* fold<N>,
          K - whole);
    return;
  }
#endif
  tiles<N, L, V>[rows - 1](c, c_row, add, a, stride, panel, K);
}

// Calls body(first, rows) for tiles of nearly equal height that cover rows [begin, end).
template <class N, int V, class Body>
inline void for_tiles(ptrdiff_t begin, ptrdiff_t end, Body&& body) {
  const ptrdiff_t n = end - begin, count = (n + tile_rows<N, V> - 1) / tile_rows<N, V>;
  for (ptrdiff_t i = 0; i < count; ++i) {
    const ptrdiff_t first = n * i / count;
    body(begin + first, n * (i + 1) / count - first);
  }
}

// c [rows, columns] = (or +=) left [rows, K] times one panel, of which `columns` exist.
template <Left L, int V, class N>
void add_tiles(float* c, ptrdiff_t c_row, ptrdiff_t columns, bool add, const N* left, ptrdiff_t stride,
               const N* panel, ptrdiff_t K, ptrdiff_t rows) {
  for_tiles<N, V>(0, rows, [&](ptrdiff_t m, ptrdiff_t height) {
    float* to = c + m * c_row;
    const N* from = left + m * (L == Left::rows ? stride : fold<N>);
    if (columns == V * width) return multiply<L, V>(height, to, c_row, add, from, stride, panel, K);
    alignas(64) float sum[tile_rows<N, V> * V * width];
    multiply<L, V>(height, sum, V * width, false, from, stride, panel, K);
    for (ptrdiff_t r = 0; r < height; ++r)
      for (ptrdiff_t k = 0; k < columns; k += width) {
        const vec v = load(sum + r * V * width + k);
        store_some(to + r * c_row + k, columns - k, add ? v + load_some(to + r * c_row + k, columns - k) : v);
      }
  });
}

// Fold k of a row of n elements; elements past the end are zero.
template <class N>
inline int32_t word(const N* row, ptrdiff_t k, ptrdiff_t n) {
  int32_t found = 0;
  std::memcpy(&found, row + k * fold<N>, sizeof(N) * std::clamp<ptrdiff_t>(n - k * fold<N>, 0, fold<N>));
  return found;
}

// `rows` (at most width) rows of n elements, `from_row` apart, become the lanes of one vector a fold,
// `step` elements apart.
template <class N>
void pack_transposed(N* to, ptrdiff_t step, const N* from, ptrdiff_t from_row, ptrdiff_t n, ptrdiff_t rows) {
  const ptrdiff_t K = folds<N>(n), whole = rows < width ? 0 : n / fold<N> / width * width;
  for (ptrdiff_t k = 0; k < whole; k += width) {
    veci m[width];
    for (int r = 0; r < width; ++r) std::memcpy(&m[r], from + r * from_row + k * fold<N>, sizeof(veci));
    transpose(m);
    for (int i = 0; i < width; ++i) std::memcpy(to + (k + i) * step, &m[i], sizeof(veci));
  }
  for (ptrdiff_t k = whole; k < K; ++k)
    for (int r = 0; r < width; ++r) {
      const int32_t found = r < rows ? word(from + r * from_row, k, n) : 0;
      std::memcpy(to + k * step + r * fold<N>, &found, 4);
    }
}

// One fold of a panel from consecutive rows: `vectors` vectors, of which `count` elements of each row exist.
// A null row is zero.
inline void pack_fold(float* to, const float* const (&rows)[1], ptrdiff_t count, int vectors) {
  for (int v = 0; v < vectors; ++v)
    store(to + v * width,
          rows[0] ? load_some(rows[0] + v * width, std::max<ptrdiff_t>(0, count - v * width)) : vec{});
}
inline void pack_fold(bf16* to, const bf16* const (&rows)[2], ptrdiff_t count, int vectors) {
  for (int v = 0; v < vectors; ++v) {
    vecu part[2] = {};
    for (int i = 0; i < 2; ++i)
      if (rows[i]) part[i] = (vecu)load_some(rows[i] + v * width, std::max<ptrdiff_t>(0, count - v * width));
    const vecu pairs = part[0] >> 16 | part[1];
    std::memcpy(to + v * width * 2, &pairs, sizeof pairs);
  }
}

// The part of [0, n) that thread `index` of `threads` takes.
inline std::pair<ptrdiff_t, ptrdiff_t> share(ptrdiff_t n, int index, int threads) {
  return {n * index / threads, n * (index + 1) / threads};
}

}  // namespace elman::ELMAN_ISA
