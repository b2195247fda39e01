// Threads that wait for work by spinning a while and then sleeping, and the barrier between their steps.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <pthread.h>
#include <unistd.h>

namespace elman {

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Spins a bounded while, then gives the core to whoever else wants it.
class Patience {
 public:
  void wait() {
    if (++spins_ < 2000)
      relax();
    else
      std::this_thread::yield();
  }

 private:
  int spins_ = 0;
};

// All threads of a team meet here; it can be used again at once.
class Barrier {
 public:
  void meet(int threads) {
    if (threads == 1) return;
    const unsigned phase = phase_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads) {
      arrived_.store(0, std::memory_order_relaxed);
      phase_.store(phase + 1, std::memory_order_release);
      return;
    }
    Patience patience;
    while (phase_.load(std::memory_order_acquire) == phase) patience.wait();
  }

 private:
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> phase_{0};
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
    if (threads <= 1 || !turn.owns_lock()) {
      job(0, 1);
      return;
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
    Patience patience;
    while (left_.load(std::memory_order_acquire) > 0) patience.wait();
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
      left_.fetch_sub(1, std::memory_order_acq_rel);
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
