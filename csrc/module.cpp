// The Python module: picks the instruction set and passes raw memory through.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "kernels.hpp"

namespace nb = nanobind;
using namespace elman;

namespace {

// Best first.
std::vector<const Kernels*> supported() {
  std::vector<const Kernels*> found;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) found.push_back(&kernels_avx512);
  if (__builtin_cpu_supports("x86-64-v3")) found.push_back(&kernels_avx2);
#endif
  found.push_back(&kernels_generic);
  return found;
}

const Kernels* chosen = supported().front();

void choose(const std::string& name) {
  for (const Kernels* kernels : supported())
    if (name == kernels->name) {
      chosen = kernels;
      return;
    }
  throw std::invalid_argument("this CPU has no " + name);
}

// Addresses arrive in the order of the fields of Sweep and Gradients.
class Addresses {
 public:
  explicit Addresses(const std::vector<uintptr_t>& all) : all_(all) {}
  template <class T>
  void take(T*& field) {
    field = reinterpret_cast<T*>(all_.at(next_++));
  }
  template <class T>
  void take(T* (&fields)[most_states]) {
    for (T*& field : fields) take(field);
  }

 private:
  const std::vector<uintptr_t>& all_;
  size_t next_ = 0;
};

Sweep make_sweep(const std::vector<int64_t>& sizes, bool reverse, int threads, const std::vector<float>& zoneout,
                 Addresses& from) {
  Sweep s{};
  s.T = sizes.at(0), s.B = sizes.at(1), s.I = sizes.at(2), s.H = sizes.at(3);
  s.reverse = reverse, s.threads = threads;
  for (int n = 0; n < most_states; ++n) s.zoneout_rate[n] = zoneout.at(n);
  from.take(s.w_ih), from.take(s.w_hh), from.take(s.b_ih), from.take(s.b_hh);
  from.take(s.x), from.take(s.start), from.take(s.initial);
  from.take(s.lengths), from.take(s.resets), from.take(s.mask), from.take(s.zoneout);
  from.take(s.gates), from.take(s.states), from.take(s.seen), from.take(s.output), from.take(s.final);
  return s;
}

}  // namespace

NB_MODULE(_kernels, m) {
  m.doc() = "Compiled recurrent kernels over raw memory; elman.kernels.cpu is the way in.";
  m.def("isa", [] { return std::string(chosen->name); });
  m.def("isas", [] {
    std::vector<std::string> names;
    for (const Kernels* kernels : supported()) names.emplace_back(kernels->name);
    return names;
  });
  m.def("choose", &choose, nb::arg("isa"));
  m.def("gate_floats", [](int cell, int64_t H) { return chosen->gate_floats(cell, H); });
  m.def("padded", [](int cell, int64_t H) { return chosen->padded(cell, H); });
  m.def("forward", [](int cell, const std::vector<int64_t>& sizes, bool reverse, int threads,
                      const std::vector<float>& zoneout, const std::vector<uintptr_t>& addresses) {
    Addresses from(addresses);
    const Sweep sweep = make_sweep(sizes, reverse, threads, zoneout, from);
    nb::gil_scoped_release release;
    chosen->forward(cell, sweep);
  });
  m.def("backward", [](int cell, const std::vector<int64_t>& sizes, bool reverse, int threads,
                       const std::vector<float>& zoneout, const std::vector<uintptr_t>& addresses) {
    Addresses from(addresses);
    const Sweep sweep = make_sweep(sizes, reverse, threads, zoneout, from);
    Gradients g{};
    from.take(g.d_output), from.take(g.d_final), from.take(g.dx), from.take(g.dw_ih), from.take(g.dw_hh);
    from.take(g.db_ih), from.take(g.db_hh), from.take(g.d_start), from.take(g.d_initial);
    nb::gil_scoped_release release;
    chosen->backward(cell, sweep, g);
  });
}
