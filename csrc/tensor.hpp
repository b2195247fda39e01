// Reads torch's tensors: by DLPack's table of C functions where torch has one (from 2.10 on), which takes
// some nanoseconds, else by the tensors' methods, which take longer than a small step.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>

namespace elman {

namespace nb = nanobind;

// Returns the result of a call into Python, or null if it failed; the caller treats null as a refusal.
inline nb::object or_null(PyObject* found) {
  if (!found) PyErr_Clear();
  return nb::steal(found);
}

class Tensors {
 public:
  struct Facts {
    void* data;
    int axes;
    Py_ssize_t shape[2];
  };

  // Reads tensors of this dtype: bfloat16 where `half`, else float32.
  Tensors(nb::object type, nb::object dtype, bool half) : type_(type), dtype_(dtype), half_(half) {
    const nb::object table = nb::getattr(type, "__dlpack_c_exchange_api__", nb::none());
    if (!PyCapsule_IsValid(table.ptr(), name)) return;
    const auto* found = static_cast<const Table*>(PyCapsule_GetPointer(table.ptr(), name));
    if (found->major == 1) read_ = found->read;
  }

  bool is_tensor(nb::handle x) const {
    return Py_TYPE(x.ptr()) == reinterpret_cast<PyTypeObject*>(type_.ptr());
  }

  // Address of a tensor's memory, whatever its dtype; null if that is not known.
  void* address(nb::handle x) const {
    nb::dlpack::dltensor t;
    if (read(x, t)) return start(t);
    const nb::object found = call(x, "data_ptr");
    return found.is_valid() ? PyLong_AsVoidPtr(found.ptr()) : nullptr;
  }

  // Whether x is a contiguous tensor of one or two axes on the CPU, of the dtype; then `facts` are its own.
  bool see(nb::handle x, Facts& facts) const {
    nb::dlpack::dltensor t;
    if (!read(x, t)) return see_by_methods(x, facts);
    if (t.device.device_type != nb::device::cpu::value || t.ndim < 1 || t.ndim > 2) return false;
    const auto expected = half_ ? nb::dlpack::dtype{uint8_t(nb::dlpack::dtype_code::Bfloat), 16, 1}
                                : nb::dlpack::dtype{uint8_t(nb::dlpack::dtype_code::Float), 32, 1};
    if (t.dtype != expected) return false;
    facts.data = start(t), facts.axes = t.ndim;
    int64_t stride = 1;
    for (int k = t.ndim - 1; k >= 0; --k) {
      if (t.strides && t.shape[k] > 1 && t.strides[k] != stride) return false;
      stride *= facts.shape[k] = t.shape[k];
    }
    return true;
  }

 private:
  static constexpr const char* name = "dlpack_exchange_api";

  // DLPack's DLPackExchangeAPI up to the function that is called here, of major version 1.
  struct Table {
    uint32_t major, minor;
    void *previous, *others[3];
    int (*read)(void* object, nb::dlpack::dltensor* to);
  };

  static void* start(const nb::dlpack::dltensor& t) { return static_cast<char*>(t.data) + t.byte_offset; }

  bool read(nb::handle x, nb::dlpack::dltensor& to) const {
    if (!read_) return false;
    if (read_(x.ptr(), &to) == 0) return true;
    PyErr_Clear();
    return false;
  }

  static nb::object call(nb::handle x, const char* method) {
    return or_null(PyObject_CallMethod(x.ptr(), method, nullptr));
  }
  static nb::object get(nb::handle x, const char* attribute) {
    return or_null(PyObject_GetAttrString(x.ptr(), attribute));
  }

  bool see_by_methods(nb::handle x, Facts& facts) const {
    const nb::object shape = get(x, "shape");
    if (!shape.is_valid() || !PyTuple_Check(shape.ptr())) return false;
    facts.axes = static_cast<int>(PyTuple_Size(shape.ptr()));
    if (facts.axes < 1 || facts.axes > 2) return false;
    for (int k = 0; k < facts.axes; ++k) facts.shape[k] = PyLong_AsSsize_t(PyTuple_GetItem(shape.ptr(), k));
    if (get(x, "dtype").ptr() != dtype_.ptr() || get(x, "is_cpu").ptr() != Py_True) return false;
    if (call(x, "is_contiguous").ptr() != Py_True) return false;
    const nb::object address = call(x, "data_ptr");
    if (!address.is_valid()) return false;
    facts.data = PyLong_AsVoidPtr(address.ptr());
    return true;
  }

  const nb::object type_, dtype_;
  const bool half_;
  int (*read_)(void*, nb::dlpack::dltensor*) = nullptr;
};

}  // namespace elman
