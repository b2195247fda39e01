// A layer that reads one step at a time, for all rows of a batch or for some of them. It has its own entry
// from Python, because a call costs more than a small step.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "kernels.hpp"
#include "memory.hpp"
#include "sweep.hpp"
#include "tensor.hpp"

namespace elman {

namespace nb = nanobind;

// A module's parameter, looked up by name at every step, because a user may have replaced it.
class Parameter {
 public:
  // The name is interned, so that a lookup compares addresses.
  Parameter(const Tensors& tensors, nb::dict owner, const std::string& name)
      : tensors_(tensors), owner_(owner), name_(nb::steal(PyUnicode_InternFromString(name.c_str()))) {
    expected_ = nb::borrow(PyDict_GetItem(owner.ptr(), name_.ptr()));
    storage_ = expected_.attr("detach")();  // keeps the memory, so that its address stays unique
    data_ = tensors_.address(expected_);
  }
  // Whether the module still holds the same memory; its values may have changed.
  bool same() const {
    return PyDict_GetItem(owner_.ptr(), name_.ptr()) == expected_.ptr() &&
           tensors_.address(expected_) == data_;
  }
  template <class T>
  const T* data() const {
    return static_cast<const T*>(data_);
  }

 private:
  const Tensors& tensors_;
  nb::dict owner_;
  nb::object name_, expected_, storage_;
  void* data_ = nullptr;
};

// A layer's facts from Python; `names` are the parameters' names in the order of csrc/sweep.hpp.
struct LayerFacts {
  int cell;
  int64_t I, H, O;
  bool residual;
  std::vector<float> zoneout;
  std::vector<std::string> names;
  std::vector<uintptr_t> states;
};

template <class N>
class Layers {
 public:
  // places: rows of the batch whose states there are; owner: the module's parameters by name.
  Layers(const Functions<N>& functions, const Tensors& tensors, int64_t places, int threads, nb::dict owner,
         const std::vector<LayerFacts>& facts)
      : functions_(functions) {
    for (const LayerFacts& fact : facts) {
      Layer& layer = *layers_.emplace_back(std::make_unique<Layer>(fact, places));
      for (const std::string& name : fact.names)
        layer.parameters.push_back(name.empty() ? nullptr
                                                : std::make_unique<Parameter>(tensors, owner, name));
      Step<N>& s = layer.step;
      s.I = fact.I, s.H = fact.H, s.O = fact.O, s.threads = threads;
      for (int n = 0; n < most_states; ++n) {
        s.zoneout_rate[n] = fact.zoneout.at(n);
        s.state[n] = reinterpret_cast<float*>(fact.states.at(n));
      }
      const N** weights[] = {&s.w_ih, &s.w_hh, &s.w_hr};
      for (int k = 0; k < 3; ++k) *weights[k] = layer.template get<N>(k);
      s.fresh = layer.fresh.template as<float>(), s.raw = layer.raw.template as<N>();
      s.seen = layer.seen.template as<N>();
      if constexpr (std::is_same_v<N, float>)
        for (int k = 0; k < small; ++k) *layer.single(k) = layer.template get<float>(3 + k);
    }
  }

  bool same() const {
    for (const auto& layer : layers_)
      for (const auto& parameter : layer->parameters)
        if (parameter && !parameter->same()) return false;
    return true;
  }

  // x [rows, I] to output [rows, O]; the states at the rows' places move on.
  void run(const N* x, N* output, const int64_t* places, int64_t rows) {
    backward_ = !backward_;
    for (size_t k = 0; k < layers_.size(); ++k) {
      Layer& layer = *layers_[k];
      Step<N>& s = layer.step;
      s.x = x, s.B = rows, s.rows = places, s.backward = backward_;
      if constexpr (!std::is_same_v<N, float>)
        for (int p = 0; p < small; ++p) layer.widen(functions_, p);
      functions_.step(layer.cell, s);
      N* out = k + 1 == layers_.size() ? output : layer.out.template as<N>();
      if (layer.residual)
        add(out, x, s.fresh, rows * s.O);
      else
        functions_.narrow(out, s.fresh, rows * s.O);
      x = out;
    }
  }

 private:
  static constexpr int small = 2 + most_extras;  // biases and parameters of single units

  struct Layer {
    Layer(const LayerFacts& fact, int64_t places)
        : cell(fact.cell),
          residual(fact.residual),
          fresh(places * fact.O * 4),
          raw(places * fact.H * 4),
          seen(places * fact.O * 4),
          out(places * fact.O * 4),
          wide(small * 8 * fact.H * 4) {}
    template <class T>
    const T* get(int k) const {
      return parameters[k] ? parameters[k]->template data<T>() : nullptr;
    }
    const float** single(int k) {
      if (k < 2) return k == 0 ? &step.b_ih : &step.b_hh;
      return &step.extra[k - 2];
    }
    void widen(const Functions<N>& functions, int k) {
      const N* from = get<N>(3 + k);
      if (!from) return;
      const int64_t gates = k < 2 ? functions.facts(cell).gates : 1;
      float* to = wide.template as<float>() + k * 8 * step.H;
      functions.widen(to, from, gates * step.H);
      *single(k) = to;
    }
    int cell;
    bool residual;
    Step<N> step{};
    std::vector<std::unique_ptr<Parameter>> parameters;
    Memory fresh, raw, seen, out, wide;
  };

  static void add(float* to, const float* x, const float* y, int64_t n) {
    for (int64_t k = 0; k < n; ++k) to[k] = x[k] + y[k];
  }
  void add(bf16* to, const bf16* x, const float* y, int64_t n) {
    std::vector<float> sum(n);
    functions_.widen(sum.data(), x, n);
    for (int64_t k = 0; k < n; ++k) sum[k] += y[k];
    functions_.narrow(to, sum.data(), n);
  }

  const Functions<N>& functions_;
  bool backward_ = false;
  std::vector<std::unique_ptr<Layer>> layers_;
};

// Reads tensors or NumPy arrays; returns the same kind, in a buffer that the next step overwrites. It serves
// one thread at a time.
class Stepper {
 public:
  // module: the layer's attributes; random: whether a step in training draws numbers, which none here does.
  // parameters: those that `facts` name, by name; watched: the names of the layer's own parameters whose
  // memory they may share.
  // outputs: [places, O] and, if there is one place, [O], as tensors and as arrays; then objects that must
  // live as long as this one, such as the states.
  Stepper(const Kernels& kernels, bool half, int64_t places, int threads, nb::dict module, bool random,
          nb::dict parameters, const std::vector<std::string>& watched, const std::vector<LayerFacts>& facts,
          nb::tuple outputs, uintptr_t output, uintptr_t wide_output, nb::object tensor_type,
          nb::object dtype)
      : half_kernels_(kernels.half),
        half_(half),
        I_(facts.front().I),
        O_(facts.back().O),
        output_(output),
        wide_output_(reinterpret_cast<float*>(wide_output)),
        module_(module),
        random_(random),
        outputs_(outputs),
        tensors_(tensor_type, dtype, half),
        x_(places * I_ * 2),
        all_(places),
        taken_(places) {
    std::iota(all_.begin(), all_.end(), 0);
    for (const LayerFacts& fact : facts) weights_ += fact.H * (fact.I + fact.O);
    const auto own = nb::cast<nb::dict>(module["_parameters"]);
    for (const std::string& name : watched) watched_.emplace_back(tensors_, own, name);
    if (half)
      narrow_ = std::make_unique<Layers<bf16>>(kernels.half, tensors_, places, threads, parameters, facts);
    else
      wide_ = std::make_unique<Layers<float>>(kernels.single, tensors_, places, threads, parameters, facts);
  }

  // Whether the memory of all parameters is the same, and the layer needs not run itself: for hooks, or to
  // draw random numbers.
  bool is_ready() const {
    static PyObject *const hooks = PyUnicode_InternFromString("_forward_pre_hooks"),
                           *const training = PyUnicode_InternFromString("training");
    PyObject* found = PyDict_GetItem(module_.ptr(), hooks);
    if (!found || PyObject_IsTrue(found) != 0) return false;
    if (random_ && PyDict_GetItem(module_.ptr(), training) != Py_False) return false;
    for (const Parameter& parameter : watched_)
      if (!parameter.same()) return false;
    return half_ ? narrow_->same() : wide_->same();
  }

  // A step of all rows. Returns None if x does not fit or nothing is ready.
  nb::object step(nb::handle x) {
    const Turn turn(busy_);
    const std::optional<Kind> kind = run(x, 1, all_.data(), all_.size());
    return kind ? outputs_[(kind->tensor ? 0 : 2) + (kind->axes == 1)] : nb::object(nb::none());
  }

  // A step of the rows at `places`, an array of int64. Returns the whole buffer, whose first rows are theirs;
  // None as above, or if a place is none or comes twice.
  nb::object advance(nb::handle x, nb::handle places) {
    const Turn turn(busy_);
    const View view(places);
    if (!view.valid || view.ndim != 1 || !view.holds("lq", 8)) return nb::none();
    const int64_t* all = static_cast<const int64_t*>(view.buf);
    const int64_t rows = view.shape[0];
    ++round_;
    for (int64_t k = 0; k < rows; ++k) {
      if (all[k] < 0 || all[k] >= std::ssize(all_) || taken_[all[k]] == round_) return nb::none();
      taken_[all[k]] = round_;
    }
    const std::optional<Kind> kind = run(x, 2, all, rows);
    return kind ? outputs_[kind->tensor ? 0 : 2] : nb::object(nb::none());
  }

 private:
  static constexpr int64_t quick = 262144;  // products in about the time of giving the interpreter away

  struct Kind {
    bool tensor;
    int axes;
  };

  // Holds a stepper for one thread.
  class Turn {
   public:
    explicit Turn(std::atomic<bool>& busy) : busy_(busy) {
      if (busy_.exchange(true, std::memory_order_acquire))
        throw std::runtime_error("another thread is in a step of these states");
    }
    ~Turn() { busy_.store(false, std::memory_order_release); }

   private:
    std::atomic<bool>& busy_;
  };

  struct View : Py_buffer {
    explicit View(nb::handle from)
        : valid(PyObject_GetBuffer(from.ptr(), this, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) == 0) {
      if (!valid) PyErr_Clear();
    }
    ~View() {
      if (valid) PyBuffer_Release(this);
    }
    View(const View&) = delete;
    // Whether it holds elements of that size and of one of the formats.
    bool holds(std::string_view formats, ptrdiff_t size) const {
      return itemsize == size && format && std::strlen(format) == 1 &&
             formats.find(format[0]) != formats.npos;
    }
    const bool valid;
  };

  // x must have two axes, or from `least_axes` on if there is one row.
  std::optional<Kind> run(nb::handle x, int least_axes, const int64_t* places, int64_t rows) {
    if (!is_ready()) return {};
    if (tensors_.is_tensor(x)) {
      Tensors::Facts facts;
      if (!tensors_.see(x, facts) || !fits(facts.shape, facts.axes, least_axes, rows)) return {};
      if (!facts.data && rows * I_ > 0) return {};  // a tensor without memory
      released(rows, [&] {
        if (half_)
          narrow_->run(static_cast<const bf16*>(facts.data), reinterpret_cast<bf16*>(output_), places, rows);
        else
          wide_->run(static_cast<const float*>(facts.data), reinterpret_cast<float*>(output_), places, rows);
      });
      return Kind{true, facts.axes};
    }
    const View view(x);
    if (!view.valid || !view.holds("f", 4) || view.ndim < 1 || view.ndim > 2 ||
        !fits(view.shape, view.ndim, least_axes, rows))
      return {};
    const auto* data = static_cast<const float*>(view.buf);
    released(rows, [&] {
      if (!half_) return wide_->run(data, reinterpret_cast<float*>(output_), places, rows);
      half_kernels_.narrow(x_.as<bf16>(), data, rows * I_);
      narrow_->run(x_.as<bf16>(), reinterpret_cast<bf16*>(output_), places, rows);
      half_kernels_.widen(wide_output_, reinterpret_cast<const bf16*>(output_), rows * O_);
    });
    return Kind{false, view.ndim};
  }

  // Lets other threads of Python run meanwhile, unless that would take as long as the work.
  template <class Work>
  void released(int64_t rows, Work&& work) const {
    if (rows * weights_ < quick) return work();
    nb::gil_scoped_release release;
    work();
  }

  bool fits(const Py_ssize_t* shape, int axes, int least_axes, int64_t rows) const {
    if (axes == 2) return shape[0] == rows && shape[1] == I_;
    return axes >= least_axes && rows == 1 && shape[0] == I_;
  }

  const Functions<bf16>& half_kernels_;
  bool half_;
  int64_t I_, O_, weights_ = 0;
  uintptr_t output_;
  float* wide_output_;
  const nb::dict module_;
  const bool random_;
  nb::tuple outputs_;
  const Tensors tensors_;
  std::vector<Parameter> watched_;
  Memory x_;
  std::vector<int64_t> all_, taken_;  // all places; the last round in which each was taken
  int64_t round_ = 0;
  std::atomic<bool> busy_{false};
  std::unique_ptr<Layers<float>> wide_;
  std::unique_ptr<Layers<bf16>> narrow_;
};

}  // namespace elman
