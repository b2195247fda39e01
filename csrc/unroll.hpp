// The time loop, forward and backward, for any cell.
//
// Hidden units lie in blocks of `width`. A register tile covers some rows of the batch and all gates of U
// blocks, and the cell's pointwise part runs on it while it is in the nearest cache. Threads take blocks; each
// keeps its part of the recurrent weights in its own cache, and all meet at one barrier a step (two with a
// projection). Rows of the batch are those that are alive: see rows.hpp.
#pragma once

#include <memory>
#include <optional>

#include "gemm.hpp"
#include "memory.hpp"
#include "pool.hpp"
#include "products.hpp"
#include "rows.hpp"
#include "sweep.hpp"

namespace elman::ELMAN_ISA {

inline ptrdiff_t blocks_of(ptrdiff_t units) { return (units + width - 1) / width; }

template <class Cell, class N>
class Unroll {
  static constexpr int G = Cell::gates, S = Cell::slots, states = Cell::states, extras = Cell::extras;
  static constexpr int first = Cell::recurrent;  // slot; those before it see the input's product alone
  static constexpr int U = G == 1 ? 2 : 1;       // blocks of a forward tile
  static constexpr int V = G * U;
  static constexpr int C = 2;                    // vectors of a backward tile
  static constexpr int item = S * U * width;     // floats of one row of one panel
  static constexpr bool projected = requires { Cell::projects; };
  static_assert(U == 1 || S == 1);

 public:
  explicit Unroll(const Sweep<N>& sweep)
      : s_(sweep),
        rows_(sweep.T, sweep.B, sweep.lengths),
        np_((blocks_of(sweep.H) + U - 1) / U),
        nb_(np_ * U),
        no_(projected ? blocks_of(sweep.O) : nb_),
        row_(row_stride<N>(nb_ * S * width)),
        raw_row_(row_stride<N>(nb_ * width)),
        seen_row_(row_stride<N>(no_ * width)) {
    for (int n = 0; n < states; ++n) state_row_[n] = row_stride<float>((n == 0 ? no_ : nb_) * width);
    keeps_ = s_.kept != nullptr;
  }

  size_t kept_bytes() { return place(nullptr, s_.T * s_.B, true); }

  void forward() {
    std::optional<Memory> passing;
    if (keeps_)
      place(static_cast<char*>(s_.kept), s_.T * s_.B, true);
    else
      place(passing.emplace(place(nullptr, 2 * s_.B, false)).template as<char>(), 2 * s_.B, false);
    const ptrdiff_t KI = folds<N>(s_.I), KO = folds<N>(s_.O), KH = folds<N>(s_.H);
    const ptrdiff_t nr = projected ? (no_ + C - 1) / C : 0;
    Memory w_ih(np_ * KI * V * width * 4), w_hh(np_ * KO * V * width * 4), w_hr(nr * KH * C * width * 4);
    Memory bias(np_ * item * 4);
    run([&](int index, int threads) {
      const auto [begin, end] = share(np_, index, threads);
      const auto [begin_r, end_r] = share(nr, index, threads);
      for (ptrdiff_t p = begin; p < end; ++p) {
        pack_panel(w_ih.as<N>() + p * KI * V * width * fold<N>, s_.w_ih, s_.I, 0, p);
        pack_panel(w_hh.as<N>() + p * KO * V * width * fold<N>, s_.w_hh, s_.O, first, p);
        pack_bias(bias.as<float>() + p * item, p);
      }
      for (ptrdiff_t p = begin_r; p < end_r; ++p) pack_projection(w_hr.as<N>() + p * KH * C * width * fold<N>, p);
      start_states(begin * U, end * U, begin_r * C, std::min(end_r * C, no_));
      const ptrdiff_t limit = chunk_rows();
      Memory sums(limit * (end - begin) * item * 4), inputs(limit * row_stride<N>(s_.I + 1) * sizeof(N));
      barrier_.meet(threads);
      ptrdiff_t chunk_end = 0, at = 0;  // steps whose input's product is in `sums`, and the next step's first row there
      for (ptrdiff_t step = 0; step < steps(); ++step) {
        if (step == chunk_end) chunk_end = project(step, limit, begin, end, w_ih, bias, sums, inputs), at = 0;
        for (ptrdiff_t k = begin; k < end; ++k) {
          // every other step reads the weights backward: their end is what the cache still holds
          const ptrdiff_t p = step % 2 ? begin + end - 1 - k : k;
          float* sum = sums.as<float>() + ((p - begin) * limit + at) * item;
          const N* panel = w_hh.as<N>() + p * KO * V * width * fold<N>;
          for_tiles<V>(0, count(step), [&](ptrdiff_t b, ptrdiff_t rows) {
            tiles<N, Left::rows, V>[rows - 1](sum + b * item + first * width, item, true, seen(step, b), seen_row_, panel, KO);
            for (ptrdiff_t r = b; r < b + rows; ++r)
              for (int u = 0; u < U; ++u) forward_cell(step, r, p * U + u, sum + r * item + u * S * width);
          });
        }
        at += count(step);
        barrier_.meet(threads);
        if constexpr (!projected) continue;
        for (ptrdiff_t p = begin_r; p < end_r; ++p) project_output(step, p, w_hr.as<N>() + p * KH * C * width * fold<N>);
        barrier_.meet(threads);
      }
      if (s_.lengths) clear_padding(index, threads);
    });
  }

  void backward(const Gradients<N>& g) {
    place(static_cast<char*>(s_.kept), s_.T * s_.B, true);
    const ptrdiff_t nc = (no_ + C - 1) / C, nr = projected ? (nb_ + C - 1) / C : 0, K = nb_ * G * width / fold<N>;
    const ptrdiff_t KO = folds<N>(s_.O);
    Memory w_hh(nc * K * C * width * 4), w_hr(nr * KO * C * width * 4), w_ih(g.dx ? (blocks_of(s_.I) + C) * K * width * 4 : 0);
    Memory d_extra(extras * nb_ * width * 4);
    Memory carry0(s_.B * state_row_[0] * 4), carry1(states > 1 ? s_.B * state_row_[states - 1] * 4 : 0);
    carry_[0] = carry0.as<float>(), carry_[most_states - 1] = carry1.as<float>();
    d_extra_ = d_extra.as<float>();
    run([&](int index, int threads) {
      const auto [begin, end] = share(nc, index, threads);
      const auto [begin_r, end_r] = share(nr, index, threads);
      for (ptrdiff_t p = begin; p < end; ++p) pack_columns(w_hh.as<N>() + p * K * C * width * fold<N>, s_.w_hh, s_.O, first, p);
      for (ptrdiff_t p = begin_r; p < end_r; ++p)
        pack_projection_columns(w_hr.as<N>() + p * KO * C * width * fold<N>, p);
      start_carry(g, 0, begin * C, std::min(end * C, no_));
      if (projected) {
        start_carry(g, 1, begin_r * C, std::min(end_r * C, nb_));
      } else if (states > 1) {
        start_carry(g, 1, begin * C, std::min(end * C, nb_));
      }
      const auto cells = projected ? share(nr, index, threads) : share(nc, index, threads);
      for (int e = 0; e < extras; ++e)
        std::fill(d_extra_ + (e * nb_ + std::min(cells.first * C, nb_)) * width, d_extra_ + (e * nb_ + std::min(cells.second * C, nb_)) * width, 0.0f);
      barrier_.meet(threads);
      for (ptrdiff_t step = steps() - 1; step >= -1; --step) {
        for (ptrdiff_t k = begin; k < end; ++k) {
          const ptrdiff_t p = step % 2 ? begin + end - 1 - k : k;
          backward_panel(step, p, w_hh.as<N>() + p * K * C * width * fold<N>, g);
        }
        barrier_.meet(threads);
        if constexpr (!projected) continue;
        for (ptrdiff_t p = begin_r; p < end_r; ++p) backward_projection(step, p, w_hr.as<N>() + p * KO * C * width * fold<N>, g);
        barrier_.meet(threads);
      }
      finish_backward(g, w_ih, index, threads);
      for (int e = 0; e < extras; ++e)
        if (g.d_extra[e])
          for (ptrdiff_t j = cells.first * C; j < std::min(cells.second * C, nb_); ++j)
            put(g.d_extra[e], j, s_.H, load(d_extra_ + (e * nb_ + j) * width));
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
    gates_ = whole ? reinterpret_cast<N*>(take(rows * row_ * sizeof(N))) : nullptr;
    for (int n = 0; n < states; ++n) states_[n] = reinterpret_cast<float*>(take(rows * state_row_[n] * 4));
    const bool separate = s_.mask || !std::is_same_v<N, float>;
    seen_ = reinterpret_cast<N*>(separate ? take(rows * seen_row_ * sizeof(N)) : reinterpret_cast<char*>(states_[0]));
    raw_ = projected ? reinterpret_cast<N*>(take(rows * raw_row_ * sizeof(N))) : nullptr;
    d_raw_ = projected && whole ? reinterpret_cast<N*>(take(rows * seen_row_ * sizeof(N))) : nullptr;
    return used;
  }

  ptrdiff_t steps() const { return rows_.longest(); }
  ptrdiff_t time(ptrdiff_t step) const { return s_.reverse ? steps() - 1 - step : step; }
  // Rows that are alive; none before the first step and after the last.
  ptrdiff_t count(ptrdiff_t step) const { return step < 0 || step >= steps() ? 0 : rows_.count(time(step)); }
  ptrdiff_t row(ptrdiff_t step, ptrdiff_t b) const { return (keeps_ ? rows_.begin(time(step)) : step % 2 * s_.B) + b; }
  float* state(int n, ptrdiff_t step, ptrdiff_t b) const { return states_[n] + row(step, b) * state_row_[n]; }
  N* seen(ptrdiff_t step, ptrdiff_t b) const { return seen_ + row(step, b) * seen_row_; }
  N* raw(ptrdiff_t step, ptrdiff_t b) const { return raw_ + row(step, b) * raw_row_; }
  ptrdiff_t size(int n) const { return n == 0 ? s_.O : s_.H; }

  // A slot of a row of gates: first the slots that see the input alone, then those that see both products,
  // then those that see the recurrent one alone; so what either product reads is one piece.
  ptrdiff_t place_of(int slot, ptrdiff_t j) const {
    if (slot < first) return (j * first + slot) * width;
    if (slot < G) return (nb_ * first + j * (G - first) + slot - first) * width;
    return (nb_ * G + j * (S - G) + slot - G) * width;
  }

  // Whether row b's state is put back before this step: a new sequence starts at t, or, in reverse, at t + 1.
  bool resets(ptrdiff_t step, ptrdiff_t b) const {
    if (!s_.resets) return false;
    const ptrdiff_t t = time(step) + (s_.reverse ? 1 : 0), at = rows_.original(b);
    return t < s_.T && s_.resets[t * s_.B + at] && (!s_.lengths || t < s_.lengths[at]);
  }

  static vec get(const float* row, ptrdiff_t j, ptrdiff_t n) { return load_some(row + j * width, n - j * width); }
  template <class M>
  static void put(M* row, ptrdiff_t j, ptrdiff_t n, vec v) {
    if (j * width < n) store_some(row + j * width, n - j * width, v);
  }
  static void put_more(float* row, ptrdiff_t j, ptrdiff_t n, vec v) { put(row, j, n, v + get(row, j, n)); }

  // Rows of the batch whose sums fit the second cache beside a panel; at least those of one step. The same for
  // any number of threads, as it decides which rows share a tile, and so the order of sums.
  ptrdiff_t chunk_rows() const {
    return std::max(s_.B, std::clamp<ptrdiff_t>(524288 / (np_ * item * 4), 64, 1024));
  }

  // Row of torch's weights that gate `slot` of a unit reads.
  ptrdiff_t weight_row(int slot, ptrdiff_t unit) const { return Cell::gate_of_slot[slot] * s_.H + unit; }
  ptrdiff_t lanes(ptrdiff_t j) const { return std::clamp<ptrdiff_t>(s_.H - j * width, 0, width); }

  // Weights [G * H, n] to a panel [n][U][G][width], gates in the order of the slots from `slot` on.
  void pack_panel(N* to, const N* w, ptrdiff_t n, int slot, ptrdiff_t p) const {
    for (int u = 0; u < U; ++u)
      for (int g = 0; g < G; ++g) {
        const ptrdiff_t j = p * U + u;
        const N* from = lanes(j) ? w + weight_row(slot + g, j * width) * n : w;
        pack_transposed(to + (u * G + g) * width * fold<N>, V * width * fold<N>, from, n, n, lanes(j));
      }
  }

  // Columns of weights [G * H, n] to a panel whose folds are in the order of a row of gates.
  void pack_columns(N* to, const N* w, ptrdiff_t n, int slot, ptrdiff_t p) const {
    const auto add = [&](int from, int until) {
      for (ptrdiff_t j = 0; j < nb_; ++j)
        for (int g = from; g < until; ++g)
          for (ptrdiff_t lane = 0; lane < width; lane += fold<N>, to += C * width * fold<N>) {
            const N* rows[fold<N>];
            for (int i = 0; i < fold<N>; ++i)
              rows[i] = lane + i < lanes(j) ? w + weight_row(g, j * width + lane + i) * n + p * C * width : nullptr;
            pack_fold(to, rows, n - p * C * width, C);
          }
    };
    add(slot, slot ? G : first);
    add(slot ? G : first, slot + G);
  }

  // Rows of w_hr [O, H] to a panel for the forward product, and its columns to one for the backward.
  void pack_projection(N* to, ptrdiff_t p) const {
    for (int c = 0; c < C; ++c) {
      const ptrdiff_t j = p * C + c, rows = std::clamp<ptrdiff_t>(s_.O - j * width, 0, width);
      pack_transposed(to + c * width * fold<N>, C * width * fold<N>, s_.w_hr + (rows ? j * width * s_.H : 0), s_.H, s_.H, rows);
    }
  }
  void pack_projection_columns(N* to, ptrdiff_t p) const {
    for (ptrdiff_t o = 0; o < s_.O; o += fold<N>, to += C * width * fold<N>) {
      const N* rows[fold<N>];
      for (int i = 0; i < fold<N>; ++i) rows[i] = o + i < s_.O ? s_.w_hr + (o + i) * s_.H + p * C * width : nullptr;
      pack_fold(to, rows, s_.H - p * C * width, C);
    }
  }

  // Each slot's constant: the biases of the products that it takes.
  void pack_bias(float* to, ptrdiff_t p) const {
    for (int u = 0; u < U; ++u)
      for (int slot = 0; slot < S; ++slot) {
        const ptrdiff_t j = p * U + u, at = weight_row(slot, j * width);
        vec sum{};
        if (lanes(j) && s_.b_ih && slot < G) sum += load_some(s_.b_ih + at, lanes(j));
        if (lanes(j) && s_.b_hh && slot >= first) sum += load_some(s_.b_hh + at, lanes(j));
        store(to + (u * S + slot) * width, sum);
      }
  }

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
  ptrdiff_t project(ptrdiff_t step, ptrdiff_t limit, ptrdiff_t begin, ptrdiff_t end, const Memory& w, const Memory& bias,
                    const Memory& sums, const Memory& inputs) const {
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
      for (ptrdiff_t m = 0; m < rows; ++m) std::memcpy(sum + m * item, bias.as<float>() + p * item, item * sizeof(float));
      for_tiles<V>(0, rows, [&](ptrdiff_t m, ptrdiff_t height) {
        tiles<N, Left::rows, V>[height - 1](sum + m * item, item, true, inputs.as<N>() + m * stride, stride, w.as<N>() + p * K * V * width * fold<N>, K);
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
      for (int slot = 0; slot < S; ++slot) store(gates_ + row(step, b) * row_ + place_of(slot, j), a[slot]);
    if constexpr (projected)
      store(raw(step, b) + j * width, fresh[0]);
    else
      leave(0, step, b, j, fresh[0]);
    for (int n = 1; n < states; ++n) leave(n, step, b, j, fresh[n]);
  }

  void project_output(ptrdiff_t step, ptrdiff_t p, const N* panel) const {
    for_tiles<C>(0, count(step), [&](ptrdiff_t b, ptrdiff_t rows) {
      alignas(64) float sum[tile_rows<C> * C * width];
      tiles<N, Left::rows, C>[rows - 1](sum, C * width, false, raw(step, b), raw_row_, panel, folds<N>(s_.H));
      for (ptrdiff_t r = 0; r < rows; ++r)
        for (int c = 0; c < C && p * C + c < no_; ++c) leave(0, step, b + r, p * C + c, load(sum + (r * C + c) * width));
    });
  }

  void clear_padding(int index, int threads) const {
    const auto [begin, end] = share(s_.T, index, threads);
    for (ptrdiff_t t = begin; t < end; ++t)
      for (ptrdiff_t b = rows_.count(t); b < s_.B; ++b)
        std::memset(static_cast<void*>(s_.output + (t * s_.B + rows_.original(b)) * s_.O), 0, s_.O * sizeof(N));
  }

  float* carry(int n, ptrdiff_t b, ptrdiff_t j) const { return carry_[n] + b * state_row_[n] + j * width; }

  void start_carry(const Gradients<N>& g, int n, ptrdiff_t begin, ptrdiff_t end) const {
    for (ptrdiff_t b = 0; b < s_.B; ++b)
      for (ptrdiff_t j = begin; j < end; ++j) {
        const ptrdiff_t at = rows_.original(b);
        const vec v = g.d_final[n] ? get(g.d_final[n] + at * size(n), j, size(n)) : vec{};
        store(carry(n, b, j), v);
        if (s_.lengths ? s_.lengths[at] == 0 : s_.T == 0) put(g.d_start[n] + at * size(n), j, size(n), v);
      }
  }

  // What the recurrent product of `step` + 1 sends back to the states before it, which are those after `step`;
  // then the cell's own part. Rows that began at `step` + 1 end here; step -1 is the start of all.
  void backward_panel(ptrdiff_t step, ptrdiff_t p, const N* panel, const Gradients<N>& g) const {
    const ptrdiff_t sent = count(step + 1), K = nb_ * G * width / fold<N>;
    alignas(64) float sum[tile_rows<C> * C * width];
    const auto receive = [&](ptrdiff_t b, ptrdiff_t rows) {
      for (ptrdiff_t r = 0; r < rows; ++r)
        for (int c = 0; c < C && p * C + c < no_; ++c) after_product(step, b + r, p * C + c, load(sum + (r * C + c) * width), g);
    };
    for_tiles<C>(0, sent, [&](ptrdiff_t b, ptrdiff_t rows) {
      const N* from = gates_ + row(step + 1, b) * row_ + nb_ * first * width;
      tiles<N, Left::rows, C>[rows - 1](sum, C * width, false, from, row_, panel, K);
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
      put(g.d_start[0] + at * s_.O, j, s_.O, d);
      if constexpr (!projected)
        for (int n = 1; n < states; ++n) put(g.d_start[n] + at * s_.H, j, s_.H, load(carry(n, b, j)));
      return;
    }
    if (g.d_output && j * width < s_.O)
      d += load_some(g.d_output + (time(step) * s_.B + at) * s_.O + j * width, s_.O - j * width);
    if constexpr (!projected) return backward_cell(step, b, j, d, g);
    note(0, step, b, j, d, g);
    vec direct{};
    if (zones(0)) direct = d * share_of_old(0, step, b, j);
    store(d_raw_ + row(step, b) * seen_row_ + j * width, d - direct);
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
    N* kept = gates_ + row(step, b) * row_;
    vec a[S], old[states], d[states] = {d_h}, direct[states] = {}, extra[extras + 1], d_extra[extras + 1] = {};
    for (int slot = 0; slot < S; ++slot) a[slot] = load(kept + place_of(slot, j));
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
    for (int slot = 0; slot < S; ++slot) store(kept + place_of(slot, j), a[slot]);
    for (int e = 0; e < extras; ++e) {
      float* sum = d_extra_ + (e * nb_ + j) * width;
      store(sum, load(sum) + d_extra[e]);
    }
  }

  void backward_projection(ptrdiff_t step, ptrdiff_t p, const N* panel, const Gradients<N>& g) const {
    alignas(64) float sum[tile_rows<C> * C * width];
    for_tiles<C>(0, count(step), [&](ptrdiff_t b, ptrdiff_t rows) {
      tiles<N, Left::rows, C>[rows - 1](sum, C * width, false, d_raw_ + row(step, b) * seen_row_, seen_row_, panel, folds<N>(s_.O));
      for (ptrdiff_t r = 0; r < rows; ++r)
        for (int c = 0; c < C && p * C + c < nb_; ++c) backward_cell(step, b + r, p * C + c, load(sum + (r * C + c) * width), g);
    });
    for (ptrdiff_t b = count(step); b < count(step + 1); ++b)  // rows that began at step + 1
      for (int c = 0; c < C && p * C + c < nb_; ++c)
        for (int n = 1; n < states; ++n)
          put(g.d_start[n] + rows_.original(b) * s_.H, p * C + c, s_.H, load(carry(n, b, p * C + c)));
  }

  // Both products that need no time; `panels` has room for the input's columns.
  void finish_backward(const Gradients<N>& g, const Memory& panels, int index, int threads) {
    const ptrdiff_t total = rows_.total();
    const GateRows<N> gates{gates_, row_, total, s_.H};
    if (g.dx) {
      const ptrdiff_t K = nb_ * G * width / fold<N>;
      const auto [begin, end] = share((blocks_of(s_.I) + C - 1) / C, index, threads);
      for (ptrdiff_t p = begin; p < end; ++p) pack_columns(panels.as<N>() + p * K * C * width * fold<N>, s_.w_ih, s_.I, 0, p);
      barrier_.meet(threads);
      input_gradient<C>(g.dx, s_.I, gates, panels.as<N>(), K, rows_, s_.B, index, threads);
    }
    std::vector<WeightGradient<N>> wanted{{g.dw_ih, g.db_ih, s_.I, 0, G, {}}, {g.dw_hh, g.db_hh, s_.O, first, G, {}}};
    for (auto& w : wanted) w.right.resize(total);
    rows_.each(0, total, [&](ptrdiff_t row, ptrdiff_t t, ptrdiff_t at) {
      wanted[0].right[row] = s_.x + (t * s_.B + at) * s_.I;
      wanted[1].right[row] = seen_ + row * seen_row_;
    });
    weight_gradients<S>(wanted, gates, [&](int slot, ptrdiff_t j) { return place_of(slot, j); },
                        [](int slot) { return Cell::gate_of_slot[slot]; }, index, threads);
    if constexpr (!projected) return;
    wanted = {{g.dw_hr, nullptr, s_.H, 0, 1, std::vector<const N*>(total)}};
    for (ptrdiff_t row = 0; row < total; ++row) wanted[0].right[row] = raw_ + row * raw_row_;
    weight_gradients<1>(wanted, GateRows<N>{d_raw_, seen_row_, total, s_.O}, [](int, ptrdiff_t j) { return j * width; },
                        [](int) { return 0; }, index, threads);
  }

  const Sweep<N>& s_;
  const Rows rows_;
  const ptrdiff_t np_, nb_, no_;             // panels and blocks of units, blocks of the output
  const ptrdiff_t row_, raw_row_, seen_row_;  // elements of a row of gates, of what w_hr reads, of what w_hh reads
  ptrdiff_t state_row_[states];
  bool keeps_;
  N *gates_ = nullptr, *seen_ = nullptr, *raw_ = nullptr, *d_raw_ = nullptr;
  float *states_[states] = {}, *carry_[most_states] = {}, *d_extra_ = nullptr;
  Barrier barrier_;
};

}  // namespace elman::ELMAN_ISA
