// The directions of a layer. Only the gradient of the input combines them, so each runs on its own part of
// the threads, in parallel with the other, or on one thread one after the other.
#pragma once

#include <deque>
#include <span>
#include <vector>

#include "backward.hpp"
#include "forward.hpp"
#include "pool.hpp"

namespace elman::ELMAN_ISA {

// The number of threads that pay off. A thread costs about `cost` multiply-adds: threads of one direction
// synchronise at every step if there is a recurrent product, those of two directions only at the end.
template <class Cell, class N>
int most_threads(std::span<const Sweep<N>> sweeps) {
  constexpr ptrdiff_t cost = 16384;
  const Sweep<N>& s = sweeps[0];
  constexpr int R = Layout<Cell, N>::R;
  const ptrdiff_t directions = sweeps.size(), step = s.B * s.H * (R ? R * s.O : Cell::gates * s.I);
  if (R == 0) return static_cast<int>(std::min<ptrdiff_t>(s.threads, 1 + s.T * step / cost));
  return static_cast<int>(
      std::min<ptrdiff_t>({s.threads, directions * (1 + step / cost), 1 + s.T * step / cost}));
}

// Runs the part of thread `index` of `threads` of each pass.
template <class Pass>
void side_by_side(std::deque<Pass>& passes, int index, int threads) {
  const int n = static_cast<int>(passes.size());
  for (int k = 0; k < n; ++k) {
    const int begin = threads * k / n, end = std::max(begin + 1, threads * (k + 1) / n);
    if (index >= begin && index < end) passes[k].work(index - begin, end - begin);
  }
}

template <class Cell, class N>
void forward_layer(std::span<const Sweep<N>> sweeps) {
  std::deque<Forward<Cell, N>> passes;
  for (const auto& sweep : sweeps) passes.emplace_back(sweep);
  Pool::instance().run(most_threads<Cell>(sweeps),
                       [&](int index, int threads) { side_by_side(passes, index, threads); });
}

template <class Cell, class N>
void backward_layer(std::span<const Sweep<N>> sweeps, std::span<const Gradients<N>> gradients) {
  std::deque<Backward<Cell, N>> passes;
  std::vector<InputTerm<N>> terms;
  for (size_t k = 0; k < sweeps.size(); ++k)
    terms.push_back(passes.emplace_back(sweeps[k], gradients[k]).input_term());
  Barrier all;
  Pool::instance().run(most_threads<Cell>(sweeps), [&](int index, int threads) {
    side_by_side(passes, index, threads);
    if (!gradients[0].dx) return;
    all.meet(index, threads);
    input_gradient<Layout<Cell, N>::C>(gradients[0].dx, sweeps[0].I, terms, passes[0].rows(), sweeps[0].B,
                                       index, threads);
  });
}

}  // namespace elman::ELMAN_ISA
