// The time loop, forward and backward, for any cell.
//
// Hidden units lie in blocks of `width`; a block's slots (gates, and what a cell keeps beside them) lie next
// to one another: row = [block][slot][width]. A register tile covers some rows and all gates of U blocks, so
// the cell's pointwise part runs on it before it leaves the core. Threads take blocks; each keeps its part of
// the recurrent weights in its own cache, and all meet at one barrier a step.
#pragma once

#include <cstdlib>
#include <memory>
#include <vector>

#include "gemm.hpp"
#include "pool.hpp"
#include "sweep.hpp"

namespace elman::ELMAN_ISA {

inline ptrdiff_t blocks_of(ptrdiff_t units) { return (units + width - 1) / width; }

// Memory that starts at a vector's boundary.
class Buffer {
 public:
  explicit Buffer(size_t n) : data_(static_cast<float*>(std::aligned_alloc(64, (n * 4 + 63) / 64 * 64 + 64))) {}
  ~Buffer() { std::free(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  operator float*() const { return data_; }

 private:
  float* data_;
};

template <class Cell>
class Unroll {
  static constexpr int G = Cell::gates, S = Cell::slots, N = Cell::states;
  static constexpr int U = G == 1 ? 2 : 1;  // blocks of a forward tile
  static constexpr int V = G * U;
  static constexpr int C = 2;  // vectors of a backward tile's columns
  static constexpr int block = S * width;

 public:
  static ptrdiff_t gate_floats(ptrdiff_t H) { return panels(H) * U * block; }
  static ptrdiff_t padded(ptrdiff_t H) { return panels(H) * U * width; }

  explicit Unroll(const Sweep& sweep)
      : s_(sweep), nb_(panels(sweep.H) * U), Hp_(nb_ * width), row_(nb_ * block) {}

  void forward() {
    const ptrdiff_t np = nb_ / U;
    Buffer w_ih(np * s_.I * V * width), w_hh(np * s_.H * V * width), bias(row_);
    pack_bias(bias);
    run([&](int index, int threads) {
      const auto [first, last] = share(np, index, threads);
      pack_rows(w_ih, s_.w_ih, s_.I, 0, first, last);
      pack_rows(w_hh, s_.w_hh, s_.H, Cell::recurrent, first, last);
      start_states(first * U, last * U);
      barrier_.meet(threads);
      project(w_ih, bias, index, threads);
      barrier_.meet(threads);
      for (ptrdiff_t step = 0; step < s_.T; ++step) {
        // every other step reads the weights backward: their end is what the cache still holds
        for (ptrdiff_t k = first; k < last; ++k) {
          const ptrdiff_t p = step % 2 ? first + last - 1 - k : k;
          const float* panel = w_hh + p * s_.H * V * width;
          for_row_tiles<tile_rows<V>>(0, s_.B, [&](auto R, ptrdiff_t b) { forward_tile<R>(step, p, b, panel, bias); });
        }
        barrier_.meet(threads);
      }
      finish_forward(index, threads);
    });
  }

  void backward(const Gradients& g) {
    const ptrdiff_t nc = (nb_ + C - 1) / C, K = nb_ * G * width;
    Buffer columns(nc * K * C * width);
    std::unique_ptr<Buffer> carry[N];
    for (auto& c : carry) c = std::make_unique<Buffer>(s_.B * nc * C * width);
    run([&](int index, int threads) {
      const auto [first, last] = share(nc, index, threads);
      pack_columns(columns, s_.w_hh, s_.H, Cell::recurrent, first, last);
      for (int n = 0; n < N; ++n) start_carry(*carry[n], g.d_final[n], first, last, nc);
      for (ptrdiff_t step = s_.T - 1; step >= -1; --step) {
        for (ptrdiff_t k = first; k < last; ++k) {
          const ptrdiff_t p = step % 2 ? first + last - 1 - k : k;
          const float* panel = columns + p * K * C * width;
          for_row_tiles<tile_rows<C>>(0, s_.B, [&](auto R, ptrdiff_t b) { backward_tile<R>(step, p, b, panel, carry, nc, g); });
        }
        barrier_.meet(threads);
      }
      if (g.dx) input_gradient(g, index, threads);
      weight_gradient(g.dw_ih, 0, s_.x, s_.I, s_.I, index, threads);
      weight_gradient(g.dw_hh, Cell::recurrent, read_by_recurrence(), Hp_, s_.H, index, threads);
      bias_gradient(g.db_ih, 0, index, threads);
      bias_gradient(g.db_hh, Cell::recurrent, index, threads);
    });
  }

 private:
  static ptrdiff_t panels(ptrdiff_t H) { return (blocks_of(H) + U - 1) / U; }

  template <class Job>
  void run(Job&& job) {
    Pool::instance().run(s_.threads, job);
  }

  ptrdiff_t time(ptrdiff_t step) const { return s_.reverse ? s_.T - 1 - step : step; }
  ptrdiff_t slot_before(ptrdiff_t step) const { return s_.reverse ? s_.T - step : step; }
  ptrdiff_t slot_after(ptrdiff_t step) const { return s_.reverse ? s_.T - 1 - step : step + 1; }
  float* gates_at(ptrdiff_t step, ptrdiff_t b) const { return s_.gates + (time(step) * s_.B + b) * row_; }
  float* state_at(int n, ptrdiff_t slot, ptrdiff_t b) const { return s_.states[n] + (slot * s_.B + b) * Hp_; }
  bool alive(ptrdiff_t t, ptrdiff_t b) const { return !s_.lengths || t < s_.lengths[b]; }

  // Whether row b's state is put back before this step: a new sequence starts at t, or, in reverse, at t + 1.
  bool resets(ptrdiff_t step, ptrdiff_t b) const {
    if (!s_.resets) return false;
    const ptrdiff_t t = time(step) + (s_.reverse ? 1 : 0);
    return t < s_.T && s_.resets[t * s_.B + b] && alive(t, b);
  }

  // What the recurrent product read, one row a step and row of the batch, in the order of time.
  const float* read_by_recurrence() const {
    return s_.seen ? s_.seen : s_.states[0] + (s_.reverse ? s_.B * Hp_ : 0);
  }
  const float* read_at(ptrdiff_t step, ptrdiff_t b) const {
    return read_by_recurrence() + (time(step) * s_.B + b) * Hp_;
  }

  // `count` floats of a row-major row of H, the rest zero.
  static vec load_units(const float* row, ptrdiff_t unit, ptrdiff_t H) {
    if (unit + width <= H) return load(row + unit);
    vec v{};
    for (ptrdiff_t k = 0; unit + k < H && k < width; ++k) v[k] = row[unit + k];
    return v;
  }
  static void store_units(float* row, ptrdiff_t unit, ptrdiff_t H, vec v) {
    if (unit + width <= H) return store(row + unit, v);
    for (ptrdiff_t k = 0; unit + k < H && k < width; ++k) row[unit + k] = v[k];
  }

  // Weights [G * H, K] to panels [np][K][U][G][width], gates in the order of the slots from `slot` on.
  void pack_rows(float* to, const float* w, ptrdiff_t K, int slot, ptrdiff_t first, ptrdiff_t last) const {
    for (ptrdiff_t p = first; p < last; ++p)
      for (int u = 0; u < U; ++u)
        for (int g = 0; g < G; ++g)
          for (int lane = 0; lane < width; ++lane) {
            const ptrdiff_t unit = (p * U + u) * width + lane;
            float* at = to + p * K * V * width + (u * G + g) * width + lane;
            const float* from = w + (Cell::gate_of_slot[slot + g] * s_.H + unit) * K;
            for (ptrdiff_t k = 0; k < K; ++k) at[k * V * width] = unit < s_.H ? from[k] : 0.0f;
          }
  }

  // Weights [G * H, columns] to panels of their columns: [nc][nb][G][width][C * width].
  void pack_columns(float* to, const float* w, ptrdiff_t columns, int slot, ptrdiff_t first, ptrdiff_t last) const {
    const ptrdiff_t K = nb_ * G * width;
    for (ptrdiff_t p = first; p < last; ++p)
      for (ptrdiff_t j = 0; j < nb_; ++j)
        for (int g = 0; g < G; ++g)
          for (int lane = 0; lane < width; ++lane) {
            const ptrdiff_t unit = j * width + lane;
            float* at = to + (p * K + (j * G + g) * width + lane) * C * width;
            const float* from = w + (Cell::gate_of_slot[slot + g] * s_.H + unit) * columns;
            for (int c = 0; c < C; ++c)
              store(at + c * width, unit < s_.H && (p * C + c) * width < columns
                                        ? load_units(from, (p * C + c) * width, columns)
                                        : vec{});
          }
  }

  // Each slot's constant: the biases of the products that it takes.
  void pack_bias(float* to) const {
    for (ptrdiff_t j = 0; j < nb_; ++j)
      for (int slot = 0; slot < S; ++slot)
        for (int lane = 0; lane < width; ++lane) {
          const ptrdiff_t unit = j * width + lane;
          float sum = 0.0f;
          if (unit < s_.H) {
            const ptrdiff_t at = Cell::gate_of_slot[slot] * s_.H + unit;
            if (s_.b_ih && slot < G) sum += s_.b_ih[at];
            if (s_.b_hh && slot >= Cell::recurrent) sum += s_.b_hh[at];
          }
          to[j * block + slot * width + lane] = sum;
        }
  }

  void start_states(ptrdiff_t first, ptrdiff_t last) const {
    for (int n = 0; n < N; ++n)
      for (ptrdiff_t b = 0; b < s_.B; ++b)
        for (ptrdiff_t j = first; j < last; ++j)
          store(state_at(n, slot_before(0), b) + j * width, load_units(s_.start[n] + b * s_.H, j * width, s_.H));
    if (s_.seen && s_.T)
      for (ptrdiff_t b = 0; b < s_.B; ++b)
        for (ptrdiff_t j = first; j < last; ++j) see(0, b, j);
  }

  // Writes what the recurrent product of this step reads: after a reset, through the mask.
  void see(ptrdiff_t step, ptrdiff_t b, ptrdiff_t j) const {
    vec h = resets(step, b) ? load_units(s_.initial[0] + b * s_.H, j * width, s_.H)
                            : load(state_at(0, slot_before(step), b) + j * width);
    if (s_.mask) h *= load_units(s_.mask + b * s_.H, j * width, s_.H);
    store(s_.seen + (time(step) * s_.B + b) * Hp_ + j * width, h);
  }

  vec share_of_old(int n, ptrdiff_t t, ptrdiff_t b, ptrdiff_t j) const {
    if (s_.zoneout[n]) return load_units(s_.zoneout[n] + (t * s_.B + b) * s_.H, j * width, s_.H);
    return all(s_.zoneout_rate[n]);
  }
  bool zones(int n) const { return s_.zoneout[n] || s_.zoneout_rate[n] != 0.0f; }

  vec old_state(int n, ptrdiff_t step, ptrdiff_t b, ptrdiff_t j) const {
    if (resets(step, b)) return load_units(s_.initial[n] + b * s_.H, j * width, s_.H);
    return load(state_at(n, slot_before(step), b) + j * width);
  }

  // The input's product for all steps, into the slots.
  void project(const float* w, const float* bias, int index, int threads) const {
    const ptrdiff_t rows = s_.T * s_.B, chunk = 16 * tile_rows<V>;
    const auto [begin, end] = share(rows, index, threads);
    for (ptrdiff_t from = begin; from < end; from += chunk)
      for (ptrdiff_t p = 0; p < nb_ / U; ++p)
        for_row_tiles<tile_rows<V>>(from, std::min(from + chunk, end), [&](auto R, ptrdiff_t m) {
          vec acc[R][V];
          for (int r = 0; r < R; ++r)
            for (int u = 0; u < U; ++u)
              for (int g = 0; g < G; ++g) acc[r][u * G + g] = load(bias + (p * U + u) * block + g * width);
          multiply(acc, s_.x + m * s_.I, s_.I, 1, w + p * s_.I * V * width, s_.I);
          for (int r = 0; r < R; ++r)
            for (int u = 0; u < U; ++u)
              for (int g = 0; g < G; ++g)
                store(s_.gates + (m + r) * row_ + (p * U + u) * block + g * width, acc[r][u * G + g]);
        });
  }

  template <int R>
  void forward_tile(ptrdiff_t step, ptrdiff_t p, ptrdiff_t b, const float* panel, const float* bias) const {
    constexpr int first = Cell::recurrent;
    vec acc[R][V];
    for (int r = 0; r < R; ++r)
      for (int u = 0; u < U; ++u)
        for (int g = 0; g < G; ++g) {
          const ptrdiff_t at = (p * U + u) * block + (first + g) * width;
          acc[r][u * G + g] = load((first + g < G ? gates_at(step, b + r) : bias) + at);
        }
    multiply(acc, read_at(step, b), Hp_, 1, panel, s_.H);
    const ptrdiff_t t = time(step);
    for (int r = 0; r < R; ++r)
      for (int u = 0; u < U; ++u) {
        const ptrdiff_t j = p * U + u, row = b + r;
        float* kept = gates_at(step, row) + j * block;
        vec old[N], fresh[N], a[S];
        for (int n = 0; n < N; ++n) old[n] = old_state(n, step, row, j);
        for (int slot = 0; slot < S; ++slot) a[slot] = slot < first ? load(kept + slot * width) : acc[r][u * G + slot - first];
        if (alive(t, row)) {
          Cell::forward(a, old, fresh);
          for (int n = 0; n < N; ++n)
            if (zones(n)) fresh[n] += share_of_old(n, t, row, j) * (old[n] - fresh[n]);
        } else {
          for (int n = 0; n < N; ++n) fresh[n] = old[n];
          for (int slot = 0; slot < S; ++slot) a[slot] = vec{};
        }
        for (int slot = 0; slot < S; ++slot) store(kept + slot * width, a[slot]);
        for (int n = 0; n < N; ++n) store(state_at(n, slot_after(step), row) + j * width, fresh[n]);
        if (s_.seen && step + 1 < s_.T) see(step + 1, row, j);
      }
  }

  void finish_forward(int index, int threads) const {
    const auto [begin, end] = share(s_.B, index, threads);
    for (ptrdiff_t b = begin; b < end; ++b) {
      for (int n = 0; n < N; ++n)
        std::memcpy(s_.final[n] + b * s_.H, state_at(n, slot_after(s_.T - 1), b), s_.H * sizeof(float));
      if (s_.output)
        for (ptrdiff_t step = 0; step < s_.T; ++step) {
          const ptrdiff_t t = time(step);
          float* to = s_.output + (t * s_.B + b) * s_.H;
          if (alive(t, b))
            std::memcpy(to, state_at(0, slot_after(step), b), s_.H * sizeof(float));
          else
            std::memset(to, 0, s_.H * sizeof(float));
        }
    }
  }

  void start_carry(float* carry, const float* d_final, ptrdiff_t first, ptrdiff_t last, ptrdiff_t nc) const {
    for (ptrdiff_t b = 0; b < s_.B; ++b)
      for (ptrdiff_t j = first * C; j < last * C; ++j)
        store(carry + b * nc * C * width + j * width,
              d_final && j * width < s_.H ? load_units(d_final + b * s_.H, j * width, s_.H) : vec{});
  }

  // The gradient that the recurrent product of `step` + 1 sends back, then the cell's own; step -1 is the start.
  template <int R>
  void backward_tile(ptrdiff_t step, ptrdiff_t p, ptrdiff_t b, const float* panel,
                     std::unique_ptr<Buffer> (&carry)[N], ptrdiff_t nc, const Gradients& g) const {
    vec acc[R][C] = {};
    if (step + 1 < s_.T) {
      const float* a = gates_at(step + 1, b) + Cell::recurrent * width;
      if constexpr (S == G)
        multiply(acc, a, row_, 1, panel, nb_ * G * width);
      else
        for (ptrdiff_t j = 0; j < nb_; ++j)
          multiply(acc, a + j * block, row_, 1, panel + j * G * width * C * width, G * width);
    }
    for (int r = 0; r < R; ++r)
      for (int c = 0; c < C; ++c) {
        const ptrdiff_t j = p * C + c, row = b + r;
        if (j >= nb_) continue;
        float* at[N];
        vec d[N];
        for (int n = 0; n < N; ++n) d[n] = load(at[n] = *carry[n] + row * nc * C * width + j * width);
        vec from_product = acc[r][c];
        if (s_.mask) from_product *= load_units(s_.mask + row * s_.H, j * width, s_.H);
        if (step + 1 < s_.T && resets(step + 1, row)) {
          add_units(g.d_initial[0] + row * s_.H, j * width, from_product);
        } else {
          d[0] += from_product;
        }
        if (step < 0) {
          for (int n = 0; n < N; ++n)
            if (j * width < s_.H) store_units(g.d_start[n] + row * s_.H, j * width, s_.H, d[n]);
          continue;
        }
        backward_cell(step, row, j, d, g);
        for (int n = 0; n < N; ++n) store(at[n], d[n]);
      }
  }

  void backward_cell(ptrdiff_t step, ptrdiff_t row, ptrdiff_t j, vec (&d)[N], const Gradients& g) const {
    const ptrdiff_t t = time(step);
    float* kept = gates_at(step, row) + j * block;
    if (alive(t, row)) {
      if (j * width < s_.H) d[0] += load_units(g.d_output + (t * s_.B + row) * s_.H, j * width, s_.H);
      vec a[S], old[N], direct[N] = {};
      for (int slot = 0; slot < S; ++slot) a[slot] = load(kept + slot * width);
      for (int n = 0; n < N; ++n) {
        old[n] = old_state(n, step, row, j);
        if (zones(n)) {
          direct[n] = d[n] * share_of_old(n, t, row, j);
          d[n] -= direct[n];
        }
      }
      Cell::backward(a, old, d);
      for (int n = 0; n < N; ++n) d[n] += direct[n];
      for (int slot = 0; slot < S; ++slot) store(kept + slot * width, a[slot]);
    }
    if (resets(step, row))
      for (int n = 0; n < N; ++n) {
        add_units(g.d_initial[n] + row * s_.H, j * width, d[n]);
        d[n] = vec{};
      }
  }

  void add_units(float* row, ptrdiff_t unit, vec v) const {
    if (unit < s_.H) store_units(row, unit, s_.H, load_units(row, unit, s_.H) + v);
  }

  // dx = gates' gradients times w_ih.
  void input_gradient(const Gradients& g, int index, int threads) {
    const ptrdiff_t nc = (blocks_of(s_.I) + C - 1) / C, K = nb_ * G * width;
    if (index == 0) input_columns_ = std::make_unique<Buffer>(nc * K * C * width);
    barrier_.meet(threads);
    const auto [first, last] = share(nc, index, threads);
    pack_columns(*input_columns_, s_.w_ih, s_.I, 0, first, last);
    barrier_.meet(threads);
    const ptrdiff_t depth = std::max<ptrdiff_t>(1, 512 / (G * width)), chunk = 16 * tile_rows<C>;  // blocks, rows
    const auto [begin, end] = share(s_.T * s_.B, index, threads);
    for (ptrdiff_t from = begin; from < end; from += chunk)
      for (ptrdiff_t j0 = 0; j0 < nb_; j0 += depth)
        for (ptrdiff_t p = 0; p < nc; ++p) {
          const float* panel = *input_columns_ + (p * K + j0 * G * width) * C * width;
          for_row_tiles<tile_rows<C>>(from, std::min(from + chunk, end), [&](auto R, ptrdiff_t m) {
            vec acc[R][C] = {};
            if (j0)
              for (int r = 0; r < R; ++r)
                for (int c = 0; c < C; ++c)
                  if ((p * C + c) * width < s_.I) acc[r][c] = load_units(g.dx + (m + r) * s_.I, (p * C + c) * width, s_.I);
            for (ptrdiff_t j = j0; j < std::min(j0 + depth, nb_); ++j)
              multiply(acc, s_.gates + m * row_ + j * block, row_, 1, panel + (j - j0) * G * width * C * width, G * width);
            for (int r = 0; r < R; ++r)
              for (int c = 0; c < C; ++c)
                if ((p * C + c) * width < s_.I) store_units(g.dx + (m + r) * s_.I, (p * C + c) * width, s_.I, acc[r][c]);
          });
        }
  }

  // dw = gates' gradients [rows, G * H] transposed times what they multiplied [rows, columns].
  void weight_gradient(float* dw, int slot, const float* read, ptrdiff_t stride, ptrdiff_t columns, int index, int threads) const {
    if (!dw) return;
    constexpr int W = 4, M = G * width;  // vectors of a tile's columns, rows of a block
    const ptrdiff_t rows = s_.T * s_.B, np = (blocks_of(columns) + W - 1) / W;
    const auto [first, last] = share(nb_, index, threads);
    if (first == last) return;
    const ptrdiff_t depth = std::clamp<ptrdiff_t>(131072 / (M * (last - first)), 32, 256);
    Buffer sums((last - first) * M * np * W * width), left((last - first) * depth * M), right(depth * W * width);
    std::memset(sums, 0, sizeof(float) * (last - first) * M * np * W * width);
    for (ptrdiff_t k0 = 0; k0 < rows; k0 += depth) {
      const ptrdiff_t K = std::min(depth, rows - k0);
      for (ptrdiff_t j = first; j < last; ++j)
        for (ptrdiff_t k = 0; k < K; ++k)
          std::memcpy(left + ((j - first) * depth + k) * M, s_.gates + (k0 + k) * row_ + j * block + slot * width, M * sizeof(float));
      for (ptrdiff_t p = 0; p < np; ++p) {
        for (ptrdiff_t k = 0; k < K; ++k)
          for (int v = 0; v < W; ++v) {
            const ptrdiff_t column = (p * W + v) * width;
            store(right + (k * W + v) * width, column < columns ? load_units(read + (k0 + k) * stride, column, columns) : vec{});
          }
        for (ptrdiff_t j = first; j < last; ++j)
          for_row_tiles<tile_rows<W>>(0, M, [&](auto R, ptrdiff_t m) {
            float* sum = sums + (((j - first) * np + p) * M + m) * W * width;
            vec acc[R][W];
            for (int r = 0; r < R; ++r)
              for (int v = 0; v < W; ++v) acc[r][v] = load(sum + (r * W + v) * width);
            multiply(acc, left + (j - first) * depth * M + m, 1, M, right, K);
            for (int r = 0; r < R; ++r)
              for (int v = 0; v < W; ++v) store(sum + (r * W + v) * width, acc[r][v]);
          });
      }
    }
    for (ptrdiff_t j = first; j < last; ++j)
      for (int g = 0; g < G; ++g)
        for (int lane = 0; lane < width && j * width + lane < s_.H; ++lane) {
          float* to = dw + (Cell::gate_of_slot[slot + g] * s_.H + j * width + lane) * columns;
          for (ptrdiff_t p = 0; p < np; ++p) {
            const ptrdiff_t column = p * W * width, n = std::min<ptrdiff_t>(W * width, columns - column);
            std::memcpy(to + column, sums + (((j - first) * np + p) * M + g * width + lane) * W * width, n * sizeof(float));
          }
        }
  }

  void bias_gradient(float* db, int slot, int index, int threads) const {
    if (!db) return;
    const auto [first, last] = share(nb_, index, threads);
    for (ptrdiff_t j = first; j < last; ++j) {
      vec sum[G] = {};
      for (ptrdiff_t k = 0; k < s_.T * s_.B; ++k)
        for (int g = 0; g < G; ++g) sum[g] += load(s_.gates + k * row_ + j * block + (slot + g) * width);
      for (int g = 0; g < G; ++g)
        if (j * width < s_.H) store_units(db + Cell::gate_of_slot[slot + g] * s_.H, j * width, s_.H, sum[g]);
    }
  }

  const Sweep& s_;
  const ptrdiff_t nb_, Hp_, row_;  // blocks, floats of a state's row, floats of a gates' row
  Barrier barrier_;
  std::unique_ptr<Buffer> input_columns_;
};

}  // namespace elman::ELMAN_ISA
