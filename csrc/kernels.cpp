// Compiled once for each instruction set, with ELMAN_ISA naming it.
#include "kernels.hpp"

#include "cell_headers.hpp"  // those of csrc/cells/, listed by CMakeLists.txt
#include "directions.hpp"
#include "step.hpp"

#ifndef ELMAN_FLAGS
#define ELMAN_FLAGS ""
#endif
#define ELMAN_JOIN_(a, b) a##b
#define ELMAN_JOIN(a, b) ELMAN_JOIN_(a, b)
#define ELMAN_TEXT_(a) #a
#define ELMAN_TEXT(a) ELMAN_TEXT_(a)

namespace elman {
namespace ELMAN_ISA {

// Calls `use` with the cell of that number.
template <class Use>
auto with_cell(int kind, Use&& use) {
  switch (kind) {
#define CELL(kind, type, name, names) \
  case kind:                          \
    return use(type{});
#include ELMAN_CELLS
  }
  refuse(kind);
}

#define CELL(kind, type, name, names) \
  static_assert(count(names) == type::extras, name " must name its extras");
#include ELMAN_CELLS

CellFacts facts(int kind) {
  return with_cell(kind, [](auto cell) {
    using Cell = decltype(cell);
    return CellFacts{Cell::gates, Cell::states, requires { Cell::projects; }, Cell::recurrent < Cell::slots};
  });
}
template <class N>
size_t kept_bytes(int kind, const Sweep<N>& sweep) {
  return with_cell(kind, [&](auto cell) { return Unroll<decltype(cell), N>(sweep).kept_bytes(); });
}
template <class N>
void forward(int kind, std::span<const Sweep<N>> sweeps) {
  with_cell(kind, [&](auto cell) { forward_layer<decltype(cell)>(sweeps); });
}
template <class N>
void backward(int kind, std::span<const Sweep<N>> sweeps, std::span<const Gradients<N>> gradients) {
  with_cell(kind, [&](auto cell) { backward_layer<decltype(cell)>(sweeps, gradients); });
}
template <class N>
void step(int kind, const Step<N>& s) {
  with_cell(kind, [&](auto cell) { step_layer<decltype(cell)>(s); });
}
template <class To, class From>
void convert(To* to, const From* from, size_t n) {
  for (size_t k = 0; k < n; k += width) store_some(to + k, n - k, load_some(from + k, n - k));
}
template <class N>
[[maybe_unused]] constexpr Functions<N> functions{facts,   kept_bytes<N>,     forward<N>,       backward<N>,
                                                  step<N>, convert<N, float>, convert<float, N>};

double multiply_adds(int threads, long rounds) {
  constexpr int sums = accumulators;
  Pool::instance().run(threads, [&](int, int) {
    vec sum[sums] = {};
    for (vec& one : sum) asm volatile("" : "+m"(one));  // hides from the compiler that they are equal
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
    ELMAN_TEXT(ELMAN_ISA),      ELMAN_FLAGS,
#if defined(ELMAN_SINGLE)
    ELMAN_SINGLE.single,
#else
    ELMAN_ISA::functions<float>,
#endif
    ELMAN_ISA::functions<bf16>, ELMAN_ISA::multiply_adds,
};

}  // namespace elman
