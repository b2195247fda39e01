// The network in the page: cells, one step at a time, and the gradient of what was said along the steps before.
"use strict";

// numbers of the file: little-endian float32, as base64
function decode(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

// y = W x + b for a matrix of rows
function affine(W, b, x, y) {
  const n = x.length;
  for (let r = 0, at = 0; r < y.length; r++) {
    let sum = b ? b[r] : 0;
    for (let k = 0; k < n; k++, at++) sum += W[at] * x[k];
    y[r] = sum;
  }
  return y;
}

// x += Wᵀ y
function transposed(W, y, x) {
  const n = x.length;
  for (let r = 0, at = 0; r < y.length; r++) {
    const value = y[r];
    if (value === 0) {
      at += n;
      continue;
    }
    for (let k = 0; k < n; k++, at++) x[k] += W[at] * value;
  }
  return x;
}

// A cell's step and the gradient of its sums. Each keeps what the gradient needs.
const CELLS = {
  elman: {
    gates: 1,
    states: 1,
    step(H, px, ph, state, relu) {
      const h = new Float32Array(H);
      for (let j = 0; j < H; j++) {
        const sum = px[j] + ph[j];
        h[j] = relu ? Math.max(0, sum) : Math.tanh(sum);
      }
      return { state: [h], kept: h };
    },
    back(H, d, kept, before, relu) {
      const sums = new Float32Array(H);
      for (let j = 0; j < H; j++) {
        sums[j] = d[0][j] * (relu ? (kept[j] > 0 ? 1 : 0) : 1 - kept[j] * kept[j]);
      }
      return { x: sums, h: sums, state: [new Float32Array(H)] };
    },
  },
  lstm: {
    gates: 4,
    states: 2,
    step(H, px, ph, state) {
      const c0 = state[1], h = new Float32Array(H), c = new Float32Array(H), kept = new Float32Array(4 * H);
      for (let j = 0; j < H; j++) {
        const i = sigmoid(px[j] + ph[j]);
        const f = sigmoid(px[H + j] + ph[H + j]);
        const g = Math.tanh(px[2 * H + j] + ph[2 * H + j]);
        const o = sigmoid(px[3 * H + j] + ph[3 * H + j]);
        c[j] = f * c0[j] + i * g;
        h[j] = o * Math.tanh(c[j]);
        kept[j] = i;
        kept[H + j] = f;
        kept[2 * H + j] = g;
        kept[3 * H + j] = o;
      }
      return { state: [h, c], kept };
    },
    back(H, d, kept, before, _relu, after) {
      const sums = new Float32Array(4 * H), dc0 = new Float32Array(H);
      for (let j = 0; j < H; j++) {
        const i = kept[j], f = kept[H + j], g = kept[2 * H + j], o = kept[3 * H + j];
        const shown = Math.tanh(after[1][j]);
        const dc = d[1][j] + d[0][j] * o * (1 - shown * shown);
        sums[j] = dc * g * i * (1 - i);
        sums[H + j] = dc * before[1][j] * f * (1 - f);
        sums[2 * H + j] = dc * i * (1 - g * g);
        sums[3 * H + j] = d[0][j] * shown * o * (1 - o);
        dc0[j] = dc * f;
      }
      return { x: sums, h: sums, state: [new Float32Array(H), dc0] };
    },
  },
  gru: {
    gates: 3,
    states: 1,
    step(H, px, ph, state) {
      const h0 = state[0], h = new Float32Array(H), kept = new Float32Array(4 * H);
      for (let j = 0; j < H; j++) {
        const r = sigmoid(px[j] + ph[j]);
        const z = sigmoid(px[H + j] + ph[H + j]);
        const u = ph[2 * H + j];
        const n = Math.tanh(px[2 * H + j] + r * u);
        h[j] = (1 - z) * n + z * h0[j];
        kept[j] = r;
        kept[H + j] = z;
        kept[2 * H + j] = n;
        kept[3 * H + j] = u;
      }
      return { state: [h], kept };
    },
    back(H, d, kept, before) {
      const x = new Float32Array(3 * H), h = new Float32Array(3 * H), d0 = new Float32Array(H);
      for (let j = 0; j < H; j++) {
        const r = kept[j], z = kept[H + j], n = kept[2 * H + j], u = kept[3 * H + j];
        const dn = d[0][j] * (1 - z) * (1 - n * n);
        x[2 * H + j] = dn;
        h[2 * H + j] = dn * r;
        x[j] = h[j] = dn * u * r * (1 - r);
        x[H + j] = h[H + j] = d[0][j] * (before[0][j] - n) * z * (1 - z);
        d0[j] = d[0][j] * z;
      }
      return { x, h, state: [d0] };
    },
  },
};

class Net {
  // about: cell, relu, layers, hidden, embedding, tokens (their texts); weights: one array in the order below
  constructor(about, weights) {
    this.about = about;
    this.cell = CELLS[about.cell];
    const { hidden: H, embedding: E, layers } = about, V = about.tokens.length, G = this.cell.gates;
    let at = 0;
    const take = (size) => weights.subarray(at, (at += size));
    this.embedding = take(V * E);
    this.layers = [];
    for (let l = 0; l < layers; l++) {
      const I = l ? H : E;
      this.layers.push({
        W: take(G * H * I), U: take(G * H * H), b: take(G * H), a: take(G * H), first: take(this.cell.states * H), I,
      });
    }
    this.V = take(V * H);
    this.c = take(V);
    if (at !== weights.length) throw new Error(`the file holds ${weights.length} numbers, not ${at}`);
  }

  initial() {
    const H = this.about.hidden;
    return this.layers.map((layer) =>
      Array.from({ length: this.cell.states }, (_, s) => layer.first.slice(s * H, (s + 1) * H)));
  }

  // reads a token; clamps: [{layer, unit, value}] are forced after each layer. Returns what the view needs.
  step(token, states, clamps = []) {
    const { hidden: H, embedding: E, relu } = this.about;
    let x = this.embedding.subarray(token * E, (token + 1) * E);
    const next = [], kept = [];
    this.layers.forEach((layer, l) => {
      const size = this.cell.gates * H;
      const px = affine(layer.W, layer.b, x, new Float32Array(size));
      const ph = affine(layer.U, layer.a, states[l][0], new Float32Array(size));
      const made = this.cell.step(H, px, ph, states[l], relu);
      for (const clamp of clamps) if (clamp.layer === l) made.state[0][clamp.unit] = clamp.value;
      next.push(made.state);
      kept.push(made.kept);
      x = made.state[0];
    });
    return { token, before: states, states: next, kept, logits: this.logits(next) };
  }

  logits(states) {
    return affine(this.V, this.c, states[states.length - 1][0], new Float32Array(this.about.tokens.length));
  }

  // |∂ ln P(token) / ∂ embedding| of each of the last steps, nearest first; steps: results of step, oldest first
  reach(steps, token, most) {
    const { hidden: H, relu } = this.about;
    const p = probabilities(steps[steps.length - 1].logits, 1);
    const dLogits = p.map((value, k) => (k === token ? 1 : 0) - value);
    const zero = () => new Float32Array(H);
    let d = this.layers.map(() => Array.from({ length: this.cell.states }, zero));
    transposed(this.V, dLogits, d[d.length - 1][0]);
    const found = [];
    for (let t = steps.length - 1; t >= 0 && found.length < most; t--) {
      const before = this.layers.map(() => null);
      for (let l = this.layers.length - 1; l >= 0; l--) {
        const layer = this.layers[l];
        const back = this.cell.back(H, d[l], steps[t].kept[l], steps[t].before[l], relu, steps[t].states[l]);
        transposed(layer.U, back.h, back.state[0]);
        before[l] = back.state;
        const dx = transposed(layer.W, back.x, new Float32Array(layer.I));
        if (l) for (let j = 0; j < H; j++) d[l - 1][0][j] += dx[j];
        else found.push(Math.hypot(...dx));
      }
      d = before;
    }
    return found;
  }
}

function probabilities(logits, temperature) {
  let most = -Infinity;
  for (const value of logits) most = Math.max(most, value);
  let sum = 0;
  const p = new Float64Array(logits.length);
  for (let k = 0; k < p.length; k++) sum += p[k] = Math.exp((logits[k] - most) / temperature);
  for (let k = 0; k < p.length; k++) p[k] /= sum;
  return p;
}

function draw(logits, temperature, u, never) {
  const own = Float32Array.from(logits);
  for (const k of never) own[k] = -Infinity;
  if (temperature < 0.01) return own.indexOf(Math.max(...own));
  const p = probabilities(own, temperature);
  for (let k = 0, sum = 0; k < p.length; k++) if ((sum += p[k]) > u) return k;
  return p.lastIndexOf(Math.max(...p));
}

// numbers in [0, 1) that follow from a seed (mulberry32): the same draws for the text and for the changed one
function uniform(seed, at) {
  let a = (seed + Math.imul(at + 1, 0x6d2b79f5)) | 0;
  a = Math.imul(a ^ (a >>> 15), a | 1);
  a ^= a + Math.imul(a ^ (a >>> 7), a | 61);
  return ((a ^ (a >>> 14)) >>> 0) / 4294967296;
}
