// One vector type per instruction set, and the functions of a cell on it.
//
// Everything uses GCC vector extensions. The widths follow from the compiler flags of the translation unit,
// and the code is in a namespace named after them (ELMAN_ISA), so that one module holds several copies and
// chooses the best at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#ifndef ELMAN_ISA
#define ELMAN_ISA generic
#endif

namespace elman {

// The upper half of a float.
struct bf16 {
  uint16_t bits;
};

}  // namespace elman

namespace elman::ELMAN_ISA {

#if defined(__AVX512F__)
inline constexpr int width = 16;         // floats of a vector
inline constexpr int accumulators = 24;  // vectors a register tile may hold
#elif defined(__AVX2__)
inline constexpr int width = 8;
inline constexpr int accumulators = 12;
#else
inline constexpr int width = 4;
inline constexpr int accumulators = 12;
#endif

typedef float vec __attribute__((vector_size(width * 4)));
typedef int32_t veci __attribute__((vector_size(width * 4)));
typedef uint32_t vecu __attribute__((vector_size(width * 4)));
typedef uint16_t halves __attribute__((vector_size(width * 2)));

inline vec load(const float* p) {
  vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, vec v) { std::memcpy(p, &v, sizeof v); }
inline vec all(float x) { return x - vec{}; }  // not x + 0, which turns -0 into 0
inline vec select(veci mask, vec yes, vec no) { return (vec)((mask & (veci)yes) | (~mask & (veci)no)); }

inline vec load(const bf16* p) {
  halves h;
  std::memcpy(&h, p, sizeof h);
  return (vec)(__builtin_convertvector(h, vecu) << 16);
}
// Rounds to the nearest bf16, ties to even; NaN stays NaN.
inline void store(bf16* p, vec v) {
  const vecu bits = (vecu)v, rounded = bits + 0x7fff + ((bits >> 16) & 1);
  const vec finite = select(v == v, (vec)rounded, (vec)(bits | 0x400000));
  const halves h = __builtin_convertvector((vecu)finite >> 16, halves);
  std::memcpy(p, &h, sizeof h);
}

// The first `count` of `width` elements, the rest zero; every element where count is at least width.
template <class N>
inline vec load_some(const N* p, ptrdiff_t count) {
  if (count >= width) return load(p);
  N some[width] = {};
  for (ptrdiff_t k = 0; k < count; ++k) some[k] = p[k];
  return load(some);
}
template <class N>
inline void store_some(N* p, ptrdiff_t count, vec v) {
  if (count >= width) return store(p, v);
  N some[width];
  store(some, v);
  for (ptrdiff_t k = 0; k < count; ++k) p[k] = some[k];
}

// As load_some, for count < width and for either operand of a product (bf16: pairs of elements, not widened).
inline vec some_of(const float* p, ptrdiff_t count) {
#if defined(__AVX512F__)
  return (vec)_mm512_maskz_loadu_ps((1u << count) - 1u, p);
#else
  vec v{};
  std::memcpy(&v, p, count * sizeof(float));
  return v;
#endif
}
inline veci some_of(const bf16* p, ptrdiff_t count) {
#if defined(__AVX512BW__)
  return (veci)_mm512_maskz_loadu_epi16((1u << count) - 1u, p);
#else
  veci pairs{};
  std::memcpy(&pairs, p, count * sizeof(bf16));
  return pairs;
#endif
}

// Transposes element [i][lane] to [lane][i]: exchanges rows and lanes one index bit at a time.
template <size_t S, size_t... Lane>
inline void trade(veci& a, veci& b, std::index_sequence<Lane...>) {
  const veci low = __builtin_shufflevector(a, b, (Lane & S ? width + Lane - S : Lane)...);
  b = __builtin_shufflevector(a, b, (Lane & S ? width + Lane : Lane + S)...);
  a = low;
}
template <size_t S = 1>
inline void transpose(veci (&m)[width]) {
  if constexpr (S < width) {
    for (size_t i = 0; i < width; ++i)
      if (!(i & S)) trade<S>(m[i], m[i + S], std::make_index_sequence<width>{});
    transpose<2 * S>(m);
  }
}

// NaN stays NaN.
inline vec clamp(vec x, float low, float high) {
#if defined(__AVX512F__)
  return (vec)_mm512_min_ps((__m512)all(high), _mm512_max_ps((__m512)all(low), (__m512)x));
#else
  x = select(x < low, all(low), x);
  return select(x > high, all(high), x);
#endif
}

// 1 / x for normal x with a normal reciprocal, to the last bit or the one before.
inline vec reciprocal(vec x) {
#if defined(__AVX512F__)
  const vec y = (vec)_mm512_rcp14_ps((__m512)x);  // a division would block the unit for long
  return y + y * (1.0f - x * y);
#else
  return 1.0f / x;
#endif
}

// e^x for x in [-87, 87]; outside, the value at the nearer end. Its error is part of the errors of sigmoid
// and tanh below, which tests measure.
inline vec exp(vec x) {
  x = clamp(x, -87.0f, 87.0f);
  // x = k ln 2 + r with |r| <= ln 2 / 2; adding 1.5 * 2^23 rounds to the nearest integer
  const vec shifted = x * 1.44269504f + 12582912.0f;
  const vec k = shifted - 12582912.0f;
  vec r = x - k * 0.693145752f;
  r = r - k * 1.42860677e-6f;
  vec p = all(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const veci power = ((veci)shifted << 23) + (127 << 23);  // the low bits of `shifted` hold k
  return p * (vec)power;
}

// Error at most 3 ulp (measured 2.3).
inline vec sigmoid(vec x) { return reciprocal(1.0f + exp(-x)); }

// tanh, error at most 6 ulp (measured 4.9; without fused multiply-adds 6.0): an odd rational function, fitted
// to the relative error on [-7.9, 7.9]; outside, the value at the nearer end.
inline vec tanh(vec x) {
  x = clamp(x, -7.9f, 7.9f);
  const vec s = x * x;
  vec p = all(1.5428243443e-8f);
  p = p * s + 2.2023432952e-5f;
  p = p * s + 3.5790031955e-3f;
  p = p * s + 1.3450629915e-1f;
  p = p * s + 1.0f;
  vec q = all(8.5988885012e-7f);
  q = q * s + 3.4236689775e-4f;
  q = q * s + 2.6192280237e-2f;
  q = q * s + 4.6783957916e-1f;
  q = q * s + 1.0f;
  return x * p * reciprocal(q);
}

}  // namespace elman::ELMAN_ISA
