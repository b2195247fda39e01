// The forward pass of a sweep: the constructor prepares it, then each thread of the team does its part.
#pragma once

#include "memory.hpp"
#include "unroll.hpp"

namespace elman::ELMAN_ISA {

template <class Cell, class N>
class Forward : Unroll<Cell, N> {
  using Base = Unroll<Cell, N>;
  using L = Base::L;
  using Base::barrier_, Base::count, Base::gates_, Base::get, Base::keeps_, Base::l_, Base::place, Base::put;
  using Base::raw, Base::resets, Base::row, Base::rows_, Base::s_, Base::seen, Base::seen_,
      Base::share_of_old;
  using Base::size, Base::state, Base::states_, Base::steps, Base::time, Base::zones;
  static constexpr int S = L::S, R = L::R, U = L::U, V = L::V, VR = L::VR, C = L::C, item = L::item;
  static constexpr int states = Cell::states, extras = Cell::extras;
  static constexpr bool projected = L::projected, recurs = L::recurs;

 public:
  explicit Forward(const Sweep<N>& sweep)
      : Base(sweep),
        w_ih_(l_.np, folds<N>(s_.I), V),
        w_hh_(l_.np, folds<N>(s_.O), VR),
        w_hr_(projected ? (l_.no + C - 1) / C : 0, folds<N>(s_.H), C),
        bias_(l_.np * item * 4),
        passing_(keeps_ ? 0 : place(nullptr, 2 * s_.B, false)) {
    if (keeps_)
      place(static_cast<char*>(s_.kept), s_.T * s_.B, true);
    else
      place(passing_.template as<char>(), 2 * s_.B, false);
  }

  // The part of thread `index` of `threads`.
  void work(int index, int threads) {
    [[maybe_unused]] const TileRegisters own;
    const auto [begin, end] = share(w_hh_.count, index, threads);
    const auto [begin_r, end_r] = share(w_hr_.count, index, threads);
    for (ptrdiff_t p = begin; p < end; ++p) {
      l_.template pack_panel<L::input>(w_ih_[p], s_.w_ih, s_.I, p);
      if constexpr (R > 0) l_.template pack_panel<L::recurrent>(w_hh_[p], s_.w_hh, s_.O, p);
      l_.pack_bias(bias_.as<float>() + p * item, s_.b_ih, s_.b_hh, p);
    }
    for (ptrdiff_t p = begin_r; p < end_r; ++p) l_.pack_projection(w_hr_[p], s_.w_hr, p);
    start_states(begin * U, end * U, begin_r * C, std::min(end_r * C, l_.no));
    const ptrdiff_t limit = l_.chunk_rows(s_.B);
    Memory sums(limit * (end - begin) * item * 4), inputs(limit * row_stride<N>(s_.I + 1) * sizeof(N));
    barrier_.meet(index, threads);
    // `sums` holds the input's product up to step chunk_end; the next step's first row in it is `at`
    ptrdiff_t chunk_end = 0, at = 0;
    for (ptrdiff_t step = 0; step < steps(); ++step) {
      if (step == chunk_end) chunk_end = project(step, limit, begin, end, sums, inputs), at = 0;
      for (ptrdiff_t k = begin; k < end; ++k) {
        // every other step reads the weights backward, because the cache still holds their end
        const ptrdiff_t p = step % 2 ? begin + end - 1 - k : k;
        float* sum = sums.as<float>() + ((p - begin) * limit + at) * item;
        for_tiles<N, std::max(VR, 1)>(0, count(step), [&](ptrdiff_t b, ptrdiff_t rows) {
          if constexpr (R > 0)
            multiply<Left::rows, VR>(rows, sum + b * item + L::first * width, item, true, seen(step, b),
                                     l_.seen_row, w_hh_[p], w_hh_.K);
          for (ptrdiff_t r = b; r < b + rows; ++r)
            for (int u = 0; u < U; ++u) forward_cell(step, r, p * U + u, sum + r * item + u * S * width);
        });
      }
      at += count(step);
      if constexpr (recurs) barrier_.meet(index, threads);
      if constexpr (!projected) continue;
      for (ptrdiff_t p = begin_r; p < end_r; ++p) project_output(step, p);
      barrier_.meet(index, threads);
    }
    if (s_.lengths) clear_padding(index, threads);
  }

 private:
  // Puts each row's starting state where the row's first step reads it.
  void start_states(ptrdiff_t begin, ptrdiff_t end, ptrdiff_t begin_r, ptrdiff_t end_r) const {
    for (ptrdiff_t b = 0; b < s_.B; ++b) {
      const ptrdiff_t at = rows_.original(b), length = s_.lengths ? s_.lengths[at] : s_.T;
      const ptrdiff_t step = s_.reverse ? steps() - length : 0;
      for (int n = 0; n < states; ++n) {
        const bool outer = projected && n == 0;
        for (ptrdiff_t j = outer ? begin_r : begin; j < (outer ? end_r : end); ++j) {
          const vec v = get(s_.start[n] + at * size(n), j, size(n));
          if (length > 0)
            enter(n, step, b, j, v);
          else
            put(s_.final[n] + at * size(n), j, size(n), v);
        }
      }
    }
  }

  // Stores state n before a step: the result of the step before, or the initial state after a reset.
  void enter(int n, ptrdiff_t step, ptrdiff_t b, ptrdiff_t j, vec v) const {
    const ptrdiff_t at = rows_.original(b);
    if (resets(step, b)) v = get(s_.initial[n] + at * size(n), j, size(n));
    store(state(n, step, b) + j * width, v);
    if (n != 0 || static_cast<void*>(seen_) == states_[0]) return;
    if (s_.mask) v *= get(s_.mask + at * s_.O, j, s_.O);
    store(seen(step, b) + j * width, v);
  }

  // Passes state n after a step to the next step, or to the results.
  void leave(int n, ptrdiff_t step, ptrdiff_t b, ptrdiff_t j, vec v) const {
    const ptrdiff_t at = rows_.original(b);
    if (zones(n)) v += share_of_old(n, step, b, j) * (load(state(n, step, b) + j * width) - v);
    if (b < count(step + 1))
      enter(n, step + 1, b, j, v);
    else
      put(s_.final[n] + at * size(n), j, size(n), v);
    if (n == 0) put(s_.output + (time(step) * s_.B + at) * s_.output_row, j, s_.O, v);
  }

  // Fills `sums` with bias and input's product for as many steps from `step` as fit; returns the next step.
  ptrdiff_t project(ptrdiff_t step, ptrdiff_t limit, ptrdiff_t begin, ptrdiff_t end, const Memory& sums,
                    const Memory& inputs) const {
    const ptrdiff_t stride = row_stride<N>(s_.I + 1);
    ptrdiff_t rows = 0;
    for (; step < steps() && rows + count(step) <= limit; rows += count(step++))
      for (ptrdiff_t b = 0; b < count(step); ++b) {
        N* to = inputs.as<N>() + (rows + b) * stride;
        std::memcpy(to, s_.x + (time(step) * s_.B + rows_.original(b)) * s_.I, s_.I * sizeof(N));
        if (s_.I % fold<N>) to[s_.I] = N{};
      }
    for (ptrdiff_t p = begin; p < end; ++p) {
      float* sum = sums.as<float>() + (p - begin) * limit * item;
      for (ptrdiff_t m = 0; m < rows; ++m)
        std::memcpy(sum + m * item, bias_.as<float>() + p * item, item * sizeof(float));
      for_tiles<N, V>(0, rows, [&](ptrdiff_t m, ptrdiff_t height) {
        multiply<Left::rows, V>(height, sum + m * item, item, true, inputs.as<N>() + m * stride, stride,
                                w_ih_[p], w_ih_.K);
      });
    }
    return step;
  }

  void forward_cell(ptrdiff_t step, ptrdiff_t b, ptrdiff_t j, const float* sum) const {
    vec a[S], old[states], fresh[states], extra[extras + 1];
    for (int slot = 0; slot < S; ++slot) a[slot] = load(sum + slot * width);
    for (int n = projected ? 1 : 0; n < states; ++n) old[n] = load(state(n, step, b) + j * width);
    for (int e = 0; e < extras; ++e) extra[e] = get(s_.extra[e], j, s_.H);
    Cell::forward(a, old, fresh, extra);
    if (keeps_)
      for (int slot = 0; slot < S; ++slot)
        store(gates_ + row(step, b) * l_.row + l_.place_of(slot, j), a[slot]);
    if constexpr (projected)
      store(raw(step, b) + j * width, fresh[0]);
    else
      leave(0, step, b, j, fresh[0]);
    for (int n = 1; n < states; ++n) leave(n, step, b, j, fresh[n]);
  }

  void project_output(ptrdiff_t step, ptrdiff_t p) const {
    for_tiles<N, C>(0, count(step), [&](ptrdiff_t b, ptrdiff_t rows) {
      alignas(64) float sum[tile_rows<N, C> * C * width];
      multiply<Left::rows, C>(rows, sum, C * width, false, raw(step, b), l_.raw_row, w_hr_[p], w_hr_.K);
      for (ptrdiff_t r = 0; r < rows; ++r)
        for (int c = 0; c < C && p * C + c < l_.no; ++c)
          leave(0, step, b + r, p * C + c, load(sum + (r * C + c) * width));
    });
  }

  void clear_padding(int index, int threads) const {
    const auto [begin, end] = share(s_.T, index, threads);
    for (ptrdiff_t t = begin; t < end; ++t)
      for (ptrdiff_t b = rows_.count(t); b < s_.B; ++b)
        std::memset(static_cast<void*>(s_.output + (t * s_.B + rows_.original(b)) * s_.output_row), 0,
                    s_.O * sizeof(N));
  }

  const Panels<N> w_ih_, w_hh_, w_hr_;
  const Memory bias_, passing_;
};

}  // namespace elman::ELMAN_ISA
