// One cell made at run time, as a library of its own. It is compiled for one instruction set, with ELMAN_ISA
// naming it, ELMAN_CELLS naming the list that holds the cell, and cell_headers.hpp holding its struct.
#include <stdexcept>

#include "kernels.cpp"

void elman::refuse(int) { throw std::invalid_argument("this library has one cell, whose number is 0"); }

extern "C" __attribute__((visibility("default"))) const elman::Exported* elman_cell() {
  using namespace elman;
  static constexpr Exported exported{sizes_of_arguments, &ELMAN_JOIN(kernels_, ELMAN_ISA)};
  return &exported;
}
