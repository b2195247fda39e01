// The common base of the forward and backward passes over time, for any cell.
//
// Hidden units lie in blocks of `width`. A register tile covers some rows of the batch and all gates of U
// blocks, and the cell's pointwise part runs on it while it is in the L1 cache. Threads take blocks; each
// keeps its part of the recurrent weights in its own cache, and all meet at one barrier per step (two with a
// projection). Rows of the batch are those that are alive: see rows.hpp.
#pragma once

#include "layout.hpp"
#include "pool.hpp"
#include "rows.hpp"
#include "sweep.hpp"

namespace elman::ELMAN_ISA {

template <class Cell, class N>
class Unroll {
 public:
  explicit Unroll(const Sweep<N>& sweep)
      : s_(sweep), rows_(sweep.T, sweep.B, sweep.lengths), l_(sweep.H, sweep.O), keeps_(s_.kept != nullptr) {}

  size_t kept_bytes() { return place(nullptr, s_.T * s_.B, true); }

 protected:
  using L = Layout<Cell, N>;
  static constexpr int states = Cell::states, extras = Cell::extras;
  static constexpr bool projected = L::projected;

  // Places everything in one block of memory for the given rows; returns its size.
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
  // The number of rows that are alive; 0 before the first step and after the last.
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

  // Whether row b's state is reset before this step: a new sequence starts at t, or, in reverse, at t + 1.
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

  bool zones(int n) const { return s_.zoneout[n] || s_.zoneout_rate[n] != 0.0f; }
  vec share_of_old(int n, ptrdiff_t step, ptrdiff_t b, ptrdiff_t j) const {
    if (!s_.zoneout[n]) return all(s_.zoneout_rate[n]);
    return get(s_.zoneout[n] + (time(step) * s_.B + rows_.original(b)) * size(n), j, size(n));
  }

  const Sweep<N>& s_;
  const Rows rows_;
  const L l_;
  const bool keeps_;
  N *gates_ = nullptr, *seen_ = nullptr, *raw_ = nullptr, *d_raw_ = nullptr;
  float* states_[states] = {};
  Barrier barrier_;
};

}  // namespace elman::ELMAN_ISA
