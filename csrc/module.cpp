// The Python module: picks the instruction set and passes raw memory through.
#include <dlfcn.h>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <chrono>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels.hpp"
#include "memory.hpp"
#include "pool.hpp"
#include "stepper.hpp"

namespace nb = nanobind;
using namespace elman;

void elman::refuse(int kind) {
  throw std::invalid_argument("no compiled cell has the number " + std::to_string(kind));
}

namespace {

// Whether this process may use the tile registers of AMX, for which it must ask the kernel once.
bool tiles_granted() {
#if defined(__linux__) && defined(__x86_64__)
  constexpr long request = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  static const bool granted =
      __builtin_cpu_supports("amx-bf16") && syscall(SYS_arch_prctl, request, tile_data) == 0;
  return granted;
#else
  return false;
#endif
}

// Best first.
std::vector<const Kernels*> supported() {
  std::vector<const Kernels*> found;
#if defined(__x86_64__)
  const bool halves = __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16");
  if (halves && tiles_granted()) found.push_back(&kernels_amx);
  if (halves) found.push_back(&kernels_avx512bf16);
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

// Whether products of bf16 are faster than those of float: in AMX's tiles, and by the instruction for pairs
// where it has the rate of float's, which Intel's processors do not give it.
bool halves_pay() {
#if defined(__x86_64__)
  return chosen == &kernels_amx || (chosen == &kernels_avx512bf16 && !__builtin_cpu_is("intel"));
#else
  return false;
#endif
}

// Addresses arrive in the order of the fields of Sweep and Gradients.
class Addresses {
 public:
  explicit Addresses(const std::vector<uintptr_t>& all) : all_(all) {}
  template <class T>
  void take(T*& field) {
    field = reinterpret_cast<T*>(all_.at(next_++));
  }
  template <class T, size_t n>
  void take(T* (&fields)[n]) {
    for (T*& field : fields) take(field);
  }
  template <class... Fields>
  void take_all(Fields&... fields) {
    (take(fields), ...);
  }
  void done() const {
    if (next_ != all_.size()) throw std::invalid_argument("as many addresses as fields");
  }

 private:
  const std::vector<uintptr_t>& all_;
  size_t next_ = 0;
};

using Sizes = std::vector<int64_t>;
using Rates = std::vector<float>;
using Pointers = std::vector<uintptr_t>;

template <class N>
const Functions<N>& functions(const Kernels& kernels) {
  if constexpr (sizeof(N) == 4)
    return kernels.single;
  else
    return kernels.half;
}

// What all directions have in common.
struct Facts {
  int cell;
  Sizes sizes;                // T, B, I, H, O
  std::vector<bool> reverse;  // for each direction
  int threads;
  Rates zoneout;  // most_states for each direction
};

template <class N>
Sweep<N> sized(const Sizes& sizes) {
  Sweep<N> s{};
  s.T = sizes.at(0), s.B = sizes.at(1), s.I = sizes.at(2), s.H = sizes.at(3), s.O = sizes.at(4);
  return s;
}

template <class N>
std::vector<Sweep<N>> make_sweeps(const Facts& facts, Addresses& from) {
  const size_t directions = facts.reverse.size();
  std::vector<Sweep<N>> made(directions, sized<N>(facts.sizes));
  for (size_t k = 0; k < directions; ++k) {
    Sweep<N>& s = made[k];
    s.reverse = facts.reverse[k], s.threads = facts.threads, s.output_row = directions * s.O;
    for (int n = 0; n < most_states; ++n) s.zoneout_rate[n] = facts.zoneout.at(k * most_states + n);
    from.take_all(s.w_ih, s.w_hh, s.w_hr, s.b_ih, s.b_hh, s.extra, s.x, s.start, s.initial, s.lengths,
                  s.resets, s.mask, s.zoneout, s.kept, s.output, s.final);
  }
  return made;
}

template <class N>
void forward(const Kernels& kernels, const Facts& facts, const Pointers& addresses) {
  Addresses from(addresses);
  const std::vector<Sweep<N>> sweeps = make_sweeps<N>(facts, from);
  from.done();
  nb::gil_scoped_release release;
  functions<N>(kernels).forward(facts.cell, sweeps);
}

template <class N>
void backward(const Kernels& kernels, const Facts& facts, const Pointers& addresses) {
  Addresses from(addresses);
  const std::vector<Sweep<N>> sweeps = make_sweeps<N>(facts, from);
  std::vector<Gradients<N>> gradients(sweeps.size());
  for (Gradients<N>& g : gradients)
    from.take_all(g.d_output, g.d_final, g.dx, g.dw_ih, g.dw_hh, g.dw_hr, g.db_ih, g.db_hh, g.d_extra,
                  g.d_start, g.d_initial, g.d_states);
  from.done();
  nb::gil_scoped_release release;
  functions<N>(kernels).backward(facts.cell, sweeps, gradients);
}

// Bytes that one direction keeps for the backward pass.
template <class N>
size_t kept_bytes(const Kernels& kernels, int cell, const Sizes& sizes, bool masked) {
  Sweep<N> s = sized<N>(sizes);
  static const float some{};
  s.mask = masked ? &some : nullptr;  // only its presence matters
  return functions<N>(kernels).kept_bytes(cell, s);
}

void any_forward(const Kernels& kernels, bool half, const Facts& facts, const Pointers& addresses) {
  (half ? forward<bf16> : forward<float>)(kernels, facts, addresses);
}
void any_backward(const Kernels& kernels, bool half, const Facts& facts, const Pointers& addresses) {
  (half ? backward<bf16> : backward<float>)(kernels, facts, addresses);
}
size_t any_kept_bytes(const Kernels& kernels, bool half, int cell, const Sizes& sizes, bool masked) {
  return (half ? kept_bytes<bf16> : kept_bytes<float>)(kernels, cell, sizes, masked);
}

Stepper* make_stepper(const Kernels& kernels, bool half, int64_t places, int threads, nb::dict module,
                      bool random, nb::dict parameters, const std::vector<std::string>& watched,
                      nb::list layers, nb::tuple outputs, uintptr_t output, uintptr_t wide_output,
                      nb::object tensor_type, nb::object dtype) {
  std::vector<LayerFacts> facts;
  for (nb::handle layer : layers) {
    const auto sizes = nb::cast<Sizes>(layer[1]);
    facts.push_back({nb::cast<int>(layer[0]), sizes.at(0), sizes.at(1), sizes.at(2), nb::cast<bool>(layer[2]),
                     nb::cast<Rates>(layer[3]), nb::cast<std::vector<std::string>>(layer[4]),
                     nb::cast<Pointers>(layer[5])});
  }
  return new Stepper(kernels, half, places, threads, module, random, parameters, watched, facts, outputs,
                     output, wide_output, tensor_type, dtype);
}

// A cell that was compiled at run time: a library that csrc/plugin.cpp became. It stays loaded, because a
// thread may be in it.
class Library {
 public:
  explicit Library(const std::string& path) {
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) throw std::invalid_argument(dlerror());
    const auto exported = reinterpret_cast<const Exported* (*)()>(dlsym(library, "elman_cell"));
    if (!exported) throw std::invalid_argument(path + " is no library of a cell");
    if (exported()->sizes != sizes_of_arguments)
      throw std::invalid_argument(path + " was made for another version of the kernels");
    kernels_ = exported()->kernels;
  }
  const Kernels& kernels() const { return *kernels_; }

 private:
  const Kernels* kernels_;
};

// A cell's facts for Python, with its parameters in the order of csrc/sweep.hpp, None for those that it
// lacks.
nb::dict described(int kind, const char* name, const std::string& extras) {
  const CellFacts facts = chosen->single.facts(kind);
  nb::list parameters;
  const auto add = [&](const char* parameter, bool has) {
    if (has)
      parameters.append(parameter);
    else
      parameters.append(nb::none());
  };
  const bool weights[] = {true, facts.recurs, facts.projects};
  for (int k = 0; k < 3; ++k) add(weight_names[k], weights[k]);
  for (int k = 0; k < 2; ++k) add(bias_names[k], weights[k]);
  std::istringstream names(extras);
  for (int k = 0; k < most_extras; ++k) {
    std::string extra;
    const bool has = static_cast<bool>(names >> extra);
    add(extra.c_str(), has);
  }
  nb::dict found;
  found["name"] = name;
  found["states"] = facts.states;
  found["projects"] = facts.projects;
  found["parameters"] = nb::tuple(parameters);
  return found;
}

// The compiled cells; the place of each is its number.
nb::list cells() {
  nb::list found;
#define CELL(kind, type, name, names) found.append(described(kind, name, names));
#include "cells.def"
  return found;
}

// Memory from the store as a NumPy array of bytes, returned to the store when the array is freed.
nb::ndarray<nb::numpy, uint8_t, nb::ndim<1>> memory(size_t bytes) {
  auto* made = new Memory(bytes);
  nb::capsule owner(made, [](void* p) noexcept { delete static_cast<Memory*>(p); });
  return {made->data(), {bytes}, owner};
}

// The peak rate of `threads` threads, in multiply-adds per second.
double peak(int threads) {
  nb::gil_scoped_release release;
  double best = 0;
  for (int trial = 0; trial < 5; ++trial) {
    const auto begin = std::chrono::steady_clock::now();
    const double done = chosen->multiply_adds(threads, 2000000);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    best = std::max(best, done / seconds.count());
  }
  return best;
}

}  // namespace

NB_MODULE(_kernels, m) {
  nb::set_leak_warnings(false);  // libraries of cells stay loaded to the end
  OpenMP::instance();            // early, so that a forked child knows of it whatever the parent ran before
  m.doc() = "Compiled recurrent kernels over raw memory; elman.kernels.compiled is the way in.";
  m.attr("most_states") = most_states;
  m.attr("weights") = nb::make_tuple(weight_names[0], weight_names[1], weight_names[2]);
  m.def("cells", &cells);
  m.def("isa", [] { return std::string(chosen->name); });
  m.def("flags", [] { return std::string(chosen->flags); });
  m.def("isas", [] {
    std::vector<std::string> names;
    for (const Kernels* kernels : supported()) names.emplace_back(kernels->name);
    return names;
  });
  m.def("choose", &choose, nb::arg("isa"));
  m.def("halves_pay", &halves_pay);
  m.def("peak", &peak, nb::arg("threads"));
  m.def("memory", &memory, nb::arg("bytes"));
  nb::class_<Stepper>(m, "_Stepper")
      .def("is_ready", &Stepper::is_ready)
      .def("step", &Stepper::step)
      .def("advance", &Stepper::advance);
  m.def("use_openmp", [](bool on) { OpenMP::enabled = on; }, nb::arg("on"));
  m.def("poison", [](bool on) { Memory::poisoned = on; }, nb::arg("on"));
  nb::class_<Library>(m, "Library")
      .def(nb::init<const std::string&>(), nb::arg("path"))
      .def(
          "Stepper",
          [](const Library& own, bool half, int64_t places, int threads, nb::dict module, bool random,
             nb::dict parameters, const std::vector<std::string>& watched, nb::list layers, nb::tuple outputs,
             uintptr_t output, uintptr_t wide_output, nb::object tensor_type, nb::object dtype) {
            return make_stepper(own.kernels(), half, places, threads, module, random, parameters, watched,
                                layers, outputs, output, wide_output, tensor_type, dtype);
          })
      .def("kept_bytes", [](const Library& own, bool half, int cell, const Sizes& sizes,
                            bool masked) { return any_kept_bytes(own.kernels(), half, cell, sizes, masked); })
      .def("forward",
           [](const Library& own, bool half, int cell, const Sizes& sizes, const std::vector<bool>& reverse,
              int threads, const Rates& zoneout, const Pointers& addresses) {
             any_forward(own.kernels(), half, {cell, sizes, reverse, threads, zoneout}, addresses);
           })
      .def("backward",
           [](const Library& own, bool half, int cell, const Sizes& sizes, const std::vector<bool>& reverse,
              int threads, const Rates& zoneout, const Pointers& addresses) {
             any_backward(own.kernels(), half, {cell, sizes, reverse, threads, zoneout}, addresses);
           });
  m.def("Stepper",
        [](bool half, int64_t places, int threads, nb::dict module, bool random, nb::dict parameters,
           const std::vector<std::string>& watched, nb::list layers, nb::tuple outputs, uintptr_t output,
           uintptr_t wide_output, nb::object tensor_type, nb::object dtype) {
          return make_stepper(*chosen, half, places, threads, module, random, parameters, watched, layers,
                              outputs, output, wide_output, tensor_type, dtype);
        });
  m.def("kept_bytes", [](bool half, int cell, const Sizes& sizes, bool masked) {
    return any_kept_bytes(*chosen, half, cell, sizes, masked);
  });
  m.def("forward", [](bool half, int cell, const Sizes& sizes, const std::vector<bool>& reverse, int threads,
                      const Rates& zoneout, const Pointers& addresses) {
    any_forward(*chosen, half, {cell, sizes, reverse, threads, zoneout}, addresses);
  });
  m.def("backward", [](bool half, int cell, const Sizes& sizes, const std::vector<bool>& reverse, int threads,
                       const Rates& zoneout, const Pointers& addresses) {
    any_backward(*chosen, half, {cell, sizes, reverse, threads, zoneout}, addresses);
  });
}
