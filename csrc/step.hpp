// One step of few rows, for streams: products with the layer's own weights, unpacked, so that a stream never
// holds an outdated copy.
#pragma once

#include "gemm.hpp"
#include "layout.hpp"
#include "pool.hpp"

namespace elman::ELMAN_ISA {

// Lane i of the result: the sum of all lanes of m[i].
template <size_t S = 1>
inline vec sum_lanes(vec (&m)[width]) {
  for (size_t i = 0; i < width; i += 2 * S) {
    veci a = (veci)m[i], b = (veci)m[i + S];
    trade<S>(a, b, std::make_index_sequence<width>{});
    m[i] = (vec)a + (vec)b;
  }
  if constexpr (2 * S < width)
    return sum_lanes<2 * S>(m);
  else
    return m[0];
}

// Products of `width` rows of a matrix [.., K] with one vector.
template <class N>
class RowProducts {
  static constexpr ptrdiff_t step = width * fold<N>;

 public:
  RowProducts(const N* v, ptrdiff_t K) : v_(v), K_(K) {
    // the last elements are read together with earlier ones, which were already counted and are zero here
    const ptrdiff_t rest = K % step, from = std::max<ptrdiff_t>(0, K - step);
    for (ptrdiff_t k = 0; k < step; ++k)
      tail_[k] = rest && from + k < K && from + k >= K - rest ? v[from + k] : N{};
  }

  void add(vec (&sum)[width], const N* rows, ptrdiff_t count) const {
    if (count < width || K_ < step) return add_some(sum, rows, count);
    // four rows at a time, four vectors of each: few memory streams, which the core can prefetch
    for (int r = 0; r < width; r += 4) {
      vec part[4][4];
      for (auto& row : part)
        for (vec& one : row) one = vec{};
      const N *first = rows + r * K_, *third = first + 2 * K_;
      const auto from = [&](int i) { return (i < 2 ? first : third) + (i % 2) * K_; };
      const auto more = [&](const auto x, ptrdiff_t k, int lane) {
        for (int i = 0; i < 4; ++i) part[i][lane] = add_product(part[i][lane], x, row_of(from(i) + k));
      };
      ptrdiff_t k = 0;
      for (; k + 4 * step <= K_; k += 4 * step)
        for (int lane = 0; lane < 4; ++lane) more(row_of(v_ + k + lane * step), k + lane * step, lane);
      for (; k + step <= K_; k += step) more(row_of(v_ + k), k, 0);
      if (K_ % step) more(row_of(tail_), K_ - step, 1);
      for (int i = 0; i < 4; ++i) sum[r + i] += (part[i][0] + part[i][1]) + (part[i][2] + part[i][3]);
    }
  }

 private:
  void add_some(vec (&sum)[width], const N* rows, ptrdiff_t count) const {
    for (int r = 0; r < count; ++r) {
      const N* row = rows + r * K_;
      for (ptrdiff_t k = 0; k < K_; k += step) {
        alignas(64) N a[step] = {}, b[step] = {};
        const size_t n = std::min(step, K_ - k);
        std::memcpy(a, row + k, n * sizeof(N)), std::memcpy(b, v_ + k, n * sizeof(N));
        sum[r] = add_product(sum[r], row_of(a), row_of(b));
      }
    }
  }

  const N* v_;
  ptrdiff_t K_;
  alignas(64) N tail_[step];
};

// Calls body(block) for all blocks; on several threads only if that is worth waking threads that fell asleep
// since the last step.
template <class Body>
inline void for_blocks(ptrdiff_t blocks, ptrdiff_t products, int threads, Body&& body) {
  const int useful = static_cast<int>(std::min<ptrdiff_t>(threads, 1 + products / 1048576));
  const auto job = [&](int index, int team) {
    const auto [begin, end] = share(blocks, index, team);
    for (ptrdiff_t j = begin; j < end; ++j) body(j);
  };
  if (useful == 1) return job(0, 1);
  Pool::instance().run(useful, job);
}

template <class Cell, class N>
void step_layer(const Step<N>& s) {
  using L = Layout<Cell, N>;
  constexpr int G = Cell::gates, S = Cell::slots, states = Cell::states, extras = Cell::extras;
  constexpr bool projected = requires { Cell::projects; };
  const ptrdiff_t blocks = (s.H + width - 1) / width, out = (s.O + width - 1) / width;
  for (ptrdiff_t b = 0; b < s.B; ++b) {
    const RowProducts<N> input(s.x + b * s.I, s.I), recurrent(s.h + b * s.O, s.O);
    const auto keep = [&](int n, ptrdiff_t j, ptrdiff_t size, const vec old, vec v) {
      if (s.zoneout_rate[n] != 0.0f) v += s.zoneout_rate[n] * (old - v);
      store_some((n == 0 ? s.fresh : s.state[n]) + b * size + j * width, size - j * width, v);
    };
    for_blocks(blocks, s.H * (G * s.I + L::R * s.O), s.threads, [&](ptrdiff_t j) {
      const ptrdiff_t count = std::min<ptrdiff_t>(width, s.H - j * width);
      vec a[S], old[states], fresh[states], extra[extras + 1];
      for (int slot = 0; slot < S; ++slot) {
        vec sum[width] = {};
        vec bias{};
        if (slot < G) {
          const ptrdiff_t row = L::input.block[slot] * s.H + j * width;
          input.add(sum, s.w_ih + row * s.I, count);
          if (s.b_ih) bias += load_some(s.b_ih + row, count);
        }
        if (slot >= L::first) {
          const ptrdiff_t row = L::recurrent.block[slot] * s.H + j * width;
          recurrent.add(sum, s.w_hh + row * s.O, count);
          if (s.b_hh) bias += load_some(s.b_hh + row, count);
        }
        a[slot] = sum_lanes(sum) + bias;
      }
      for (int n = projected ? 1 : 0; n < states; ++n)
        old[n] = load_some(s.state[n] + b * s.H + j * width, count);
      for (int e = 0; e < extras; ++e) extra[e] = load_some(s.extra[e] + j * width, count);
      Cell::forward(a, old, fresh, extra);
      if constexpr (projected)
        store_some(s.raw + b * s.H + j * width, count, fresh[0]);
      else
        keep(0, j, s.H, old[0], fresh[0]);
      for (int n = 1; n < states; ++n) keep(n, j, s.H, old[n], fresh[n]);
    });
    if constexpr (projected) {
      const RowProducts<N> raw(s.raw + b * s.H, s.H);
      for_blocks(out, s.O * s.H, s.threads, [&](ptrdiff_t j) {
        const ptrdiff_t count = std::min<ptrdiff_t>(width, s.O - j * width);
        vec sum[width] = {};
        raw.add(sum, s.w_hr + j * width * s.H, count);
        keep(0, j, s.O, load_some(s.state[0] + b * s.O + j * width, count), sum_lanes(sum));
      });
    }
  }
  std::memcpy(s.state[0], s.fresh, s.B * s.O * sizeof(float));
}

}  // namespace elman::ELMAN_ISA
