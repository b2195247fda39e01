// The threads of a sweep and the barrier between their steps.
//
// If the process has an OpenMP runtime, as torch loads one, the sweep uses its threads: they spin for some
// milliseconds after every torch operator, and separate threads would share the cores with them (measured: a
// sweep of 2.5 ms takes 6). Otherwise, and in a forked child process, where an OpenMP runtime that the parent
// used is stuck, the sweep uses a pool of its own, whose threads spin for a while and then sleep.
#pragma once

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>
#if defined(__linux__)
#include <link.h>
#endif

namespace elman {

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Spins until `holds`, for a bounded time; returns whether it does. On a busy machine a late thread waits
// some milliseconds for its time slice, and a thread that sleeps meanwhile loses its own slice too: so it
// spins for about that long, as OpenMP's threads do. With more threads than cores, spinning only costs other
// threads time.
template <class Condition, class Now>
bool spin_until(int threads, Condition&& holds, Now&& now_and_then) {
  static const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const int most = threads <= cores ? 400'000 : 1'000;
  for (int spins = 1; spins <= most; ++spins) {
    if (holds()) return true;
    if (spins % 1'000 == 0) now_and_then();
    relax();
  }
  return false;
}

// A barrier for all threads of a team, reusable at once. Early threads spin for a bounded time, then sleep.
class Barrier {
 public:
  void meet(int index, int threads) {
    if (threads == 1) return;
    const unsigned phase = phase_.load(std::memory_order_relaxed);
    place(index).store(core(), std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads) {
      arrived_.store(0, std::memory_order_relaxed);
      phase_.store(phase + 1, std::memory_order_seq_cst);
      if (sleepers_.load(std::memory_order_seq_cst) > 0) phase_.notify_all();
      return;
    }
    const auto met = [&] { return phase_.load(std::memory_order_acquire) != phase; };
    // a missing thread may be waiting for this core
    const auto let_pass = [&] {
      for (int k = 0; k < threads; ++k)
        if (k != index && place(k).load(std::memory_order_relaxed) == core()) return sched_yield(), void();
    };
    if (spin_until(threads, met, let_pass)) return;
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    while (phase_.load(std::memory_order_seq_cst) == phase) phase_.wait(phase, std::memory_order_seq_cst);
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  // The core that this thread runs on, if known.
  static int core() {
#if defined(__linux__)
    return sched_getcpu();
#else
    return -1;
#endif
  }
  std::atomic<int>& place(int index) { return places_[index % places_.size()]; }

  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> phase_{0};
  std::atomic<int> sleepers_{0};
  std::array<std::atomic<int>, 64> places_{};  // the core of each thread on arrival
};

// The loaded OpenMP runtime, if there is one.
class OpenMP {
 public:
  // Null without a runtime, after a fork, or if switched off.
  static const OpenMP* instance() {
    static const OpenMP found;
    return found.parallel_ && !forked_ && enabled ? &found : nullptr;
  }
  static inline std::atomic<bool> enabled{true};

  // Calls job(index, threads) on at most `threads` threads.
  template <class Job>
  void run(int threads, const Job& job) const {
    struct Call {
      const OpenMP* runtime;
      const Job* job;
    } call{this, &job};
    const auto body = [](void* data) {
      const Call& mine = *static_cast<Call*>(data);
      (*mine.job)(mine.runtime->index_(), mine.runtime->threads_());
    };
    parallel_(body, &call, threads, 0);
  }

 private:
  OpenMP() {
#if defined(__linux__)
    std::string path;  // prefers torch's own copy
    dl_iterate_phdr(
        [](dl_phdr_info* library, size_t, void* found) {
          const std::string name = library->dlpi_name;
          auto& path = *static_cast<std::string*>(found);
          const bool fits =
              name.find("libgomp") != std::string::npos || name.find("libiomp5") != std::string::npos;
          if (fits && (path.empty() || name.find("torch") != std::string::npos)) path = name;
          return 0;
        },
        &path);
    void* library = path.empty() ? nullptr : dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
    if (!library) return;
    index_ = reinterpret_cast<int (*)()>(dlsym(library, "omp_get_thread_num"));
    threads_ = reinterpret_cast<int (*)()>(dlsym(library, "omp_get_num_threads"));
    if (index_ && threads_)
      parallel_ = reinterpret_cast<decltype(parallel_)>(dlsym(library, "GOMP_parallel"));
    pthread_atfork(nullptr, nullptr, [] { forked_ = true; });
#endif
  }

  static inline std::atomic<bool> forked_{false};
  void (*parallel_)(void (*)(void*), void*, unsigned, unsigned) = nullptr;
  int (*index_)() = nullptr;
  int (*threads_)() = nullptr;
};

// Workers 1 … n-1 of a team whose worker 0 is the caller. The team runs one job at a time; a caller that
// finds it busy works alone.
class Pool {
 public:
  using Job = std::function<void(int index, int threads)>;

  // The process's pool. A forked child process has none of its parent's threads, so it gets its own.
  static Pool& instance() {
    static std::atomic<Pool*> pool{nullptr};
    static std::mutex making;
    Pool* found = pool.load(std::memory_order_acquire);
    if (found == nullptr || found->owner_ != getpid()) {
      std::lock_guard lock(making);
      found = pool.load();
      if (found == nullptr || found->owner_ != getpid()) {
        found = new Pool;  // never destroyed: threads may outlive static objects
        pool.store(found, std::memory_order_release);
      }
    }
    return *found;
  }

  void run(int threads, const Job& job) {
    std::unique_lock turn(turn_, std::try_to_lock);
    if (threads <= 1 || !turn.owns_lock()) {
      job(0, 1);
      return;
    }
    if (const OpenMP* runtime = OpenMP::instance()) return runtime->run(threads, job);
    while (static_cast<int>(workers_.size()) < threads - 1) {
      workers_.push_back(std::make_unique<Worker>());
      Worker& made = *workers_.back();
      std::thread([this, &made, index = static_cast<int>(workers_.size())] { serve(made, index); }).detach();
    }
    job_ = &job;
    threads_ = threads;
    left_.store(threads - 1, std::memory_order_relaxed);
    for (int k = 0; k < threads - 1; ++k) workers_[k]->call();
    job(0, threads);
    spin_until(threads, [&] { return left_.load(std::memory_order_acquire) == 0; }, sched_yield);
    while (const int left = left_.load(std::memory_order_acquire))
      left_.wait(left, std::memory_order_acquire);
  }

 private:
  struct Worker {
    alignas(64) std::atomic<unsigned> ticket{0};
    std::atomic<bool> asleep{false};
    std::mutex mutex;
    std::condition_variable bell;

    void call() {
      ticket.fetch_add(1, std::memory_order_seq_cst);
      if (asleep.load(std::memory_order_seq_cst)) {
        std::lock_guard lock(mutex);
        bell.notify_one();
      }
    }
    // Waits until the ticket is no longer `seen`.
    void await(unsigned seen) {
      for (int spins = 0; spins < 20000; ++spins) {
        if (ticket.load(std::memory_order_acquire) != seen) return;
        relax();
      }
      std::unique_lock lock(mutex);
      asleep.store(true, std::memory_order_seq_cst);
      bell.wait(lock, [&] { return ticket.load(std::memory_order_seq_cst) != seen; });
      asleep.store(false, std::memory_order_relaxed);
    }
  };

  void serve(Worker& self, int index) {
    for (unsigned seen = 0;; ++seen) {
      self.await(seen);
      (*job_)(index, threads_);
      if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) left_.notify_one();
    }
  }

  const pid_t owner_ = getpid();
  std::mutex turn_;
  std::vector<std::unique_ptr<Worker>> workers_;
  const Job* job_ = nullptr;
  int threads_ = 1;
  alignas(64) std::atomic<int> left_{0};
};

}  // namespace elman
