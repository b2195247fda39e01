// More functions of cells, for those that are compiled at run time. Each is computed in double precision and
// rounded once: the error is at most 1 ulp (measured 0.56), with float's infinities, denormals and NaN.
#pragma once

#include <cmath>

#include "simd.hpp"

#if defined(__SSE__)
#include <immintrin.h>
#endif

namespace elman::ELMAN_ISA {

inline vec absolute(vec x) { return (vec)((veci)x & 0x7fffffff); }
inline vec sign(vec x) { return select(x > 0.0f, all(1.0f), select(x < 0.0f, all(-1.0f), vec{})); }
// NaN if either is NaN.
inline vec maximum(vec a, vec b) { return select((a > b) | (a != a), a, b); }
inline vec minimum(vec a, vec b) { return select((a < b) | (a != a), a, b); }

inline vec root(vec x) {
#if defined(__AVX512F__)
  return (vec)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX2__)
  return (vec)_mm256_sqrt_ps((__m256)x);
#elif defined(__SSE__)
  return (vec)_mm_sqrt_ps((__m128)x);
#else
  for (int k = 0; k < width; ++k) x[k] = std::sqrt(x[k]);
  return x;
#endif
}

// As many doubles as a register holds: half a vector.
typedef double vecd __attribute__((vector_size(width * 4)));
typedef int64_t vecl __attribute__((vector_size(width * 4)));
typedef uint64_t vecul __attribute__((vector_size(width * 4)));
typedef float half_vec __attribute__((vector_size(width * 2)));

namespace wide {

inline constexpr double ln2 = 0.693147180559945309417, rounder = 6755399441055744.0;  // 1.5 * 2^52
inline constexpr int64_t rounder_bits = 0x4338000000000000;

inline vecd all(double x) { return x - vecd{}; }
inline vecd select(vecl mask, vecd yes, vecd no) { return (vecd)((mask & (vecl)yes) | (~mask & (vecl)no)); }
// sum of c[k] x^k
template <size_t N>
inline vecd polynomial(vecd x, const double (&c)[N]) {
  vecd p = all(c[N - 1]);
  for (int k = N - 2; k >= 0; --k) p = p * x + c[k];
  return p;
}

// e^x = s + s q with s = 2^k, q = e^r - 1 for x = k ln 2 + r and |r| <= ln 2 / 2; for x in [-200, 200],
// outside of which every float is 0 or infinite.
struct Power {
  vecd s, q;
  explicit Power(vecd x) {
    x = select(x < -200.0, all(-200.0), x);
    x = select(x > 200.0, all(200.0), x);
    const vecd shifted = x * (1 / ln2) + rounder, r = x - (shifted - rounder) * ln2;
    s = (vecd)(((vecl)shifted << 52) + (1023ll << 52));  // the low bits of `shifted` hold k
    q = r * polynomial(r, {1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320});
  }
};
inline vecd exp(vecd x) {
  const Power p(x);
  return p.s * p.q + p.s;
}
inline vecd expm1(vecd x) {
  const Power p(x);
  return p.s * p.q + (p.s - 1.0);
}

// log of u > 0, with u = 2^k (1 + f) and 1 + f in [sqrt 1/2, sqrt 2); where k is 0, f is `small`.
inline vecd log(vecd u, vecd small) {
  constexpr int64_t begin = 0x3fe6a09e667f3bcd, bias = 1ll << 62;  // of sqrt 1/2
  const vecl k = (vecl)((vecul)((vecl)u - begin + bias) >> 52) - (bias >> 52);
  const vecd f = select(k == 0, small, (vecd)((vecl)u - (k << 52)) - 1.0), s = f / (2.0 + f);
  const vecd p = polynomial(s * s, {2.0, 2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13});
  const vecd y = ((vecd)(k + rounder_bits) - rounder) * ln2 + s * p;
  const vecd edge = select(u == 0.0, all(-INFINITY), all(NAN));
  return select((u > 0.0) & (u < INFINITY), y, select(u == INFINITY, u, edge));
}
inline vecd log(vecd x) { return log(x, x - 1.0); }
inline vecd log1p(vecd x) { return log(1.0 + x, x); }

// log(1 + e^x)
inline vecd softplus(vecd x) { return select(x > 0.0, x, vecd{}) + log1p(exp(select(x > 0.0, -x, x))); }

// sin(x + turns pi / 2) for |x| <= 2^20.
inline vecd sine(vecd x, int64_t turns) {
  const vecd shifted = x * 0.636619772367581343076 + rounder, k = shifted - rounder;
  vecd r = x - k * 1.57079632673412561417;  // its 33 first bits
  r = r - k * 6.07710050650619224932e-11;
  const vecd t = r * r;
  const vecd sin = r * polynomial(t, {1.0, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800});
  const vecd cos = polynomial(t, {1.0, -1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800});
  const vecl quarter = (vecl)shifted + turns;
  const vecd y = select((quarter & 1) != 0, cos, sin);
  return (vecd)((vecl)y ^ ((quarter & 2) << 62));
}

// A series up to 1; then 1 - e^-x^2 times a polynomial, fitted to the error of the whole; 1 from 4 on.
inline vecd erf(vecd x) {
  const vecd size = select(x < 0.0, -x, x), t = x * x;
  const vecd series =
      x * polynomial(t, {1.0, -1.0 / 3, 1.0 / 10, -1.0 / 42, 1.0 / 216, -1.0 / 1320, 1.0 / 9360, -1.0 / 75600,
                         1.0 / 685440, -1.0 / 6894720, 1.0 / 76204800});
  const vecd rest =
      exp(-t) * polynomial(size - 2.0, {0.255395645708, -0.106796547727, 0.0418041206319, -0.0154560329884,
                                        0.00543739160083, -0.00185379076915, 0.000583767796392,
                                        -0.000158481247242, 7.17887463407e-05, -2.60065609511e-05});
  const vecd far = select(size < 4.0, 1.0 - rest, all(1.0));
  const vecd near = series * 1.12837916709551257390;
  return select(x != x, x, select(size < 1.0, near, select(x < 0.0, -far, far)));
}

}  // namespace wide

// A function of doubles on a vector of floats.
template <class F>
inline vec in_double(vec x, F f) {
  half_vec half[2];
  std::memcpy(half, &x, sizeof x);
  for (half_vec& part : half)
    part = __builtin_convertvector(f(__builtin_convertvector(part, vecd)), half_vec);
  std::memcpy(&x, half, sizeof x);
  return x;
}

inline vec exponential(vec x) {
  return in_double(x, [](vecd d) { return wide::exp(d); });
}
inline vec exponential_less_one(vec x) {
  return in_double(x, [](vecd d) { return wide::expm1(d); });
}
inline vec logarithm(vec x) {
  return in_double(x, [](vecd d) { return wide::log(d); });
}
inline vec logarithm_of_one_more(vec x) {
  return in_double(x, [](vecd d) { return wide::log1p(d); });
}
inline vec softplus(vec x) {
  return in_double(x, [](vecd d) { return wide::softplus(d); });
}
inline vec error_function(vec x) {
  return in_double(x, [](vecd d) { return wide::erf(d); });
}

// Numbers beyond 2^20 one by one, by the C library.
template <int turns, class F>
inline vec turned(vec x, F one) {
  vec y = in_double(x, [](vecd d) { return wide::sine(d, turns); });
  for (int k = 0; k < width; ++k)
    if (__builtin_expect(!(std::fabs(x[k]) <= 1048576.0f), 0)) y[k] = one(x[k]);
  return y;
}
inline vec sine(vec x) {
  return turned<0>(x, [](float one) { return std::sin(one); });
}
inline vec cosine(vec x) {
  return turned<1>(x, [](float one) { return std::cos(one); });
}

}  // namespace elman::ELMAN_ISA
