// What one sweep over one layer in one direction reads and writes. Plain memory; the caller owns it.
#pragma once

#include <cstdint>

namespace elman {

inline constexpr int most_states = 2;

struct Sweep {
  int64_t T, B, I, H;
  bool reverse;
  int threads;
  // parameters, as torch lays them out; the biases may be null
  const float *w_ih, *w_hh, *b_ih, *b_hh;
  // inputs
  const float* x;                       // [T, B, I]
  const float* start[most_states];      // [B, H], the state before the first step
  const float* initial[most_states];    // [B, H], what a reset puts the state back to; null without resets
  const int64_t* lengths;               // [B] or null
  const uint8_t* resets;                // [T, B] or null
  const float* mask;                    // [B, H] on the state that the recurrent product sees, or null
  const float* zoneout[most_states];    // [T, B, H], the old state's share; or null
  float zoneout_rate[most_states];      // the same where it is one number
  // kept for the backward sweep
  float* gates;                         // [T, B, gate_floats(H)]
  float* states[most_states];           // [T + 1, B, padded(H)]; reading forward, slot t is before step t
  float* seen;                          // [T, B, padded(H)] with resets or mask, else null
  // results
  float* output;                        // [T, B, H]
  float* final[most_states];            // [B, H]
};

struct Gradients {
  // given
  const float* d_output;                // [T, B, H]
  const float* d_final[most_states];    // [B, H] or null
  // results; any may be null but d_start
  float* dx;                            // [T, B, I]
  float *dw_ih, *dw_hh, *db_ih, *db_hh;
  float* d_start[most_states];          // [B, H]
  float* d_initial[most_states];        // [B, H], zeroed by the caller; with resets
};

}  // namespace elman
