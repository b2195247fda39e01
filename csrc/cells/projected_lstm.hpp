// LSTM with a projected output; states h (projected), c.
#pragma once
#include "lstm.hpp"

namespace elman::ELMAN_ISA {

struct ProjectedLSTM : LSTM {
  static constexpr bool projects = true;
};

}  // namespace elman::ELMAN_ISA
