// The rows of a ragged batch without its padding: step after step, longest sequence first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace elman {

class Rows {
 public:
  Rows(ptrdiff_t T, ptrdiff_t B, const int64_t* lengths) : order_(B), begin_(T + 1) {
    std::iota(order_.begin(), order_.end(), 0);
    if (lengths) {
      std::stable_sort(order_.begin(), order_.end(), [&](auto a, auto b) { return lengths[a] > lengths[b]; });
      for (ptrdiff_t t = 0, n = B; t < T; ++t) {
        while (n > 0 && lengths[order_[n - 1]] <= t) --n;
        begin_[t + 1] = begin_[t] + n;
        if (n > 0) longest_ = t + 1;
      }
    } else {
      for (ptrdiff_t t = 0; t < T; ++t) begin_[t + 1] = (t + 1) * B;
      longest_ = B > 0 ? T : 0;
    }
  }

  ptrdiff_t steps() const { return static_cast<ptrdiff_t>(begin_.size()) - 1; }
  ptrdiff_t longest() const { return longest_; }  // steps of the longest row
  ptrdiff_t total() const { return begin_.back(); }
  ptrdiff_t begin(ptrdiff_t t) const { return begin_[t]; }                  // first row of time t
  ptrdiff_t count(ptrdiff_t t) const { return begin_[t + 1] - begin_[t]; }  // rows 0 … count - 1
  ptrdiff_t original(ptrdiff_t b) const { return order_[b]; }               // row in the original batch

  // Calls body(row, t, row in the original batch) for rows [first, last) of all steps together.
  template <class Body>
  void each(ptrdiff_t first, ptrdiff_t last, Body&& body) const {
    ptrdiff_t t = std::upper_bound(begin_.begin(), begin_.end(), first) - begin_.begin() - 1;
    for (ptrdiff_t row = first; row < last; ++row) {
      while (row >= begin_[t + 1]) ++t;
      body(row, t, order_[row - begin_[t]]);
    }
  }

 private:
  std::vector<ptrdiff_t> order_, begin_;
  ptrdiff_t longest_ = 0;
};

}  // namespace elman
