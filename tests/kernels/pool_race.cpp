// Races in the pool and in the sweeps that run on it: built with -fsanitize=thread and run by `make
// sanitize`.
//
// There is no OpenMP runtime in this program, so the pool's own threads work.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "cells/coupled_lstm.hpp"
#include "cells/elman.hpp"
#include "cells/gru.hpp"
#include "cells/lstm.hpp"
#include "cells/peephole_lstm.hpp"
#include "cells/projected_lstm.hpp"
#include "directions.hpp"

using namespace elman;
using namespace elman::ELMAN_ISA;

namespace {

void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "pool_race: %s\n", what);
  std::exit(1);
}

template <class Body>
void from_several_threads(int callers, Body&& body) {
  std::vector<std::thread> team;
  for (int k = 0; k < callers; ++k) team.emplace_back([&, k] { body(k); });
  for (std::thread& one : team) one.join();
}

// Every thread of a team reads what all wrote before the barrier.
void meet(int caller) {
  for (int round = 0; round < 300; ++round) {
    Barrier barrier;
    const int asked = 1 + (round + caller) % 4;
    std::vector<int> written(asked);
    std::atomic<int> wrong{0};
    Pool::instance().run(asked, [&](int index, int threads) {
      for (int step = 1; step <= 20; ++step) {
        written[index] = step;
        barrier.meet(index, threads);
        for (int k = 0; k < threads; ++k) wrong += written[k] != step;
        barrier.meet(index, threads);
      }
    });
    check(wrong == 0, "a thread passed the barrier before another came");
  }
}

float as_float(float x) { return x; }
float as_float(bf16 x) {
  const uint32_t bits = uint32_t(x.bits) << 16;
  float found;
  std::memcpy(&found, &bits, 4);
  return found;
}
void set(float& to, float x) { to = x; }
void set(bf16& to, float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  to.bits = bits >> 16;
}

// A training step in one direction or both, with every option; the sum of all that it gave.
template <class Cell, class N>
double train(int threads, int directions) {
  constexpr ptrdiff_t T = 5, B = 9, I = 7, H = 70, O = requires { Cell::projects; } ? 33 : H,
                      R = Cell::gates * H;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  const auto drawn = [&](ptrdiff_t n, auto kind) {
    std::vector<decltype(kind)> made(n);
    for (auto& one : made) set(one, 0.3f * normal(random));
    return made;
  };
  const auto w_ih = drawn(R * I, N{}), w_hh = drawn(R * O, N{}), w_hr = drawn(O * H, N{}),
             x = drawn(T * B * I, N{});
  const auto b_ih = drawn(R, 0.0f), b_hh = drawn(R, 0.0f), extra = drawn(H, 0.0f), start = drawn(B * H, 0.0f);
  const auto initial = drawn(B * H, 0.0f), mask = drawn(B * O, 0.0f), share_of_old = drawn(T * B * O, 0.0f);
  const std::vector<int64_t> lengths{5, 0, 3, 5, 2, 1, 4, 5, 3};
  std::vector<uint8_t> resets(T * B);
  for (ptrdiff_t k = 0; k < T * B; k += 4) resets[k] = 1;

  // what the directions share, and what each has for itself
  std::vector<N> output(T * B * directions * O), dx(T * B * I);
  struct Own {
    std::vector<N> dw_ih, dw_hh, dw_hr;
    std::vector<float> db_ih, db_hh, final, d_start, d_initial, d_extra;
    std::unique_ptr<Memory> kept;
  };
  std::vector<Own> owns;
  std::vector<Sweep<N>> sweeps(directions);
  std::vector<Gradients<N>> gradients(directions);
  for (int k = 0; k < directions; ++k) {
    const std::vector<float> per_gate(R), per_state(2 * B * H);
    owns.push_back({std::vector<N>(R * I), std::vector<N>(R * O), std::vector<N>(O * H), per_gate, per_gate,
                    per_state, per_state, per_state, std::vector<float>(3 * H), nullptr});
  }
  for (int k = 0; k < directions; ++k) {
    Own& own = owns[k];
    Sweep<N>& s = sweeps[k];
    s.T = T, s.B = B, s.I = I, s.H = H, s.O = O, s.output_row = directions * O, s.reverse = k == 1,
    s.threads = threads, s.zoneout_rate[1] = 0.25f;
    s.w_ih = w_ih.data(), s.w_hh = w_hh.data(), s.w_hr = w_hr.data(), s.b_ih = b_ih.data(),
    s.b_hh = b_hh.data();
    s.x = x.data(), s.lengths = lengths.data(), s.resets = resets.data(), s.mask = mask.data();
    s.zoneout[0] = share_of_old.data(), s.output = output.data() + k * O;
    Gradients<N>& g = gradients[k];
    g.d_output = s.output, g.dx = dx.data(), g.dw_ih = own.dw_ih.data(), g.dw_hh = own.dw_hh.data();
    g.dw_hr = own.dw_hr.data(), g.db_ih = own.db_ih.data(), g.db_hh = own.db_hh.data();
    for (int e = 0; e < most_extras; ++e)
      s.extra[e] = extra.data(), g.d_extra[e] = own.d_extra.data() + e * H;
    for (int n = 0; n < most_states; ++n) {
      s.start[n] = start.data(), s.initial[n] = initial.data(), s.final[n] = own.final.data() + n * B * H;
      g.d_final[n] = s.final[n], g.d_start[n] = own.d_start.data() + n * B * H,
      g.d_initial[n] = own.d_initial.data() + n * B * H;
    }
    own.kept = std::make_unique<Memory>(Unroll<Cell, N>(s).kept_bytes());
    s.kept = own.kept->data();
  }
  forward_layer<Cell, N>(sweeps);
  backward_layer<Cell, N>(sweeps, gradients);

  double sum = 0;
  const auto add = [&](const auto& values) {
    for (const auto& value : values) sum += std::abs(as_float(value));
  };
  add(output), add(dx);
  for (const Own& own : owns) {
    add(own.dw_ih), add(own.dw_hh), add(own.dw_hr), add(own.db_ih), add(own.db_hh), add(own.final);
    add(own.d_start), add(own.d_initial), add(own.d_extra);
  }
  return sum;
}

template <class Cell, class N>
void compare() {
  for (const int directions : {1, 2}) {
    const double alone = train<Cell, N>(1, directions);
    from_several_threads(2, [&](int) {
      for (int round = 0; round < 3; ++round)
        check(train<Cell, N>(2 + round % 2, directions) == alone, "threads changed what a sweep gives");
    });
  }
}

template <class N>
void compare_all() {
  compare<Elman<false>, N>(), compare<Elman<true>, N>(), compare<LSTM, N>(), compare<GRU, N>();
  compare<PeepholeLSTM, N>(), compare<CoupledLSTM, N>(), compare<ProjectedLSTM, N>();
}

}  // namespace

int main() {
  from_several_threads(4, meet);
  Memory::poisoned = true;
  compare_all<float>();
  compare_all<bf16>();
  std::puts("pool_race: no race");
}
