// The threads of a sweep and the barrier between their steps.
//
// Where the process has an OpenMP runtime, which torch brings, its threads are taken: they spin for some
// milliseconds after every operator of torch's, and threads of our own would have to share the cores with
// them (measured: a sweep of 2.5 ms takes 6). Elsewhere, and in a child process made by fork, where an OpenMP
// runtime that the parent used is stuck, there is a pool of our own, which spins a while and then sleeps.
#pragma once

#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
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

// Whether others want the cores too. Threads that meet at every step then wait for one another's turns, and
// where they wait for more than half of the time, one thread alone is faster. Waits far longer than work
// takes are summed up against the time that jobs take, the latest counting most. A crowd is believed in for a
// while, then the team tries again; if it meets the crowd again soon, for twice as long.
class Crowd {
 public:
  static bool here() { return now() < until_.load(std::memory_order_relaxed); }
  static inline std::atomic<bool> enabled{true};
  static int64_t now() {  // nanoseconds
    return std::chrono::steady_clock::now().time_since_epoch().count();
  }
  // Called with the nanoseconds that a thread waited for another.
  static void waited(int64_t time) { waited_.fetch_add(time, std::memory_order_relaxed); }
  // Called by one thread after a job of several that began then.
  static void judge(int64_t begin, int threads) {
    const int64_t time = now(), lost = waited_.exchange(0, std::memory_order_relaxed) / (threads - 1);
    hits_ = 0.9 * hits_ + (2 * lost > time - begin);
    lost_ = 0.9 * lost_ + lost, total_ = 0.9 * total_ + (time - begin);
    if (hits_ < 1.5 || lost_ < 0.5 * total_ || !enabled) return;  // once may be another library's threads
    believed_ = time - until_ > longest ? shortest : std::min(2 * believed_, longest);
    until_.store(time + believed_, std::memory_order_relaxed);
    hits_ = lost_ = total_ = 0;
  }

 private:
  static constexpr int64_t shortest = 100'000'000, longest = 1'600'000'000;  // nanoseconds
  static inline std::atomic<int64_t> until_{0}, waited_{0};
  // a pool's turn guards these
  static inline double hits_ = 0, lost_ = 0, total_ = 0;
  static inline int64_t believed_ = shortest;
};

// All threads of a team meet here; it can be used again at once. Whoever comes early spins a bounded while,
// then sleeps, so that whoever else wants the core gets it.
class Barrier {
 public:
  void meet(int threads) {
    if (threads == 1) return;
    const unsigned phase = phase_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads) {
      arrived_.store(0, std::memory_order_relaxed);
      phase_.store(phase + 1, std::memory_order_seq_cst);
      if (sleepers_.load(std::memory_order_seq_cst) > 0) phase_.notify_all();
      return;
    }
    const int64_t begin = Crowd::now();
    for (int spins = 0; spins < 4000; ++spins) {
      if (phase_.load(std::memory_order_acquire) != phase) return;
      relax();
    }
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    while (phase_.load(std::memory_order_seq_cst) == phase) phase_.wait(phase, std::memory_order_seq_cst);
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
    Crowd::waited(Crowd::now() - begin);
  }

 private:
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> phase_{0};
  std::atomic<int> sleepers_{0};
};

// The OpenMP runtime that is loaded, if there is one.
class OpenMP {
 public:
  // Null where there is none, after a fork, or where it was switched off.
  static const OpenMP* instance() {
    static const OpenMP found;
    return found.parallel_ && !forked_ && enabled ? &found : nullptr;
  }
  static inline std::atomic<bool> enabled{true};

  // Calls job(index, threads) on as many threads, or fewer.
  template <class Job>
  void run(int threads, const Job& job) const {
    struct Call {
      const OpenMP* runtime;
      const Job* job;
      int64_t done;  // when the caller's own part was
    } call{this, &job, 0};
    const auto body = [](void* data) {
      Call& mine = *static_cast<Call*>(data);
      const int index = mine.runtime->index_();
      (*mine.job)(index, mine.runtime->threads_());
      if (index == 0) mine.done = Crowd::now();
    };
    parallel_(body, &call, threads, 0);
    Crowd::waited(Crowd::now() - call.done);
  }

 private:
  OpenMP() {
#if defined(__linux__)
    std::string path;  // torch's own copy before any other
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

// Workers 1 … n-1 of a team whose worker 0 is the caller. One team runs one job at a time; callers from
// several threads take turns, and a caller that finds the team busy works alone.
class Pool {
 public:
  using Job = std::function<void(int index, int threads)>;

  // The process's pool. A child process made by fork has none of its parent's threads, so it gets its own.
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
    if (threads <= 1 || !turn.owns_lock() || Crowd::here()) {
      job(0, 1);
      return;
    }
    const int64_t begin = Crowd::now();
    if (const OpenMP* runtime = OpenMP::instance()) {
      runtime->run(threads, job);
      return Crowd::judge(begin, threads);
    }
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
    for (int spins = 0; int left = left_.load(std::memory_order_acquire); ++spins)
      if (spins < 4000)
        relax();
      else
        left_.wait(left, std::memory_order_acquire);
    Crowd::judge(begin, threads);
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
