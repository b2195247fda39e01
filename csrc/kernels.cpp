// Compiled once for each instruction set, with ELMAN_ISA naming it.
#include "kernels.hpp"

#include "cells/coupled_lstm.hpp"
#include "cells/elman.hpp"
#include "cells/gru.hpp"
#include "cells/lstm.hpp"
#include "cells/peephole_lstm.hpp"
#include "cells/projected_lstm.hpp"
#include "unroll.hpp"

#define ELMAN_JOIN_(a, b) a##b
#define ELMAN_JOIN(a, b) ELMAN_JOIN_(a, b)
#define ELMAN_TEXT_(a) #a
#define ELMAN_TEXT(a) ELMAN_TEXT_(a)

namespace elman {
namespace ELMAN_ISA {

// The one list of fused cells: calls `use` with the loop of the cell.
template <class N, class Use>
auto with_cell(int kind, const Sweep<N>& sweep, Use&& use) {
  switch (kind) {
    case elman_tanh: return use(Unroll<Elman<false>, N>(sweep));
    case elman_relu: return use(Unroll<Elman<true>, N>(sweep));
    case gru: return use(Unroll<GRU, N>(sweep));
    case peephole_lstm: return use(Unroll<PeepholeLSTM, N>(sweep));
    case coupled_lstm: return use(Unroll<CoupledLSTM, N>(sweep));
    case projected_lstm: return use(Unroll<ProjectedLSTM, N>(sweep));
    default: return use(Unroll<LSTM, N>(sweep));
  }
}

template <class N>
size_t kept_bytes(int cell, const Sweep<N>& sweep) {
  return with_cell(cell, sweep, [](auto&& loop) { return loop.kept_bytes(); });
}
template <class N>
void forward(int cell, const Sweep<N>& sweep) {
  with_cell(cell, sweep, [](auto&& loop) { loop.forward(); });
}
template <class N>
void backward(int cell, const Sweep<N>& sweep, const Gradients<N>& gradients) {
  with_cell(cell, sweep, [&](auto&& loop) { loop.backward(gradients); });
}
template <class N>
constexpr SweepFunctions<N> functions{kept_bytes<N>, forward<N>, backward<N>};

double multiply_adds(int threads, long rounds) {
  constexpr int sums = accumulators;
  Pool::instance().run(threads, [&](int, int) {
    vec sum[sums] = {};
    for (vec& one : sum) asm volatile("" : "+m"(one));  // so that no two are known to be equal
    vec a = all(0.5f), b = all(1.0f);
    for (long k = 0; k < rounds; ++k) {
#pragma GCC unroll 24
      for (int i = 0; i < sums; ++i) sum[i] = sum[i] * a + b;
    }
    for (int i = 0; i < sums; ++i) asm volatile("" : : "m"(sum[i]));
  });
  return double(threads) * rounds * sums * width;
}

}  // namespace ELMAN_ISA

const Kernels ELMAN_JOIN(kernels_, ELMAN_ISA) = {
    ELMAN_TEXT(ELMAN_ISA),
    ELMAN_ISA::functions<float>,
    ELMAN_ISA::functions<bf16>,
    ELMAN_ISA::multiply_adds,
};

}  // namespace elman
