// Products of bf16 in AMX's tile registers: 16 rows of 64 bytes each.
//
// A left tile holds 16 folds of some rows, a right one 16 folds of one vector of a panel, whose layout is
// what the instruction wants. Two left and two right tiles feed four tiles of sums, so that each is used
// twice.
#pragma once

#include <immintrin.h>

#include <algorithm>

#include "simd.hpp"

namespace elman::ELMAN_ISA {

inline constexpr int amx_rows = 16, amx_folds = 16;  // of one register

// The registers' shapes, as ldtilecfg reads them: 0 … 3 sums, 4 and 5 left, 6 and 7 right.
struct alignas(64) TileShapes {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {};
};

// The calling thread's registers: configured when first used in the object's life, released at its end, since
// others (oneDNN) use them too.
class TileRegisters {
 public:
  TileRegisters() { upper_ = lower_ = 0; }
  ~TileRegisters() { _tile_release(); }
  TileRegisters(const TileRegisters&) = delete;
  TileRegisters& operator=(const TileRegisters&) = delete;

  // Gives the left tiles and their sums `upper` and `lower` rows.
  static void shape(int upper, int lower) {
    if (upper == upper_ && lower == lower_) return;
    upper_ = upper, lower_ = lower;
    TileShapes shapes;
    const uint8_t rows[8] = {uint8_t(upper), uint8_t(upper), uint8_t(lower), uint8_t(lower),
                             uint8_t(upper), uint8_t(lower), amx_folds,      amx_folds};
    std::copy_n(rows, 8, shapes.rows);
    asm volatile("" : : "m"(shapes));
    _tile_loadconfig(&shapes);
  }

 private:
  static inline thread_local int upper_ = 0, lower_ = 0;
};

// c = (or +=) a times b for one or two left tiles and one or two right ones; strides in bytes, K in tiles.
template <bool Lower, bool Next>
inline void tile_products(float* c, ptrdiff_t c_row, bool add, const char* a, ptrdiff_t a_row,
                          ptrdiff_t upper, const char* b, ptrdiff_t b_row, ptrdiff_t K) {
  char* const c0 = reinterpret_cast<char*>(c);
  char* const c2 = c0 + upper * c_row;
  const char* lower = a + upper * a_row;
  asm volatile("" : : : "memory");  // the loads below are opaque to the compiler
  if (add) {
    _tile_loadd(0, c0, c_row);
    if constexpr (Next) _tile_loadd(1, c0 + 64, c_row);
    if constexpr (Lower) _tile_loadd(2, c2, c_row);
    if constexpr (Lower && Next) _tile_loadd(3, c2 + 64, c_row);
  } else {
    _tile_zero(0);
    if constexpr (Next) _tile_zero(1);
    if constexpr (Lower) _tile_zero(2);
    if constexpr (Lower && Next) _tile_zero(3);
  }
  for (; K > 0; --K, a += 64, lower += 64, b += amx_folds * b_row) {
    _tile_loadd(6, b, b_row);
    _tile_loadd(4, a, a_row);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (Next) {
      _tile_loadd(7, b + 64, b_row);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (Lower) {
      _tile_loadd(5, lower, a_row);
      _tile_dpbf16ps(2, 5, 6);
    }
    if constexpr (Lower && Next) _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, c0, c_row);
  if constexpr (Next) _tile_stored(1, c0 + 64, c_row);
  if constexpr (Lower) _tile_stored(2, c2, c_row);
  if constexpr (Lower && Next) _tile_stored(3, c2 + 64, c_row);
}

// c [rows, V vectors] = (or +=) a [rows, K] times a panel of V vectors, for at most 32 rows and whole tiles
// of K folds. Row strides in elements, as of `tile`.
template <int V>
inline void multiply_in_tiles(ptrdiff_t rows, float* c, ptrdiff_t c_row, bool add, const bf16* a,
                              ptrdiff_t stride, const bf16* panel, ptrdiff_t K) {
  const bool two = rows > amx_rows;
  const ptrdiff_t upper = two ? (rows + 1) / 2 : rows;
  TileRegisters::shape(static_cast<int>(upper), static_cast<int>(two ? rows - upper : upper));
  const auto columns = [&]<bool Next>(int v) {
    const auto product = two ? tile_products<true, Next> : tile_products<false, Next>;
    product(c + v * width, c_row * 4, add, reinterpret_cast<const char*>(a), stride * 2, upper,
            reinterpret_cast<const char*>(panel) + v * 64, V * 64, K / amx_folds);
  };
  for (int v = 0; v + 1 < V; v += 2) columns.template operator()<true>(v);
  if constexpr (V % 2) columns.template operator()<false>(V - 1);
}

}  // namespace elman::ELMAN_ISA
