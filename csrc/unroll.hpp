// The time loop, forward and backward, for any cell.
//
// Hidden units lie in blocks of `width`. A register tile covers some rows of the batch and all gates of U
// blocks, and the cell's pointwise part runs on it while it is in the nearest cache. Threads take blocks;
// each keeps its part of the recurrent weights in its own cache, and all meet at one barrier a step (two with
// a projection). Rows of the batch are those that are alive: see rows.hpp.
#pragma once

#include <memory>
#include <optional>

#include "layout.hpp"
#include "memory.hpp"
#include "pool.hpp"
#include "products.hpp"
#include "rows.hpp"
#include "sweep.hpp"

namespace elman::ELMAN_ISA {

template <class Cell, class N>
class Unroll {
  using L = Layout<Cell, N>;
  static constexpr int G = L::G, S = L::S, U = L::U, V = L::V, C = L::C, item = L::item, first = L::first;
  static constexpr int states = Cell::states, extras = Cell::extras;
  static constexpr bool projected = L::projected;

 public:
  explicit Unroll(const Sweep<N>& sweep)
      : s_(sweep), rows_(sweep.T, sweep.B, sweep.lengths), l_(sweep.H, sweep.O), keeps_(s_.kept != nullptr) {}

  size_t kept_bytes() { return place(nullptr, s_.T * s_.B, true); }

  void forward() {
    std::optional<Memory> passing;
    if (keeps_)
      place(static_cast<char*>(s_.kept), s_.T * s_.B, true);
    else
      place(passing.emplace(place(nullptr, 2 * s_.B, false)).template as<char>(), 2 * s_.B, false);
    const ptrdiff_t KI = folds<N>(s_.I), KO = folds<N>(s_.O), KH = folds<N>(s_.H);
    const ptrdiff_t nr = projected ? (l_.no + C - 1) / C : 0;
    Memory w_ih(l_.np * KI * V * width * 4), w_hh(l_.np * KO * V * width * 4), w_hr(nr * KH * C * width * 4);
    Memory bias(l_.np * item * 4);
    run([&](int index, int threads) {
      const auto [begin, end] = share(l_.np, index, threads);
      const auto [begin_r, end_r] = share(nr, index, threads);
      for (ptrdiff_t p = begin; p < end; ++p) {
        l_.pack_panel(w_ih.as<N>() + p * KI * V * width * fold<N>, s_.w_ih, s_.I, 0, p);
        l_.pack_panel(w_hh.as<N>() + p * KO * V * width * fold<N>, s_.w_hh, s_.O, first, p);
        l_.pack_bias(bias.as<float>() + p * item, s_.b_ih, s_.b_hh, p);
      }
      for (ptrdiff_t p = begin_r; p < end_r; ++p)
        l_.pack_projection(w_hr.as<N>() + p * KH * C * width * fold<N>, s_.w_hr, p);
      start_states(begin * U, end * U, begin_r * C, std::min(end_r * C, l_.no));
      const ptrdiff_t limit = l_.chunk_rows(s_.B);
      Memory sums(limit * (end - begin) * item * 4), inputs(limit * row_stride<N>(s_.I + 1) * sizeof(N));
      barrier_.meet(threads);
      // steps whose input's product is in `sums`, and the next step's first row there
      ptrdiff_t chunk_end = 0, at = 0;
      for (ptrdiff_t step = 0; step < steps(); ++step) {
        if (step == chunk_end) chunk_end = project(step, limit, begin, end, w_ih, bias, sums, inputs), at = 0;
        for (ptrdiff_t k = begin; k < end; ++k) {
          // every other step reads the weights backward: their end is what the cache still holds
          const ptrdiff_t p = step % 2 ? begin + end - 1 - k : k;
          float* sum = sums.as<float>() + ((p - begin) * limit + at) * item;
          const N* panel = w_hh.as<N>() + p * KO * V * width * fold<N>;
          for_tiles<V>(0, count(step), [&](ptrdiff_t b, ptrdiff_t rows) {
            float* tile_sum = sum + b * item + first * width;
            multiply<Left::rows, V>(rows, tile_sum, item, true, seen(step, b), l_.seen_row, panel, KO);
            for (ptrdiff_t r = b; r < b + rows; ++r)
              for (int u = 0; u < U; ++u) forward_cell(step, r, p * U + u, sum + r * item + u * S * width);
          });
        }
        at += count(step);
        barrier_.meet(threads);
        if constexpr (!projected) continue;
        for (ptrdiff_t p = begin_r; p < end_r; ++p)
          project_output(step, p, w_hr.as<N>() + p * KH * C * width * fold<N>);
        barrier_.meet(threads);
      }
      if (s_.lengths) clear_padding(index, threads);
    });
  }

  void backward(const Gradients<N>& g) {
    place(static_cast<char*>(s_.kept), s_.T * s_.B, true);
    const ptrdiff_t nc = (l_.no + C - 1) / C, nr = projected ? (l_.nb + C - 1) / C : 0;
    const ptrdiff_t K = l_.nb * G * width / fold<N>, KO = folds<N>(s_.O);
    Memory w_hh(nc * K * C * width * 4), w_hr(nr * KO * C * width * 4),
        w_ih(g.dx ? (blocks_of(s_.I) + C) * K * width * 4 : 0);
    Memory d_extra(extras * l_.nb * width * 4);
    Memory carry0(s_.B * l_.state_row[0] * 4), carry1(states > 1 ? s_.B * l_.state_row[states - 1] * 4 : 0);
    carry_[0] = carry0.as<float>(), carry_[most_states - 1] = carry1.as<float>();
    d_extra_ = d_extra.as<float>();
    run([&](int index, int threads) {
      const auto [begin, end] = share(nc, index, threads);
      const auto [begin_r, end_r] = share(nr, index, threads);
      for (ptrdiff_t p = begin; p < end; ++p)
        l_.pack_columns(w_hh.as<N>() + p * K * C * width * fold<N>, s_.w_hh, s_.O, first, p);
      for (ptrdiff_t p = begin_r; p < end_r; ++p)
        l_.pack_projection_columns(w_hr.as<N>() + p * KO * C * width * fold<N>, s_.w_hr, p);
      start_carry(g, 0, begin * C, std::min(end * C, l_.no));
      if (projected) {
        start_carry(g, 1, begin_r * C, std::min(end_r * C, l_.nb));
      } else if (states > 1) {
        start_carry(g, 1, begin * C, std::min(end * C, l_.nb));
      }
      const auto cells = projected ? share(nr, index, threads) : share(nc, index, threads);
      for (int e = 0; e < extras; ++e)
        std::fill(d_extra_ + (e * l_.nb + std::min(cells.first * C, l_.nb)) * width,
                  d_extra_ + (e * l_.nb + std::min(cells.second * C, l_.nb)) * width, 0.0f);
      barrier_.meet(threads);
      for (ptrdiff_t step = steps() - 1; step >= -1; --step) {
        for (ptrdiff_t k = begin; k < end; ++k) {
          const ptrdiff_t p = step % 2 ? begin + end - 1 - k : k;
          backward_panel(step, p, w_hh.as<N>() + p * K * C * width * fold<N>, g);
        }
        barrier_.meet(threads);
        if constexpr (!projected) continue;
        for (ptrdiff_t p = begin_r; p < end_r; ++p)
          backward_projection(step, p, w_hr.as<N>() + p * KO * C * width * fold<N>, g);
        barrier_.meet(threads);
      }
      finish_backward(g, w_ih, index, threads);
      for (int e = 0; e < extras; ++e)
        if (g.d_extra[e])
          for (ptrdiff_t j = cells.first * C; j < std::min(cells.second * C, l_.nb); ++j)
            put(g.d_extra[e], j, s_.H, load(d_extra_ + (e * l_.nb + j) * width));
    });
  }

 private:
  template <class Job>
  void run(Job&& job) {
    // a thread that has less than this to do a step costs more than it brings
    const ptrdiff_t useful = 1 + s_.B * s_.H * G * s_.O / 16384;
    Pool::instance().run(static_cast<int>(std::min<ptrdiff_t>(s_.threads, useful)), job);
  }

  // Where everything lies in one piece of memory for so many rows; returns its size.
  size_t place(char* memory, ptrdiff_t rows, bool whole) {
    size_t used = 0;
    const auto take = [&](size_t bytes) {
      char* at = memory ? memory + used : nullptr;
      used += (bytes + 63) / 64 * 64;
      return at;
    };
    gates_ = whole ? reinterpret_cast<N*>(take(rows * l_.row * sizeof(N))) : nullptr;
    for (int n = 0; n < states; ++n) states_[n] = reinterpret_cast<float*>(take(rows * l_.state_row[n] * 4));
    const bool separate = s_.mask || !std::is_same_v<N, float>;
    seen_ = reinterpret_cast<N*>(separate ? take(rows * l_.seen_row * sizeof(N))
                                          : reinterpret_cast<char*>(states_[0]));
    raw_ = projected ? reinterpret_cast<N*>(take(rows * l_.raw_row * sizeof(N))) : nullptr;
    d_raw_ = projected && whole ? reinterpret_cast<N*>(take(rows * l_.seen_row * sizeof(N))) : nullptr;
    return used;
  }

  ptrdiff_t steps() const { return rows_.longest(); }
  ptrdiff_t time(ptrdiff_t step) const { return s_.reverse ? steps() - 1 - step : step; }
  // Rows that are alive; none before the first step and after the last.
  ptrdiff_t count(ptrdiff_t step) const { return step < 0 || step >= steps() ? 0 : rows_.count(time(step)); }
  ptrdiff_t row(ptrdiff_t step, ptrdiff_t b) const {
    return (keeps_ ? rows_.begin(time(step)) : step % 2 * s_.B) + b;
  }
  float* state(int n, ptrdiff_t step, ptrdiff_t b) const {
    return states_[n] + row(step, b) * l_.state_row[n];
  }
  N* seen(ptrdiff_t step, ptrdiff_t b) const { return seen_ + row(step, b) * l_.seen_row; }
  N* raw(ptrdiff_t step, ptrdiff_t b) const { return raw_ + row(step, b) * l_.raw_row; }
  ptrdiff_t size(int n) const { return n == 0 ? s_.O : s_.H; }

  // Whether row b's state is put back before this step: a new sequence starts at t, or, in reverse, at t + 1.
  bool resets(ptrdiff_t step, ptrdiff_t b) const {
    if (!s_.resets) return false;
    const ptrdiff_t t = time(step) + (s_.reverse ? 1 : 0), at = rows_.original(b);
    return t < s_.T && s_.resets[t * s_.B + at] && (!s_.lengths || t < s_.lengths[at]);
  }

  static vec get(const float* row, ptrdiff_t j, ptrdiff_t n) {
    return load_some(row + j * width, n - j * width);
  }
  template <class M>
  static void put(M* row, ptrdiff_t j, ptrdiff_t n, vec v) {
    if (j * width < n) store_some(row + j * width, n - j * width, v);
  }
  static void put_more(float* row, ptrdiff_t j, ptrdiff_t n, vec v) { put(row, j, n, v + get(row, j, n)); }

  // The state that a row has before its first step, put where that step looks for it.
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

  // State n before a step: what came out of the step before, or, after a reset, the initial one.
  void enter(int n, ptrdiff_t step, ptrdiff_t b, ptrdiff_t j, vec v) const {
    const ptrdiff_t at = rows_.original(b);
    if (resets(step, b)) v = get(s_.initial[n] + at * size(n), j, size(n));
    store(state(n, step, b) + j * width, v);
    if (n != 0 || static_cast<void*>(seen_) == states_[0]) return;
    if (s_.mask) v *= get(s_.mask + at * s_.O, j, s_.O);
    store(seen(step, b) + j * width, v);
  }

  // State n after a step: to the next one, or to the results.
  void leave(int n, ptrdiff_t step, ptrdiff_t b, ptrdiff_t j, vec v) const {
    const ptrdiff_t at = rows_.original(b);
    if (zones(n)) v += share_of_old(n, step, b, j) * (load(state(n, step, b) + j * width) - v);
    if (b < count(step + 1))
      enter(n, step + 1, b, j, v);
    else
      put(s_.final[n] + at * size(n), j, size(n), v);
    if (n == 0) put(s_.output + (time(step) * s_.B + at) * s_.O, j, s_.O, v);
  }

  bool zones(int n) const { return s_.zoneout[n] || s_.zoneout_rate[n] != 0.0f; }
  vec share_of_old(int n, ptrdiff_t step, ptrdiff_t b, ptrdiff_t j) const {
    if (!s_.zoneout[n]) return all(s_.zoneout_rate[n]);
    return get(s_.zoneout[n] + (time(step) * s_.B + rows_.original(b)) * size(n), j, size(n));
  }

  // Fills `sums` with bias and input's product for the steps from `step` on that fit; returns the next one.
  ptrdiff_t project(ptrdiff_t step, ptrdiff_t limit, ptrdiff_t begin, ptrdiff_t end, const Memory& w,
                    const Memory& bias, const Memory& sums, const Memory& inputs) const {
    const ptrdiff_t stride = row_stride<N>(s_.I + 1), K = folds<N>(s_.I);
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
        std::memcpy(sum + m * item, bias.as<float>() + p * item, item * sizeof(float));
      for_tiles<V>(0, rows, [&](ptrdiff_t m, ptrdiff_t height) {
        multiply<Left::rows, V>(height, sum + m * item, item, true, inputs.as<N>() + m * stride, stride,
                                w.as<N>() + p * K * V * width * fold<N>, K);
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

  void project_output(ptrdiff_t step, ptrdiff_t p, const N* panel) const {
    for_tiles<C>(0, count(step), [&](ptrdiff_t b, ptrdiff_t rows) {
      alignas(64) float sum[tile_rows<C> * C * width];
      multiply<Left::rows, C>(rows, sum, C * width, false, raw(step, b), l_.raw_row, panel, folds<N>(s_.H));
      for (ptrdiff_t r = 0; r < rows; ++r)
        for (int c = 0; c < C && p * C + c < l_.no; ++c)
          leave(0, step, b + r, p * C + c, load(sum + (r * C + c) * width));
    });
  }

  void clear_padding(int index, int threads) const {
    const auto [begin, end] = share(s_.T, index, threads);
    for (ptrdiff_t t = begin; t < end; ++t)
      for (ptrdiff_t b = rows_.count(t); b < s_.B; ++b)
        std::memset(static_cast<void*>(s_.output + (t * s_.B + rows_.original(b)) * s_.O), 0,
                    s_.O * sizeof(N));
  }

  void put_start(const Gradients<N>& g, int n, ptrdiff_t b, ptrdiff_t j, vec d) const {
    if (g.d_start[n]) put(g.d_start[n] + rows_.original(b) * size(n), j, size(n), d);
  }
  float* carry(int n, ptrdiff_t b, ptrdiff_t j) const { return carry_[n] + b * l_.state_row[n] + j * width; }

  void start_carry(const Gradients<N>& g, int n, ptrdiff_t begin, ptrdiff_t end) const {
    for (ptrdiff_t b = 0; b < s_.B; ++b)
      for (ptrdiff_t j = begin; j < end; ++j) {
        const ptrdiff_t at = rows_.original(b);
        const vec v = g.d_final[n] ? get(g.d_final[n] + at * size(n), j, size(n)) : vec{};
        store(carry(n, b, j), v);
        if (s_.lengths ? s_.lengths[at] == 0 : s_.T == 0) put_start(g, n, b, j, v);
      }
  }

  // What the recurrent product of `step` + 1 sends back to the states before it, which are those after
  // `step`; then the cell's own part. Rows that began at `step` + 1 end here; step -1 is the start of all.
  void backward_panel(ptrdiff_t step, ptrdiff_t p, const N* panel, const Gradients<N>& g) const {
    const ptrdiff_t sent = count(step + 1), K = l_.nb * G * width / fold<N>;
    alignas(64) float sum[tile_rows<C> * C * width];
    const auto receive = [&](ptrdiff_t b, ptrdiff_t rows) {
      for (ptrdiff_t r = 0; r < rows; ++r)
        for (int c = 0; c < C && p * C + c < l_.no; ++c)
          after_product(step, b + r, p * C + c, load(sum + (r * C + c) * width), g);
    };
    for_tiles<C>(0, sent, [&](ptrdiff_t b, ptrdiff_t rows) {
      const N* from = gates_ + row(step + 1, b) * l_.row + l_.nb * first * width;
      multiply<Left::rows, C>(rows, sum, C * width, false, from, l_.row, panel, K);
      receive(b, rows);
    });
    std::fill(std::begin(sum), std::end(sum), 0.0f);
    for (ptrdiff_t b = sent; b < count(step); ++b) receive(b, 1);
  }

  void after_product(ptrdiff_t step, ptrdiff_t b, ptrdiff_t j, vec product, const Gradients<N>& g) const {
    const ptrdiff_t at = rows_.original(b);
    if (s_.mask) product *= get(s_.mask + at * s_.O, j, s_.O);
    vec d = load(carry(0, b, j));
    if (b < count(step + 1) && resets(step + 1, b))
      put_more(g.d_initial[0] + at * s_.O, j, s_.O, product);
    else
      d += product;
    if (b >= count(step)) {
      put_start(g, 0, b, j, d);
      if constexpr (!projected)
        for (int n = 1; n < states; ++n) put_start(g, n, b, j, load(carry(n, b, j)));
      return;
    }
    if (g.d_output && j * width < s_.O)
      d += load_some(g.d_output + (time(step) * s_.B + at) * s_.O + j * width, s_.O - j * width);
    if constexpr (!projected) return backward_cell(step, b, j, d, g);
    note(0, step, b, j, d, g);
    vec direct{};
    if (zones(0)) direct = d * share_of_old(0, step, b, j);
    store(d_raw_ + row(step, b) * l_.seen_row + j * width, d - direct);
    to_old(0, step, b, j, direct, g);
  }

  // The gradient of a state before a step, but for what the recurrent product sends.
  void to_old(int n, ptrdiff_t step, ptrdiff_t b, ptrdiff_t j, vec d, const Gradients<N>& g) const {
    if (resets(step, b)) {
      put_more(g.d_initial[n] + rows_.original(b) * size(n), j, size(n), d);
      d = vec{};
    }
    store(carry(n, b, j), d);
  }

  void note(int n, ptrdiff_t step, ptrdiff_t b, ptrdiff_t j, vec d, const Gradients<N>& g) const {
    if (g.d_states[n]) put(g.d_states[n] + (time(step) * s_.B + rows_.original(b)) * size(n), j, size(n), d);
  }

  // d: the gradient of what the cell calls h, its state 0.
  void backward_cell(ptrdiff_t step, ptrdiff_t b, ptrdiff_t j, vec d_h, const Gradients<N>& g) const {
    N* kept = gates_ + row(step, b) * l_.row;
    vec a[S], old[states], d[states] = {d_h}, direct[states] = {}, extra[extras + 1],
                           d_extra[extras + 1] = {};
    for (int slot = 0; slot < S; ++slot) a[slot] = load(kept + l_.place_of(slot, j));
    for (int e = 0; e < extras; ++e) extra[e] = get(s_.extra[e], j, s_.H);
    for (int n = projected ? 1 : 0; n < states; ++n) {
      old[n] = load(state(n, step, b) + j * width);
      if (n > 0) d[n] = load(carry(n, b, j));
      note(n, step, b, j, d[n], g);
      if (zones(n)) {
        direct[n] = d[n] * share_of_old(n, step, b, j);
        d[n] -= direct[n];
      }
    }
    Cell::backward(a, old, d, extra, d_extra);
    for (int n = projected ? 1 : 0; n < states; ++n) to_old(n, step, b, j, d[n] + direct[n], g);
    for (int slot = 0; slot < S; ++slot) store(kept + l_.place_of(slot, j), a[slot]);
    for (int e = 0; e < extras; ++e) {
      float* sum = d_extra_ + (e * l_.nb + j) * width;
      store(sum, load(sum) + d_extra[e]);
    }
  }

  void backward_projection(ptrdiff_t step, ptrdiff_t p, const N* panel, const Gradients<N>& g) const {
    alignas(64) float sum[tile_rows<C> * C * width];
    for_tiles<C>(0, count(step), [&](ptrdiff_t b, ptrdiff_t rows) {
      multiply<Left::rows, C>(rows, sum, C * width, false, d_raw_ + row(step, b) * l_.seen_row, l_.seen_row,
                              panel, folds<N>(s_.O));
      for (ptrdiff_t r = 0; r < rows; ++r)
        for (int c = 0; c < C && p * C + c < l_.nb; ++c)
          backward_cell(step, b + r, p * C + c, load(sum + (r * C + c) * width), g);
    });
    for (ptrdiff_t b = count(step); b < count(step + 1); ++b)  // rows that began at step + 1
      for (int c = 0; c < C && p * C + c < l_.nb; ++c)
        for (int n = 1; n < states; ++n) put_start(g, n, b, p * C + c, load(carry(n, b, p * C + c)));
  }

  // Both products that need no time; `panels` has room for the input's columns.
  void finish_backward(const Gradients<N>& g, const Memory& panels, int index, int threads) {
    const ptrdiff_t total = rows_.total();
    const GateRows<N> gates{gates_, l_.row, total, s_.H};
    if (g.dx) {
      const ptrdiff_t K = l_.nb * G * width / fold<N>;
      const auto [begin, end] = share((blocks_of(s_.I) + C - 1) / C, index, threads);
      for (ptrdiff_t p = begin; p < end; ++p)
        l_.pack_columns(panels.as<N>() + p * K * C * width * fold<N>, s_.w_ih, s_.I, 0, p);
      barrier_.meet(threads);
      input_gradient<C>(g.dx, s_.I, gates, panels.as<N>(), K, rows_, s_.B, index, threads);
    }
    std::vector<WeightGradient<N>> wanted{{g.dw_ih, g.db_ih, s_.I, 0, G, {}},
                                          {g.dw_hh, g.db_hh, s_.O, first, G, {}}};
    for (auto& w : wanted) w.right.resize(total);
    rows_.each(0, total, [&](ptrdiff_t row, ptrdiff_t t, ptrdiff_t at) {
      wanted[0].right[row] = s_.x + (t * s_.B + at) * s_.I;
      wanted[1].right[row] = seen_ + row * l_.seen_row;
    });
    weight_gradients<S>(
        wanted, gates, [&](int slot, ptrdiff_t j) { return l_.place_of(slot, j); },
        [](int slot) { return Cell::gate_of_slot[slot]; }, index, threads);
    if constexpr (!projected) return;
    wanted = {{g.dw_hr, nullptr, s_.H, 0, 1, std::vector<const N*>(total)}};
    for (ptrdiff_t row = 0; row < total; ++row) wanted[0].right[row] = raw_ + row * l_.raw_row;
    weight_gradients<1>(
        wanted, GateRows<N>{d_raw_, l_.seen_row, total, s_.O}, [](int, ptrdiff_t j) { return j * width; },
        [](int) { return 0; }, index, threads);
  }

  const Sweep<N>& s_;
  const Rows rows_;
  const L l_;
  const bool keeps_;
  N *gates_ = nullptr, *seen_ = nullptr, *raw_ = nullptr, *d_raw_ = nullptr;
  float *states_[states] = {}, *carry_[most_states] = {}, *d_extra_ = nullptr;
  Barrier barrier_;
};

}  // namespace elman::ELMAN_ISA
