// Compiled once for each instruction set, with ELMAN_ISA naming it.
#include "kernels.hpp"

#include "cells/elman.hpp"
#include "cells/gru.hpp"
#include "cells/lstm.hpp"
#include "unroll.hpp"

#define ELMAN_JOIN_(a, b) a##b
#define ELMAN_JOIN(a, b) ELMAN_JOIN_(a, b)
#define ELMAN_TEXT_(a) #a
#define ELMAN_TEXT(a) ELMAN_TEXT_(a)

namespace elman {
namespace ELMAN_ISA {

template <class Cell>
struct Type {
  using Loop = Unroll<Cell>;
};

// The one list of fused cells: calls `use` with the type of the cell.
template <class Use>
auto with_cell(int kind, Use&& use) {
  switch (kind) {
    case elman_tanh: return use(Type<Elman<false>>{});
    case elman_relu: return use(Type<Elman<true>>{});
    case gru: return use(Type<GRU>{});
    default: return use(Type<LSTM>{});
  }
}

int64_t gate_floats(int cell, int64_t H) {
  return with_cell(cell, [&](auto type) { return int64_t(decltype(type)::Loop::gate_floats(H)); });
}
int64_t padded(int cell, int64_t H) {
  return with_cell(cell, [&](auto type) { return int64_t(decltype(type)::Loop::padded(H)); });
}
void forward(int cell, const Sweep& sweep) {
  with_cell(cell, [&](auto type) { typename decltype(type)::Loop(sweep).forward(); });
}
void backward(int cell, const Sweep& sweep, const Gradients& gradients) {
  with_cell(cell, [&](auto type) { typename decltype(type)::Loop(sweep).backward(gradients); });
}

}  // namespace ELMAN_ISA

const Kernels ELMAN_JOIN(kernels_, ELMAN_ISA) = {
    ELMAN_TEXT(ELMAN_ISA), ELMAN_ISA::gate_floats, ELMAN_ISA::padded, ELMAN_ISA::forward, ELMAN_ISA::backward,
};

}  // namespace elman
