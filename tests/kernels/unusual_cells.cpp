// Cells at the limits of the templates, unlike any in csrc/cells/: no recurrent product, numbers of input and
// recurrent blocks that differ, six states, eight parameters of single units. Forward and every gradient are
// compared with a plain loop over steps, rows and units in double; the cells' own functions are taken as they
// are. tests/kernels/test_unusual_cells.py builds and runs it.
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "directions.hpp"
#include "step.hpp"

using namespace elman;
using namespace elman::ELMAN_ISA;

// h' = h + z (n - h), z and n of the input alone, n with a weight of h for each unit.
struct Diagonal {
  static constexpr int gates = 2, states = 1, slots = 2, extras = 1;
  static constexpr int gate_of_slot[slots] = {1, 0};
  static constexpr int recurrent = 2;  // no slot reads a recurrent product

  static void forward(vec (&a)[slots], const vec* old, vec* fresh, const vec* w) {
    a[0] = sigmoid(a[0]), a[1] = tanh(a[1] + w[0] * old[0]);
    fresh[0] = old[0] + a[0] * (a[1] - old[0]);
  }
  static void backward(vec (&a)[slots], const vec* old, vec* d, const vec* w, vec* dw) {
    const vec z = a[0], n = a[1], dn = d[0] * z * (1.0f - n * n);
    a[0] = d[0] * (n - old[0]) * z * (1.0f - z), a[1] = dn;
    dw[0] = dn * old[0];
    d[0] = d[0] * (1.0f - z) + dn * w[0];
  }
};

// Four blocks of the input, three of the recurrent product, in orders of their own; eight parameters.
struct Uneven {
  static constexpr int gates = 4, states = 3, slots = 4, extras = 8;
  static constexpr int gate_of_slot[slots] = {3, 1, 0, 2}, recurrent_of_slot[slots] = {-1, 2, 0, 1};
  static constexpr int recurrent = 1;

  static vec sum(const vec* w) { return w[0] + w[1] + w[2] + w[3] + w[4] + w[5] + w[6] + w[7]; }
  static void forward(vec (&a)[slots], const vec* old, vec* fresh, const vec* w) {
    a[0] = tanh(a[0]), a[1] = sigmoid(a[1]), a[2] = tanh(a[2]), a[3] = sigmoid(a[3]);
    fresh[2] = a[3] * old[2] + sum(w) * a[0];
    fresh[1] = a[1] * old[1] + a[2];
    fresh[0] = fresh[1] * a[3] + 0.5f * fresh[2];
  }
  static void backward(vec (&a)[slots], const vec* old, vec* d, const vec* w, vec* dw) {
    const vec a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3];
    const vec d1 = d[1] + d[0] * a3, d2 = d[2] + 0.5f * d[0];
    for (int e = 0; e < extras; ++e) dw[e] = d2 * a0;
    a[0] = d2 * sum(w) * (1.0f - a0 * a0);
    a[1] = d1 * old[1] * a1 * (1.0f - a1);
    a[2] = d1 * (1.0f - a2 * a2);
    a[3] = (d[0] * (a1 * old[1] + a2) + d2 * old[2]) * a3 * (1.0f - a3);
    d[0] = vec{}, d[1] = d1 * a1, d[2] = d2 * a3;
  }
};

// One block of the input, three of the recurrent product, six states that pass a value on.
struct Chain {
  static constexpr int gates = 1, states = 6, slots = 3, extras = 0;
  static constexpr int gate_of_slot[slots] = {0, -1, -1}, recurrent_of_slot[slots] = {1, 2, 0};
  static constexpr int recurrent = 0;

  static void forward(vec (&a)[slots], const vec* old, vec* fresh, const vec*) {
    for (vec& one : a) one = tanh(one);
    fresh[5] = a[0] * a[1] + 0.5f * a[2];
    for (int n = 4; n >= 0; --n) fresh[n] = 0.5f * old[n + 1] + 0.25f * old[n];
    fresh[0] = fresh[0] + a[1];
  }
  static void backward(vec (&a)[slots], const vec*, vec* d, const vec*, vec*) {
    const vec a0 = a[0], a1 = a[1], a2 = a[2], last = d[5];
    a[0] = last * a1 * (1.0f - a0 * a0);
    a[1] = (last * a0 + d[0]) * (1.0f - a1 * a1);
    a[2] = 0.5f * last * (1.0f - a2 * a2);
    d[5] = 0.5f * d[4];
    for (int n = 4; n > 0; --n) d[n] = 0.25f * d[n] + 0.5f * d[n - 1];
    d[0] = 0.25f * d[0];
  }
};

using Values = std::vector<float>;

struct Tensors {  // all that a sweep reads and writes, or a loop
  Values w_ih, w_hh, b_ih, b_hh, x, output, d_output, dx, dw_ih, dw_hh, db_ih, db_hh;
  std::vector<Values> extra, start, final, d_final, d_extra, d_start;
};

Values drawn(size_t n, float scale, std::mt19937& from) {
  std::normal_distribution<float> normal;
  Values found(n);
  for (float& one : found) one = scale * normal(from);
  return found;
}

// The blocks of w_hh.
template <class Cell>
constexpr int recurrent_blocks = Cell::slots - Cell::recurrent;

template <class Cell>
Tensors make(ptrdiff_t T, ptrdiff_t B, ptrdiff_t I, ptrdiff_t H) {
  std::mt19937 from(T + 10 * H);
  constexpr int G = Cell::gates, R = recurrent_blocks<Cell>;
  const float scale = 1 / std::sqrt(static_cast<float>(H));
  Tensors t{drawn(G * H * I, scale, from),
            drawn(R * H * H, scale, from),
            drawn(G * H, scale, from),
            drawn(R * H, scale, from),
            drawn(T * B * I, 1, from),
            Values(T * B * H),
            drawn(T * B * H, 1, from),
            Values(T * B * I),
            Values(G * H * I),
            Values(R * H * H),
            Values(G * H),
            Values(R * H),
            {},
            {},
            {},
            {},
            {},
            {}};
  for (int e = 0; e < Cell::extras; ++e) t.extra.push_back(drawn(H, 0.2f, from)), t.d_extra.emplace_back(H);
  for (int n = 0; n < Cell::states; ++n) {
    t.start.push_back(drawn(B * H, 1, from)), t.d_final.push_back(drawn(B * H, 1, from));
    t.final.emplace_back(B * H), t.d_start.emplace_back(B * H);
  }
  return t;
}

template <class Cell>
void by_kernels(Tensors& t, ptrdiff_t T, ptrdiff_t B, ptrdiff_t I, ptrdiff_t H, int threads) {
  Sweep<float> s{};
  s.T = T, s.B = B, s.I = I, s.H = s.O = s.output_row = H, s.threads = threads;
  s.w_ih = t.w_ih.data(), s.w_hh = t.w_hh.data(), s.b_ih = t.b_ih.data(), s.b_hh = t.b_hh.data();
  s.x = t.x.data(), s.output = t.output.data();
  Gradients<float> g{};
  g.d_output = t.d_output.data(), g.dx = t.dx.data(), g.dw_ih = t.dw_ih.data(), g.db_ih = t.db_ih.data();
  if (recurrent_blocks<Cell> > 0) g.dw_hh = t.dw_hh.data(), g.db_hh = t.db_hh.data();
  for (int e = 0; e < Cell::extras; ++e) s.extra[e] = t.extra[e].data(), g.d_extra[e] = t.d_extra[e].data();
  for (int n = 0; n < Cell::states; ++n) {
    s.start[n] = t.start[n].data(), s.final[n] = t.final[n].data();
    g.d_final[n] = t.d_final[n].data(), g.d_start[n] = t.d_start[n].data();
  }
  const Memory kept(Unroll<Cell, float>(s).kept_bytes() + 64);
  s.kept = kept.data();
  forward_layer<Cell, float>(std::span<const Sweep<float>>(&s, 1));
  backward_layer<Cell, float>(std::span<const Sweep<float>>(&s, 1), std::span<const Gradients<float>>(&g, 1));
}

// The states after all steps, one call a step, as streams advance.
template <class Cell>
std::vector<Values> by_steps(const Tensors& t, ptrdiff_t T, ptrdiff_t B, ptrdiff_t I, ptrdiff_t H) {
  std::vector<Values> state = t.start;
  Values fresh(B * H), raw(B * H);
  Step<float> s{};
  s.B = B, s.I = I, s.H = s.O = H, s.threads = 1;
  s.w_ih = t.w_ih.data(), s.w_hh = t.w_hh.data(), s.b_ih = t.b_ih.data(), s.b_hh = t.b_hh.data();
  for (int e = 0; e < Cell::extras; ++e) s.extra[e] = t.extra[e].data();
  for (int n = 0; n < Cell::states; ++n) s.state[n] = state[n].data();
  s.fresh = fresh.data(), s.raw = raw.data();
  std::vector<int64_t> rows(B);
  std::iota(rows.begin(), rows.end(), 0);
  s.rows = rows.data();
  for (ptrdiff_t step = 0; step < T; ++step) {
    s.x = t.x.data() + step * B * I, s.backward = step % 2;
    step_layer<Cell, float>(s);
  }
  return state;
}

// The same by the definition: one unit of one row after another.
template <class Cell>
void by_loop(Tensors& t, ptrdiff_t T, ptrdiff_t B, ptrdiff_t I, ptrdiff_t H) {
  constexpr int S = Cell::slots, n_states = Cell::states, n_extras = Cell::extras;
  using L = Layout<Cell, float>;
  std::vector<Values> before(T * n_states), kept(T, Values(B * H * S)), state = t.start;
  vec a[S], old[n_states], fresh[n_states], extra[n_extras + 1], d_extra[n_extras + 1], d[n_states];
  for (ptrdiff_t step = 0; step < T; ++step) {
    for (int n = 0; n < n_states; ++n) before[step * n_states + n] = state[n];
    const Values h = state[0];
    for (ptrdiff_t b = 0; b < B; ++b)
      for (ptrdiff_t j = 0; j < H; ++j) {
        for (int slot = 0; slot < S; ++slot) {
          double sum = 0;
          if (slot < Cell::gates) {
            const ptrdiff_t row = Cell::gate_of_slot[slot] * H + j;
            sum += t.b_ih[row];
            for (ptrdiff_t k = 0; k < I; ++k)
              sum += double(t.w_ih[row * I + k]) * t.x[(step * B + b) * I + k];
          }
          if (slot >= Cell::recurrent) {
            const ptrdiff_t row = L::recurrent.block[slot] * H + j;
            sum += t.b_hh[row];
            for (ptrdiff_t k = 0; k < H; ++k) sum += double(t.w_hh[row * H + k]) * h[b * H + k];
          }
          a[slot] = all(static_cast<float>(sum));
        }
        for (int n = 0; n < n_states; ++n) old[n] = all(before[step * n_states + n][b * H + j]);
        for (int e = 0; e < n_extras; ++e) extra[e] = all(t.extra[e][j]);
        Cell::forward(a, old, fresh, extra);
        for (int slot = 0; slot < S; ++slot) kept[step][(b * H + j) * S + slot] = a[slot][0];
        for (int n = 0; n < n_states; ++n) state[n][b * H + j] = fresh[n][0];
        t.output[(step * B + b) * H + j] = fresh[0][0];
      }
  }
  t.final = state;
  std::vector<Values> d_state = t.d_final;
  for (ptrdiff_t step = T - 1; step >= 0; --step) {
    Values d_h(B * H);
    for (ptrdiff_t b = 0; b < B; ++b)
      for (ptrdiff_t j = 0; j < H; ++j) {
        for (int slot = 0; slot < S; ++slot) a[slot] = all(kept[step][(b * H + j) * S + slot]);
        for (int n = 0; n < n_states; ++n) {
          old[n] = all(before[step * n_states + n][b * H + j]), d[n] = all(d_state[n][b * H + j]);
        }
        d[0] += t.d_output[(step * B + b) * H + j];
        for (int e = 0; e < n_extras; ++e) extra[e] = all(t.extra[e][j]), d_extra[e] = vec{};
        Cell::backward(a, old, d, extra, d_extra);
        for (int e = 0; e < n_extras; ++e) t.d_extra[e][j] += d_extra[e][0];
        for (int n = 0; n < n_states; ++n) d_state[n][b * H + j] = d[n][0];
        for (int slot = 0; slot < S; ++slot) {
          const float da = a[slot][0];
          if (slot < Cell::gates) {
            const ptrdiff_t row = Cell::gate_of_slot[slot] * H + j;
            t.db_ih[row] += da;
            for (ptrdiff_t k = 0; k < I; ++k) {
              t.dw_ih[row * I + k] += da * t.x[(step * B + b) * I + k];
              t.dx[(step * B + b) * I + k] += da * t.w_ih[row * I + k];
            }
          }
          if (slot >= Cell::recurrent) {
            const ptrdiff_t row = L::recurrent.block[slot] * H + j;
            t.db_hh[row] += da;
            for (ptrdiff_t k = 0; k < H; ++k) {
              t.dw_hh[row * H + k] += da * before[step * n_states][b * H + k];
              d_h[b * H + k] += da * t.w_hh[row * H + k];
            }
          }
        }
      }
    for (ptrdiff_t k = 0; k < B * H; ++k) d_state[0][k] += d_h[k];
  }
  t.d_start = d_state;
}

int failures = 0;

void compare(const char* what, const Values& found, const Values& wanted) {
  float off = 0, size = 0.3f;
  for (size_t k = 0; k < wanted.size(); ++k) {
    const float error = std::fabs(found[k] - wanted[k]);
    off = error == error ? std::max(off, error) : INFINITY, size = std::max(size, std::fabs(wanted[k]));
  }
  if (!(off <= 2e-5f * size)) std::printf("  %s is %g off, of %g\n", what, off, size), ++failures;
}

template <class Cell>
void check(const char* name) {
  std::printf("%s\n", name);
  for (const auto& [T, B, I, H] : {std::array{5, 3, 7, 5}, {4, 13, 9, 40}, {1, 1, 1, 1}, {3, 2, 5, 70}}) {
    Tensors wanted = make<Cell>(T, B, I, H);
    by_loop<Cell>(wanted, T, B, I, H);
    const std::vector<Values> stepped = by_steps<Cell>(wanted, T, B, I, H);
    for (int n = 0; n < Cell::states; ++n) compare("state of a stream", stepped[n], wanted.final[n]);
    for (int threads : {1, 3}) {
      Tensors found = make<Cell>(T, B, I, H);
      by_kernels<Cell>(found, T, B, I, H, threads);
      compare("output", found.output, wanted.output);
      compare("dx", found.dx, wanted.dx);
      compare("dw_ih", found.dw_ih, wanted.dw_ih);
      compare("dw_hh", found.dw_hh, wanted.dw_hh);
      compare("db_ih", found.db_ih, wanted.db_ih);
      compare("db_hh", found.db_hh, wanted.db_hh);
      for (int n = 0; n < Cell::states; ++n) {
        compare("final state", found.final[n], wanted.final[n]);
        compare("gradient of the first state", found.d_start[n], wanted.d_start[n]);
      }
      for (int e = 0; e < Cell::extras; ++e) compare("d_extra", found.d_extra[e], wanted.d_extra[e]);
    }
  }
}

int main() {
  Memory::poisoned = true;
  check<Diagonal>("no recurrent product");
  check<Uneven>("four input blocks, three recurrent ones, three states, eight parameters");
  check<Chain>("one input block, three recurrent ones, six states");
  return failures > 0;
}
