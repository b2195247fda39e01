// The backward pass of a sweep: the constructor prepares it, then each thread of the team does its part. The
// gates kept by the forward pass are overwritten by their gradients.
#pragma once

#include "memory.hpp"
#include "products.hpp"
#include "unroll.hpp"

namespace elman::ELMAN_ISA {

template <class Cell, class N>
class Backward : Unroll<Cell, N> {
  using Base = Unroll<Cell, N>;
  using L = Base::L;
  using Base::barrier_, Base::count, Base::d_raw_, Base::gates_, Base::get, Base::l_, Base::place, Base::put,
      Base::put_more;
  using Base::raw_, Base::resets, Base::row, Base::rows_, Base::s_, Base::seen_, Base::share_of_old;
  using Base::size, Base::state, Base::steps, Base::time, Base::zones;
  static constexpr int G = L::G, S = L::S, R = L::R, C = L::C;
  static constexpr int states = Cell::states, extras = Cell::extras;
  static constexpr bool projected = L::projected, recurs = L::recurs;

 public:
  Backward(const Sweep<N>& sweep, const Gradients<N>& gradients)
      : Base(sweep),
        g_(gradients),
        w_hh_((l_.no + C - 1) / C, l_.nb * R * width / fold<N>, C),
        w_hr_(projected ? (l_.nb + C - 1) / C : 0, folds<N>(s_.O), C),
        w_ih_(g_.dx ? (blocks_of(s_.I) + C - 1) / C : 0, l_.nb * G * width / fold<N>, C),
        carry_(s_.B * (l_.state_row[0] + (states - 1) * l_.state_row[states - 1]) * 4),
        extra_sums_(extras * l_.nb * width * 4) {
    place(static_cast<char*>(s_.kept), s_.T * s_.B, true);
  }

  // The part of thread `index` of `threads`: everything but the gradient of the input.
  void work(int index, int threads) {
    [[maybe_unused]] const TileRegisters own;
    const auto [begin, end] = share(w_hh_.count, index, threads);
    const auto [begin_r, end_r] = share(w_hr_.count, index, threads);
    const ptrdiff_t first_cell = std::min((projected ? begin_r : begin) * C, l_.nb),
                    last_cell = std::min((projected ? end_r : end) * C, l_.nb);
    for (ptrdiff_t p = begin; p < end; ++p)
      if constexpr (R > 0) l_.template pack_columns<L::recurrent>(w_hh_[p], s_.w_hh, s_.O, p);
    for (ptrdiff_t p = begin_r; p < end_r; ++p) l_.pack_projection_columns(w_hr_[p], s_.w_hr, p);
    start_carry(0, begin * C, std::min(end * C, l_.no));
    for (int n = 1; n < states; ++n) start_carry(n, first_cell, last_cell);
    for (int e = 0; e < extras; ++e) std::fill(extra_sum(e, first_cell), extra_sum(e, last_cell), 0.0f);
    barrier_.meet(index, threads);
    for (ptrdiff_t step = steps() - 1; step >= -1; --step) {
      for (ptrdiff_t k = begin; k < end; ++k) backward_panel(step, step % 2 ? begin + end - 1 - k : k);
      if constexpr (recurs) barrier_.meet(index, threads);
      if constexpr (!projected) continue;
      for (ptrdiff_t p = begin_r; p < end_r; ++p) backward_projection(step, p);
      barrier_.meet(index, threads);
    }
    if constexpr (!recurs) barrier_.meet(index, threads);  // the products below take units of all threads
    for (int e = 0; e < extras; ++e)
      for (ptrdiff_t j = first_cell; g_.d_extra[e] && j < last_cell; ++j)
        put(g_.d_extra[e], j, s_.H, load(extra_sum(e, j)));
    const auto [begin_i, end_i] = share(w_ih_.count, index, threads);
    for (ptrdiff_t p = begin_i; p < end_i; ++p)
      l_.template pack_columns<L::input>(w_ih_[p], s_.w_ih, s_.I, p);
    find_weight_gradients(index, threads);
  }

  const Rows& rows() const { return rows_; }
  // The factors of the input's gradient; valid once all threads have done their part.
  InputTerm<N> input_term() const { return {gates(), w_ih_}; }

 private:
  float* extra_sum(int e, ptrdiff_t j) const { return extra_sums_.as<float>() + (e * l_.nb + j) * width; }
  GateRows<N> gates() const { return {gates_, l_.row, rows_.total(), s_.H}; }

  void put_start(int n, ptrdiff_t b, ptrdiff_t j, vec d) const {
    if (g_.d_start[n]) put(g_.d_start[n] + rows_.original(b) * size(n), j, size(n), d);
  }
  float* carry(int n, ptrdiff_t b, ptrdiff_t j) const {
    float* const own = carry_.as<float>();
    if (n == 0) return own + b * l_.state_row[0] + j * width;
    return own + s_.B * l_.state_row[0] + ((n - 1) * s_.B + b) * l_.state_row[n] + j * width;
  }

  void start_carry(int n, ptrdiff_t begin, ptrdiff_t end) const {
    for (ptrdiff_t b = 0; b < s_.B; ++b)
      for (ptrdiff_t j = begin; j < end; ++j) {
        const ptrdiff_t at = rows_.original(b);
        const vec v = g_.d_final[n] ? get(g_.d_final[n] + at * size(n), j, size(n)) : vec{};
        store(carry(n, b, j), v);
        if (s_.lengths ? s_.lengths[at] == 0 : s_.T == 0) put_start(n, b, j, v);
      }
  }

  // Propagates through the recurrent product of `step` + 1 to the states after `step`, then through the cell.
  // Rows that began at `step` + 1 end here; step -1 is the start of all rows.
  void backward_panel(ptrdiff_t step, ptrdiff_t p) const {
    const ptrdiff_t sent = count(step + 1);
    alignas(64) float sum[tile_rows<N, C> * C * width];
    const auto receive = [&](ptrdiff_t b, ptrdiff_t rows) {
      for (ptrdiff_t r = 0; r < rows; ++r)
        for (int c = 0; c < C && p * C + c < l_.no; ++c)
          after_product(step, b + r, p * C + c, load(sum + (r * C + c) * width));
    };
    for_tiles<N, C>(0, sent, [&](ptrdiff_t b, ptrdiff_t rows) {
      const N* from = gates_ + row(step + 1, b) * l_.row + l_.nb * L::first * width;
      if constexpr (R > 0)
        multiply<Left::rows, C>(rows, sum, C * width, false, from, l_.row, w_hh_[p], w_hh_.K);
      else
        std::fill_n(sum, rows * C * width, 0.0f);
      receive(b, rows);
    });
    std::fill(std::begin(sum), std::end(sum), 0.0f);
    for (ptrdiff_t b = sent; b < count(step); ++b) receive(b, 1);
  }

  void after_product(ptrdiff_t step, ptrdiff_t b, ptrdiff_t j, vec product) const {
    const ptrdiff_t at = rows_.original(b);
    if (s_.mask) product *= get(s_.mask + at * s_.O, j, s_.O);
    vec d = load(carry(0, b, j));
    if (b < count(step + 1) && resets(step + 1, b))
      put_more(g_.d_initial[0] + at * s_.O, j, s_.O, product);
    else
      d += product;
    if (b >= count(step)) {
      put_start(0, b, j, d);
      if constexpr (!projected)
        for (int n = 1; n < states; ++n) put_start(n, b, j, load(carry(n, b, j)));
      return;
    }
    if (g_.d_output && j * width < s_.O)
      d += load_some(g_.d_output + (time(step) * s_.B + at) * s_.output_row + j * width, s_.O - j * width);
    if constexpr (!projected) return backward_cell(step, b, j, d);
    note(0, step, b, j, d);
    vec direct{};
    if (zones(0)) direct = d * share_of_old(0, step, b, j);
    store(d_raw_ + row(step, b) * l_.seen_row + j * width, d - direct);
    to_old(0, step, b, j, direct);
  }

  // Stores the gradient of a state before a step, without the part through the recurrent product.
  void to_old(int n, ptrdiff_t step, ptrdiff_t b, ptrdiff_t j, vec d) const {
    if (resets(step, b)) {
      put_more(g_.d_initial[n] + rows_.original(b) * size(n), j, size(n), d);
      d = vec{};
    }
    store(carry(n, b, j), d);
  }

  void note(int n, ptrdiff_t step, ptrdiff_t b, ptrdiff_t j, vec d) const {
    if (g_.d_states[n])
      put(g_.d_states[n] + (time(step) * s_.B + rows_.original(b)) * size(n), j, size(n), d);
  }

  // d: the gradient of the cell's h, its state 0.
  void backward_cell(ptrdiff_t step, ptrdiff_t b, ptrdiff_t j, vec d_h) const {
    N* kept = gates_ + row(step, b) * l_.row;
    vec a[S], old[states], d[states] = {d_h}, direct[states] = {}, extra[extras + 1],
                           d_extra[extras + 1] = {};
    for (int slot = 0; slot < S; ++slot) a[slot] = load(kept + l_.place_of(slot, j));
    for (int e = 0; e < extras; ++e) extra[e] = get(s_.extra[e], j, s_.H);
    for (int n = projected ? 1 : 0; n < states; ++n) {
      old[n] = load(state(n, step, b) + j * width);
      if (n > 0) d[n] = load(carry(n, b, j));
      note(n, step, b, j, d[n]);
      if (zones(n)) {
        direct[n] = d[n] * share_of_old(n, step, b, j);
        d[n] -= direct[n];
      }
    }
    Cell::backward(a, old, d, extra, d_extra);
    for (int n = projected ? 1 : 0; n < states; ++n) to_old(n, step, b, j, d[n] + direct[n]);
    for (int slot = 0; slot < S; ++slot) store(kept + l_.place_of(slot, j), a[slot]);
    for (int e = 0; e < extras; ++e) {
      float* sum = extra_sum(e, j);
      store(sum, load(sum) + d_extra[e]);
    }
  }

  void backward_projection(ptrdiff_t step, ptrdiff_t p) const {
    alignas(64) float sum[tile_rows<N, C> * C * width];
    for_tiles<N, C>(0, count(step), [&](ptrdiff_t b, ptrdiff_t rows) {
      multiply<Left::rows, C>(rows, sum, C * width, false, d_raw_ + row(step, b) * l_.seen_row, l_.seen_row,
                              w_hr_[p], w_hr_.K);
      for (ptrdiff_t r = 0; r < rows; ++r)
        for (int c = 0; c < C && p * C + c < l_.nb; ++c)
          backward_cell(step, b + r, p * C + c, load(sum + (r * C + c) * width));
    });
    for (ptrdiff_t b = count(step); b < count(step + 1); ++b)  // rows that began at step + 1
      for (int c = 0; c < C && p * C + c < l_.nb; ++c)
        for (int n = 1; n < states; ++n) put_start(n, b, p * C + c, load(carry(n, b, p * C + c)));
  }

  // The products over all steps at once; each thread takes its own units.
  void find_weight_gradients(int index, int threads) const {
    const ptrdiff_t total = rows_.total();
    std::vector<WeightGradient<N>> wanted{{g_.dw_ih, g_.db_ih, s_.I, 0, G, L::input.block, {}},
                                          {g_.dw_hh, g_.db_hh, s_.O, L::first, R, L::recurrent.block, {}}};
    for (auto& w : wanted) w.right.resize(total);
    rows_.each(0, total, [&](ptrdiff_t row, ptrdiff_t t, ptrdiff_t at) {
      wanted[0].right[row] = s_.x + (t * s_.B + at) * s_.I;
      wanted[1].right[row] = seen_ + row * l_.seen_row;
    });
    weight_gradients<S>(
        wanted, gates(), [&](int slot, ptrdiff_t j) { return l_.place_of(slot, j); }, index, threads);
    if constexpr (!projected) return;
    static constexpr int whole[] = {0};
    wanted = {{g_.dw_hr, nullptr, s_.H, 0, 1, whole, std::vector<const N*>(total)}};
    for (ptrdiff_t row = 0; row < total; ++row) wanted[0].right[row] = raw_ + row * l_.raw_row;
    weight_gradients<1>(
        wanted, GateRows<N>{d_raw_, l_.seen_row, total, s_.O}, [](int, ptrdiff_t j) { return j * width; },
        index, threads);
  }

  const Gradients<N>& g_;
  const Panels<N> w_hh_, w_hr_, w_ih_;
  const Memory carry_, extra_sums_;
};

}  // namespace elman::ELMAN_ISA
