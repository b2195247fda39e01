// The functions of csrc/functions.hpp on arrays, for Python.
#include "functions.hpp"

using namespace elman::ELMAN_ISA;

#define ON_ARRAYS(name)                                                                \
  extern "C" void on_##name(const float* x, float* y, ptrdiff_t n) {                   \
    for (ptrdiff_t k = 0; k + width <= n; k += width) store(y + k, name(load(x + k))); \
  }
ON_ARRAYS(absolute)
ON_ARRAYS(sign)
ON_ARRAYS(root)
ON_ARRAYS(exponential)
ON_ARRAYS(exponential_less_one)
ON_ARRAYS(logarithm)
ON_ARRAYS(logarithm_of_one_more)
ON_ARRAYS(softplus)
ON_ARRAYS(sine)
ON_ARRAYS(cosine)
ON_ARRAYS(error_function)

#define OF_TWO(name)                                                                                \
  extern "C" void on_##name(const float* x, const float* z, float* y, ptrdiff_t n) {                \
    for (ptrdiff_t k = 0; k + width <= n; k += width) store(y + k, name(load(x + k), load(z + k))); \
  }
OF_TWO(maximum)
OF_TWO(minimum)
