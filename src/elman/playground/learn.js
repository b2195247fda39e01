// The lesson: a small network that learns in the page to say a symbol after others, and how far its gradient reaches.
const LESSON = { units: 24, symbols: 4, rows: 16, rate: 0.01, bound: 1, kept: 3 };

class Learner {
  // kind: a name of CELLS; random: () → [0, 1)
  constructor(kind, random) {
    const { units: H, symbols } = LESSON, inputs = 2 * symbols + 1, cell = CELLS[kind], G = cell.gates;
    this.cell = cell;
    this.inputs = inputs;
    const around = (size, bound) => Float32Array.from({ length: size }, () => (2 * random() - 1) * bound);
    this.weights = {
      W: around(G * H * inputs, 1 / Math.sqrt(H)), // a row for each sum, a column for each symbol
      U: around(G * H * H, 1 / Math.sqrt(H)),
      b: new Float32Array(G * H),
      V: around(symbols * H, 1 / Math.sqrt(H)),
      c: new Float32Array(symbols),
    };
    if (kind === "lstm") this.weights.b.fill(LESSON.kept, H, 2 * H); // the memory is kept at first: σ(3) = 0.95
    const likeWeights = () => Object.fromEntries(
      Object.entries(this.weights).map(([name, w]) => [name, new Float32Array(w.length)]));
    Object.assign(this, { likeWeights, mean: likeWeights(), square: likeWeights(), updates: 0 });
  }

  // a symbol to keep, others that say nothing, and the sign to say it: {inputs, target}
  static example(between, random) {
    const { symbols } = LESSON, one = () => Math.floor(random() * symbols), target = one();
    return { inputs: [target, ...Array.from({ length: between }, () => symbols + one()), 2 * symbols], target };
  }

  // loss, share of right symbols, the gradient's norm at each step before the last one, and the gradient itself
  read(example, gradient) {
    const { units: H, symbols } = LESSON, { W, U, b, V, c } = this.weights, sums = this.cell.gates * H;
    let state = Array.from({ length: this.cell.states }, () => new Float32Array(H));
    const steps = [];
    for (const symbol of example.inputs) {
      const px = Float32Array.from(b);
      for (let r = 0; r < sums; r++) px[r] += W[r * this.inputs + symbol];
      const ph = affine(U, null, state[0], new Float32Array(sums));
      const made = this.cell.step(H, px, ph, state, false), step = { symbol, before: state, ...made };
      state = made.state;
      steps.push(step);
    }
    const p = probabilities(affine(V, c, state[0], new Float32Array(symbols)), 1);
    const loss = -Math.log(p[example.target]), right = p.indexOf(Math.max(...p)) === example.target ? 1 : 0;
    const share = Float32Array.from(p, (value, k) => value - (k === example.target ? 1 : 0)), reach = [];
    let d = state.map(() => new Float32Array(H));
    transposed(V, share, d[0]);
    outer(gradient.V, share, state[0]);
    add(gradient.c, share);
    for (let t = steps.length - 1; t >= 0; t--) {
      const step = steps[t];
      const back = this.cell.back(H, d, step.kept, step.before, false, step.state);
      for (let r = 0; r < sums; r++) gradient.W[r * this.inputs + step.symbol] += back.x[r];
      add(gradient.b, back.x);
      outer(gradient.U, back.h, step.before[0]);
      transposed(U, back.h, back.state[0]);
      d = back.state;
      reach.push(Math.hypot(...back.x));
    }
    return { loss, right, reach };
  }

  // one update by Adam on a batch of examples; means over the batch
  learn(between, random) {
    const { rows, rate, bound } = LESSON, gradient = this.likeWeights();
    const found = { loss: 0, right: 0, reach: [] };
    for (let k = 0; k < rows; k++) {
      const one = this.read(Learner.example(between, random), gradient);
      found.loss += one.loss / rows;
      found.right += one.right / rows;
      one.reach.forEach((value, lag) => (found.reach[lag] = (found.reach[lag] || 0) + value / rows));
    }
    let norm = 0;
    for (const g of Object.values(gradient)) for (const value of g) norm += (value / rows) ** 2;
    const scale = Math.min(1, bound / (Math.sqrt(norm) + 1e-12)) / rows;
    this.updates++;
    const a = 1 - 0.9 ** this.updates, b = 1 - 0.999 ** this.updates;
    for (const [name, w] of Object.entries(this.weights)) {
      const g = gradient[name], m = this.mean[name], s = this.square[name];
      for (let k = 0; k < w.length; k++) {
        const value = g[k] * scale;
        m[k] = 0.9 * m[k] + 0.1 * value;
        s[k] = 0.999 * s[k] + 0.001 * value * value;
        w[k] -= (rate * m[k]) / a / (Math.sqrt(s[k] / b) + 1e-8);
      }
    }
    return found;
  }
}

function outer(into, rows, columns) {
  for (let r = 0, at = 0; r < rows.length; r++) {
    for (let k = 0; k < columns.length; k++, at++) into[at] += rows[r] * columns[k];
  }
}

function add(into, values) {
  for (let k = 0; k < into.length; k++) into[k] += values[k];
}

// the view of the lesson

const LEARNERS = [["elman", "simple (Elman) RNN", "#d55e00"], ["lstm", "LSTM", "#0072b2"]];
const lesson = { learners: [], curves: [], reach: [], running: false, seed: 7, drawn: 0 };

function randomOf(seed) {
  let at = 0;
  return () => uniform(seed, at++);
}

function lessonStart() {
  lesson.learners = LEARNERS.map(([kind], k) => {
    const random = randomOf(lesson.seed + k);
    return { learner: new Learner(kind, random), random };
  });
  lesson.curves = LEARNERS.map(() => []);
  lesson.reach = LEARNERS.map(() => []);
  lessonDraw();
}

function lessonFrame() {
  if (!lesson.running) return;
  const between = Number($("between").value), end = performance.now() + 20;
  do {
    lesson.learners.forEach(({ learner, random }, k) => {
      const found = learner.learn(between, random), curve = lesson.curves[k];
      const before = curve.length ? curve[curve.length - 1] : 1 / LESSON.symbols;
      curve.push(before + 0.05 * (found.right - before));
      lesson.reach[k] = found.reach.map((value, lag) => {
        const old = lesson.reach[k][lag];
        return old === undefined ? value : old + 0.1 * (value - old);
      });
    });
  } while (performance.now() < end);
  lessonDraw();
  requestAnimationFrame(lessonFrame);
}

// a small chart: a line for each learner
function chart(canvas, lines, bottom, top, labels) {
  const ratio = devicePixelRatio || 1, width = canvas.clientWidth || 300, height = 150;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d"), ink = getComputedStyle(document.body).color;
  context.scale(ratio, ratio);
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = ink;
  context.strokeStyle = "rgba(127,127,127,.5)";
  for (const [value, text] of labels) {
    const y = height - 18 - ((value - bottom) / (top - bottom)) * (height - 26);
    context.fillText(text, 0, y + 4);
    context.beginPath();
    context.moveTo(44, y);
    context.lineTo(width, y);
    context.stroke();
  }
  context.lineWidth = 2;
  lines.forEach((line, k) => {
    context.strokeStyle = LEARNERS[k][2];
    context.beginPath();
    line.forEach((value, at) => {
      const x = 44 + (at / Math.max(1, line.length - 1)) * (width - 48);
      const y = height - 18 - ((Math.max(bottom, Math.min(top, value)) - bottom) / (top - bottom)) * (height - 26);
      if (at) context.lineTo(x, y);
      else context.moveTo(x, y);
    });
    context.stroke();
  });
}

function lessonDraw() {
  chart($("right"), lesson.curves, 0, 1, [[0, "0 %"], [0.5, "50 %"], [1, "100 %"]]);
  const lags = lesson.reach.map((reach) => reach.map((value) => Math.log10(value + 1e-12)));
  chart($("lags"), lags, -8, 0, [[0, "1"], [-4, "10⁻⁴"], [-8, "10⁻⁸"]]);
  const updates = lesson.curves[0] ? lesson.curves[0].length : 0;
  const said = LEARNERS.map(([, name], k) => {
    const curve = lesson.curves[k] || [];
    return `${name}: ${curve.length ? Math.round(100 * curve[curve.length - 1]) : 0} % right`;
  });
  $("lesson-told").textContent = updates ? `${updates} updates. ${said.join("; ")}.` : "";
}

function lessonRun(is) {
  lesson.running = is;
  $("learn").textContent = is ? "Pause" : "Let both learn";
  if (is) requestAnimationFrame(lessonFrame);
}

$("learn").addEventListener("click", () => lessonRun(!lesson.running));
$("anew").addEventListener("click", () => {
  lesson.seed += 100;
  lessonStart();
});
$("between").addEventListener("input", () => ($("many").textContent = $("between").value));
$("between").addEventListener("change", lessonStart);
lessonStart();

// for tests: #lesson=UPDATES learns so many times, and compares the gradient with finite differences
const wanted = location.hash.match(/^#lesson=(\d+)/);
if (wanted) {
  const result = LEARNERS.map(([kind], k) => {
    const { learner, random } = lesson.learners[k];
    const example = Learner.example(6, random), gradient = learner.likeWeights();
    learner.read(example, gradient);
    const worst = Object.entries(learner.weights).map(([name, w]) => {
      const direction = Float32Array.from(w, () => random() - 0.5), step = 1e-2;
      const moved = (sign) => {
        const kept = Float32Array.from(w);
        for (let j = 0; j < w.length; j++) w[j] += sign * step * direction[j];
        const { loss } = learner.read(example, learner.likeWeights());
        w.set(kept);
        return loss;
      };
      const found = (moved(1) - moved(-1)) / (2 * step);
      const told = gradient[name].reduce((sum, value, j) => sum + value * direction[j], 0);
      return Math.abs(found - told) / (Math.abs(told) + 1e-3);
    });
    let right = 0;
    for (let n = 0; n < Number(wanted[1]); n++) right = learner.learn(3, random).right;
    return { kind, error: Math.max(...worst), right };
  });
  lessonDraw();
  const box = document.createElement("pre");
  box.id = "learnt";
  box.textContent = JSON.stringify(result);
  document.body.append(box);
}
