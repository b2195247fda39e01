// The arguments and results of one sweep over one layer in one direction, or of one step of it. Plain memory,
// owned by the caller.
#pragma once

#include <cstdint>

namespace elman {

inline constexpr int most_states = 6, most_extras = 8;

// Python's names of the parameters of Sweep, in its order; weight_hr is for cells with a projection.
inline constexpr const char *weight_names[] = {"weight_ih", "weight_hh", "weight_hr"},
                            *bias_names[] = {"bias_ih", "bias_hh"};

// N is the type of inputs, outputs and weights: float or bf16. States, biases and sums are float.
template <class N>
struct Sweep {
  int64_t T, B, I, H, O;  // O: features of the output; H without projection
  int64_t output_row;     // from one row of the output, and of its gradient, to the next
  bool reverse;
  int threads;
  float zoneout_rate[most_states];  // the old state's share, if it is one number
  // parameters, as torch lays them out; w_hr is null without projection, biases may be null
  const N *w_ih, *w_hh, *w_hr;
  const float *b_ih, *b_hh;
  const float* extra[most_extras];  // [H] each: per-unit parameters
  // inputs
  const N* x;                         // [T, B, I]
  const float* start[most_states];    // [B, size], the state before the first step
  const float* initial[most_states];  // [B, size], the state after a reset; null without resets
  const int64_t* lengths;             // [B] or null
  const uint8_t* resets;              // [T, B] or null
  const float* mask;                  // [B, O] on the recurrent product's operand, or null
  const float* zoneout[most_states];  // [T, B, size], the old state's share; or null
  void* kept;                         // kept_bytes(), for the backward sweep; null: no backward sweep
  // results
  N* output;                  // [T, B, O], rows output_row apart
  float* final[most_states];  // [B, size]
};

template <class N>
struct Gradients {
  // inputs
  const N* d_output;                  // [T, B, O] as output, or null
  const float* d_final[most_states];  // [B, size] or null
  // results; each may be null, except d_initial with resets
  N* dx;  // [T, B, I]; the sum over the directions, which all hold the same address
  N *dw_ih, *dw_hh, *dw_hr;
  float *db_ih, *db_hh, *d_extra[most_extras];
  float* d_start[most_states];    // [B, size]
  float* d_initial[most_states];  // [B, size], zeroed by the caller; with resets
  float* d_states[most_states];   // [T, B, size], zeroed by the caller: of the state after each step
};

// One step of some rows of a batch, for streams and slots.
template <class N>
struct Step {
  int64_t B, I, H, O;   // B: rows that step
  const int64_t* rows;  // [B], the place of each in the states; no place twice
  int threads;
  bool backward;  // the weights are read from their end; a caller that alternates finds it in the cache
  float zoneout_rate[most_states];
  const N *w_ih, *w_hh, *w_hr;
  const float *b_ih, *b_hh, *extra[most_extras];
  const N* x;                 // [B, I]
  float* state[most_states];  // [places, size]; replaced
  // memory of the step's own
  float* fresh;  // [B, O], the new h; other threads may still read the old one
  N* seen;       // [B, O], w_hh's operand; not read where N is float
  N* raw;        // [B, H], w_hr's operand
};

}  // namespace elman
