// A layer that reads one step at a time. It has its own entry from Python, because a call costs more than a
// small step.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernels.hpp"
#include "memory.hpp"
#include "sweep.hpp"

namespace elman {

namespace nb = nanobind;

// Returns the result of a call into Python, or null if it failed; the caller treats null as a refusal.
inline nb::object or_null(PyObject* found) {
  if (!found) PyErr_Clear();
  return nb::steal(found);
}

// A module's parameter, looked up by name at every step, because a user may have replaced it.
class Parameter {
 public:
  // The name is interned, so that a lookup compares addresses.
  Parameter(nb::dict owner, const std::string& name)
      : owner_(owner), name_(nb::steal(PyUnicode_InternFromString(name.c_str()))) {
    expected_ = nb::borrow(PyDict_GetItem(owner.ptr(), name_.ptr()));
    storage_ = expected_.attr("detach")();  // keeps the memory, so that its address stays unique
    data_ = address();
  }
  // Whether the module still holds the same memory; its values may have changed.
  bool same() const {
    return PyDict_GetItem(owner_.ptr(), name_.ptr()) == expected_.ptr() && address() == data_;
  }
  template <class T>
  const T* data() const {
    return static_cast<const T*>(data_);
  }

 private:
  void* address() const {
    static PyObject* const method = PyUnicode_InternFromString("data_ptr");
    const nb::object found = or_null(PyObject_CallMethodNoArgs(expected_.ptr(), method));
    return found.is_valid() ? PyLong_AsVoidPtr(found.ptr()) : nullptr;
  }
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
  Layers(const Functions<N>& functions, int64_t B, int threads, nb::dict owner,
         const std::vector<LayerFacts>& facts)
      : functions_(functions), B_(B) {
    for (const LayerFacts& fact : facts) {
      Layer& layer = *layers_.emplace_back(std::make_unique<Layer>(fact, B));
      for (const std::string& name : fact.names)
        layer.parameters.push_back(name.empty() ? nullptr : std::make_unique<Parameter>(owner, name));
      Step<N>& s = layer.step;
      s.B = B, s.I = fact.I, s.H = fact.H, s.O = fact.O, s.threads = threads;
      for (int n = 0; n < most_states; ++n) {
        s.zoneout_rate[n] = fact.zoneout.at(n);
        s.state[n] = reinterpret_cast<float*>(fact.states.at(n));
      }
      const N** weights[] = {&s.w_ih, &s.w_hh, &s.w_hr};
      for (int k = 0; k < 3; ++k) *weights[k] = layer.template get<N>(k);
      s.fresh = layer.fresh.template as<float>(), s.raw = layer.raw.template as<N>();
      if constexpr (std::is_same_v<N, float>) {
        s.h = s.state[0];
        for (int k = 0; k < small; ++k) *layer.single(k) = layer.template get<float>(3 + k);
      } else {
        s.h = layer.h.template as<N>();
      }
    }
  }

  bool same() const {
    for (const auto& layer : layers_)
      for (const auto& parameter : layer->parameters)
        if (parameter && !parameter->same()) return false;
    return true;
  }

  // x [B, I] to output [B, O]; the states move on.
  void run(const N* x, N* output) {
    for (size_t k = 0; k < layers_.size(); ++k) {
      Layer& layer = *layers_[k];
      Step<N>& s = layer.step;
      s.x = x;
      if constexpr (!std::is_same_v<N, float>) {
        functions_.narrow(layer.h.template as<N>(), s.state[0], B_ * s.O);
        for (int p = 0; p < small; ++p) layer.widen(functions_, p);
      }
      functions_.step(layer.cell, s);
      N* out = k + 1 == layers_.size() ? output : layer.out.template as<N>();
      if (layer.residual)
        add(out, x, s.state[0], B_ * s.O);
      else
        functions_.narrow(out, s.state[0], B_ * s.O);
      x = out;
    }
  }

 private:
  static constexpr int small = 2 + most_extras;  // biases and parameters of single units

  struct Layer {
    Layer(const LayerFacts& fact, int64_t B)
        : cell(fact.cell),
          residual(fact.residual),
          fresh(B * fact.O * 4),
          raw(B * fact.H * 4),
          h(B * fact.O * 4),
          out(B * fact.O * 4),
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
    Memory fresh, raw, h, out, wide;
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
  int64_t B_;
  std::vector<std::unique_ptr<Layer>> layers_;
};

// Reads tensors or NumPy arrays; returns the same kind, in a buffer that the next step overwrites.
class Stepper {
 public:
  // outputs: [B, O] and, if B is 1, [O], as tensors and as arrays; then objects that must live as long as
  // this one, such as the states.
  Stepper(const Kernels& kernels, bool half, int64_t B, int threads, nb::dict owner,
          const std::vector<LayerFacts>& facts, nb::tuple outputs, uintptr_t output, uintptr_t wide_output,
          nb::object tensor_type, nb::object dtype)
      : half_kernels_(kernels.half),
        half_(half),
        B_(B),
        I_(facts.front().I),
        O_(facts.back().O),
        output_(output),
        wide_output_(reinterpret_cast<float*>(wide_output)),
        outputs_(outputs),
        tensor_type_(tensor_type),
        dtype_(dtype),
        x_(B * I_ * 2) {
    if (half)
      narrow_ = std::make_unique<Layers<bf16>>(kernels.half, B, threads, owner, facts);
    else
      wide_ = std::make_unique<Layers<float>>(kernels.single, B, threads, owner, facts);
  }

  // Returns None if x does not fit, or if the memory of the layer's parameters has changed.
  nb::object step(nb::handle x) {
    if (half_ ? !narrow_->same() : !wide_->same()) return nb::none();
    const bool tensor = Py_TYPE(x.ptr()) == reinterpret_cast<PyTypeObject*>(tensor_type_.ptr());
    int axes = 0;
    if (tensor ? !take_tensor(x, axes) : !take_array(x, axes)) return nb::none();
    return outputs_[(tensor ? 0 : 2) + (axes == 1)];
  }

 private:
  bool fits(const int64_t* shape, int axes) const {
    return axes == 2 ? shape[0] == B_ && shape[1] == I_ : axes == 1 && B_ == 1 && shape[0] == I_;
  }

  bool take_tensor(nb::handle x, int& axes) {
    static PyObject* const names[] = {
        PyUnicode_InternFromString("shape"), PyUnicode_InternFromString("dtype"),
        PyUnicode_InternFromString("is_cpu"), PyUnicode_InternFromString("is_contiguous"),
        PyUnicode_InternFromString("data_ptr")};
    const nb::object shape = or_null(PyObject_GetAttr(x.ptr(), names[0]));
    if (!shape.is_valid() || !PyTuple_Check(shape.ptr())) return false;
    axes = static_cast<int>(PyTuple_GET_SIZE(shape.ptr()));
    int64_t sizes[2] = {};
    if (axes < 1 || axes > 2) return false;
    for (int k = 0; k < axes; ++k) sizes[k] = PyLong_AsLongLong(PyTuple_GET_ITEM(shape.ptr(), k));
    if (!fits(sizes, axes)) return false;
    if (or_null(PyObject_GetAttr(x.ptr(), names[1])).ptr() != dtype_.ptr()) return false;
    if (or_null(PyObject_GetAttr(x.ptr(), names[2])).ptr() != Py_True) return false;
    if (or_null(PyObject_CallMethodNoArgs(x.ptr(), names[3])).ptr() != Py_True) return false;
    const nb::object address = or_null(PyObject_CallMethodNoArgs(x.ptr(), names[4]));
    if (!address.is_valid()) return false;
    const void* data = PyLong_AsVoidPtr(address.ptr());
    if (!data && B_ * I_ > 0) return false;  // a tensor without memory
    if (half_)
      narrow_->run(static_cast<const bf16*>(data), reinterpret_cast<bf16*>(output_));
    else
      wide_->run(static_cast<const float*>(data), reinterpret_cast<float*>(output_));
    return true;
  }

  bool take_array(nb::handle x, int& axes) {
    Py_buffer view;
    if (PyObject_GetBuffer(x.ptr(), &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) != 0) {
      PyErr_Clear();
      return false;
    }
    axes = view.ndim;
    const bool good = view.itemsize == 4 && view.format && std::string_view(view.format) == "f" &&
                      axes >= 1 && axes <= 2 && fits(view.shape, axes);
    if (good && half_) {
      half_kernels_.narrow(x_.as<bf16>(), static_cast<const float*>(view.buf), B_ * I_);
      narrow_->run(x_.as<bf16>(), reinterpret_cast<bf16*>(output_));
      half_kernels_.widen(wide_output_, reinterpret_cast<const bf16*>(output_), B_ * O_);
    } else if (good) {
      wide_->run(static_cast<const float*>(view.buf), reinterpret_cast<float*>(output_));
    }
    PyBuffer_Release(&view);
    return good;
  }

  const Functions<bf16>& half_kernels_;
  bool half_;
  int64_t B_, I_, O_;
  uintptr_t output_;
  float* wide_output_;
  nb::tuple outputs_;
  nb::object tensor_type_, dtype_;
  Memory x_;
  std::unique_ptr<Layers<float>> wide_;
  std::unique_ptr<Layers<bf16>> narrow_;
};

}  // namespace elman
