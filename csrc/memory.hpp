// A store of reused memory: fresh pages cost the system more than a small sweep over them.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <new>

namespace elman {

class Memory {
 public:
  // If true, memory is filled with NaN when taken, so that a test detects reads of unwritten memory.
  static inline std::atomic<bool> poisoned{false};

  explicit Memory(size_t bytes) : bytes_(rounded(bytes)), data_(take(bytes_)) {
    if (poisoned) std::memset(data_, 0xff, bytes_);
  }
  ~Memory() { give(data_, bytes_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void* data() const { return data_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  struct Block {
    void* data;
    size_t bytes;
  };
#if defined(__SANITIZE_ADDRESS__)  // each block is separate and of the exact size, so that an access past its
                                   // end is detected
  static constexpr bool shares = false;
#else
  static constexpr bool shares = true;
#endif
  static constexpr size_t most_blocks = 64, most_bytes = shares ? size_t(512) << 20 : 0,
                          huge_page = size_t(2) << 20;

  // Sizes a quarter of a power of two apart, so that calls of nearly equal size share blocks.
  static size_t rounded(size_t bytes) {
    if (!shares) return std::max<size_t>(bytes, 1);
    size_t step = 64;
    while (step * 8 < bytes) step *= 2;
    return (std::max<size_t>(bytes, 1) + step - 1) / step * step;
  }

  static void* take(size_t bytes) {
    // a lock held during a fork stays locked in the child, which then works without the store
    if (std::unique_lock lock(mutex(), std::try_to_lock); lock.owns_lock())
      for (auto block = free_.rbegin(); block != free_.rend(); ++block)
        if (block->bytes == bytes) {
          void* found = block->data;
          free_.erase(std::next(block).base());
          kept_ -= bytes;
          return found;
        }
    const bool huge = shares && bytes >= huge_page;
    void* made = nullptr;
    if (posix_memalign(&made, huge ? huge_page : 64,
                       huge ? (bytes + huge_page - 1) / huge_page * huge_page : bytes))
      throw std::bad_alloc();
#if defined(__linux__)
    if (huge) madvise(made, bytes, MADV_HUGEPAGE);
#endif
    return made;
  }

  static void give(void* data, size_t bytes) {
    std::unique_lock lock(mutex(), std::try_to_lock);
    if (!lock.owns_lock() || bytes > most_bytes) return std::free(data);
    free_.push_back({data, bytes});
    kept_ += bytes;
    while (free_.size() > most_blocks || kept_ > most_bytes) {
      std::free(free_.front().data);
      kept_ -= free_.front().bytes;
      free_.pop_front();
    }
  }

  static std::mutex& mutex() {
    static std::mutex made;
    return made;
  }
  size_t bytes_;
  void* data_;
  static inline std::deque<Block> free_;
  static inline size_t kept_ = 0;
};

}  // namespace elman
