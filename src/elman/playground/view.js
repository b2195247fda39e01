// The view: the text that types itself, the guesses, the units, and what a changed unit changes.
const about = JSON.parse(document.getElementById("model").textContent);
const net = new Net(about, decode(document.getElementById("weights").textContent));
const $ = (id) => document.getElementById(id);
const number = new Map(about.tokens.map((text, k) => [text, k]));
const MOST = 2000, SHOWN = 400, REACH = 100, FULL_BITS = 10, AT_ONCE = 120;

// One text: the steps of the network, and the tokens that it has written. A step's logits say what comes next.
class Text {
  constructor(clamps) {
    this.clamps = clamps;
    this.steps = [];
    this.states = net.initial();
    this.own = 0; // how many characters were given, not drawn
  }

  logits() {
    const last = this.steps[this.steps.length - 1];
    return last ? last.logits : net.logits(this.states);
  }

  read(token) {
    const before = this.steps.length ? probabilities(this.logits(), 1)[token] : NaN;
    const step = net.step(token, this.states, this.clamps);
    step.bits = -Math.log2(before);
    this.states = step.states;
    this.steps.push(step);
  }

  write(temperature, seed) {
    this.read(draw(this.logits(), temperature, uniform(seed, this.steps.length), about.never));
  }

  cut(length) {
    this.steps.length = length;
    this.states = length ? this.steps[length - 1].states : net.initial();
  }

  // the same beginning under other clamps
  again(clamps, given) {
    const other = new Text(clamps);
    for (const step of this.steps.slice(0, given)) other.read(step.token);
    other.own = given;
    return other;
  }
}

const view = {
  text: new Text([]), other: null, seed: 1, playing: true, at: -1, layer: about.layers - 1, unit: -1,
  byUnit: false, byReach: false, order: [], tracks: [], due: 0, ordered: 0,
};

const shown = (token) => about.tokens[token];
const visible = (text) => ({ "\n": "↵", " ": "␣", "\t": "⇥" })[text] || text;

// text

const boxes = { text: $("text"), other: $("changed") };

function spans(box, text) {
  const steps = text.steps;
  while (box.childNodes.length > steps.length) box.lastChild.remove();
  for (let k = 0; k < steps.length; k++) {
    let span = box.childNodes[k];
    if (!span) {
      span = document.createElement("span");
      box.append(span);
    }
    const content = shown(steps[k].token);
    if (span.textContent !== content) span.textContent = content;
  }
}

function shade(box, text, from) {
  const reach = view.byReach && view.at >= 0 && box === boxes.text ? reaches() : null;
  for (let k = from; k < text.steps.length; k++) {
    const step = text.steps[k], span = box.childNodes[k];
    let colour = "";
    if (view.byUnit && view.unit >= 0) {
      const value = step.states[view.layer][0][view.unit];
      colour = value < 0 ? `rgba(0,114,178,${(-value * 0.75).toFixed(3)})` : `rgba(213,94,0,${(value * 0.75).toFixed(3)})`;
    } else if (reach) {
      colour = `rgba(0,158,115,${(reach[k] || 0).toFixed(3)})`;
    } else if (step.bits > 0) {
      colour = `rgba(213,94,0,${(Math.min(1, step.bits / FULL_BITS) * 0.8).toFixed(3)})`;
    }
    span.style.backgroundColor = colour;
    span.classList.toggle("here", box === boxes.text && k === view.at);
    const twin = box === boxes.other && view.text.steps[k];
    span.classList.toggle("differs", Boolean(twin) && twin.token !== step.token);
    span.title = step.bits >= 0 ? `${step.bits.toFixed(1)} bits` : "";
  }
}

// shares of the gradient by position, up to the chosen one
function reaches() {
  const steps = view.text.steps.slice(0, view.at + 1);
  const p = probabilities(steps[steps.length - 1].logits, 1);
  const found = net.reach(steps, p.indexOf(Math.max(...p)), REACH);
  const most = Math.max(...found, 1e-30), shares = [];
  found.forEach((value, back) => (shares[view.at - back] = Math.sqrt(value / most) * 0.9));
  return shares;
}

// guesses

function guesses() {
  const text = view.text, at = view.at >= 0 ? view.at : text.steps.length - 1;
  const p = probabilities(at >= 0 ? text.steps[at].logits : text.logits(), 1);
  const best = [...p.keys()].sort((a, b) => p[b] - p[a]).slice(0, 5);
  $("where").textContent = view.at >= 0 ? `after “${visible(shown(text.steps[at].token))}” (character ${at + 1})` : "next";
  const list = $("guesses");
  best.forEach((token, k) => {
    let item = list.childNodes[k];
    if (!item) {
      item = document.createElement("li");
      item.append(document.createElement("code"), document.createElement("i"), document.createElement("span"));
      list.append(item);
    }
    const [code, bar, share] = item.childNodes;
    code.textContent = visible(shown(token));
    bar.style.width = `${(100 * p[token]).toFixed(1)}%`;
    share.textContent = `${(100 * p[token]).toFixed(1)} %`;
  });
}

// units

// what a unit may track, as numbers along the text
function features(tokens) {
  const text = tokens.map(shown), found = {};
  let line = 0, word = 0, depth = 0, quoted = 0;
  const rows = text.map((c) => {
    const row = {
      "the position in the line": Math.min(1, line / 60),
      "the position in the word": Math.min(1, word / 8),
      "the end of a word": /\s/.test(c) ? 1 : 0,
      "a capital": c !== c.toLowerCase() ? 1 : 0,
      "a vowel": /[aeiouyäöüàáâèéêìíîòóôùúû]/i.test(c) ? 1 : 0,
      "punctuation": /[.,;:!?]/.test(c) ? 1 : 0,
      "the end of a line": c === "\n" ? 1 : 0,
      "a digit": /\d/.test(c) ? 1 : 0,
      "the inside of brackets": Math.min(1, depth),
      "the inside of quotes": quoted,
    };
    line = c === "\n" ? 0 : line + 1;
    word = /[\p{L}\p{N}]/u.test(c) ? word + 1 : 0;
    depth = Math.max(0, depth + (/[([{]/.test(c) ? 1 : 0) - (/[)\]}]/.test(c) ? 1 : 0));
    if (c === '"') quoted = 1 - quoted;
    return row;
  });
  for (const name of Object.keys(rows[0] || {})) found[name] = rows.map((row) => row[name]);
  return found;
}

function correlation(a, b) {
  const n = a.length;
  let sa = 0, sb = 0;
  for (let k = 0; k < n; k++) {
    sa += a[k];
    sb += b[k];
  }
  let ab = 0, aa = 0, bb = 0;
  for (let k = 0; k < n; k++) {
    const x = a[k] - sa / n, y = b[k] - sb / n;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 1e-12 && bb > 1e-12 ? ab / Math.sqrt(aa * bb) : 0;
}

// sorts the units by what each follows most closely, the surest first
function order() {
  const steps = view.text.steps, H = about.hidden;
  const known = steps.length > 30 ? Object.entries(features(steps.map((s) => s.token))) : [];
  view.tracks = Array.from({ length: H }, (_, j) => {
    const values = steps.map((s) => s.states[view.layer][0][j]);
    let best = { name: "", r: 0, feature: known.length };
    known.forEach(([name, wanted], k) => {
      const r = correlation(values, wanted);
      if (Math.abs(r) > Math.abs(best.r)) best = { name, r, feature: k };
    });
    return best;
  });
  view.order = [...view.tracks.keys()].sort((a, b) =>
    view.tracks[a].feature - view.tracks[b].feature || Math.abs(view.tracks[b].r) - Math.abs(view.tracks[a].r));
  view.ordered = steps.length;
}

const palette = Array.from({ length: 511 }, (_, k) => {
  const v = (k - 255) / 255, dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const base = dark ? [30, 33, 37] : [244, 246, 248], ink = v < 0 ? [0, 114, 178] : [213, 94, 0];
  return base.map((b, c) => Math.round(b + (ink[c] - b) * Math.abs(v)));
});

function map() {
  const canvas = $("map"), steps = view.text.steps, H = about.hidden, width = SHOWN;
  const first = Math.max(0, steps.length - width);
  if (canvas.width !== width || canvas.height !== H) {
    canvas.width = width;
    canvas.height = H;
    canvas.style.height = `${Math.min(512, Math.max(160, 2 * H))}px`;
  }
  if (view.order.length !== H || steps.length > 1.5 * view.ordered + 30) order();
  const context = canvas.getContext("2d"), image = context.createImageData(width, H), data = image.data;
  const rank = new Int32Array(H);
  view.order.forEach((unit, row) => (rank[unit] = row));
  for (let t = first; t < steps.length; t++) {
    const h = steps[t].states[view.layer][0];
    for (let j = 0; j < H; j++) {
      const shade = palette[255 + Math.max(-255, Math.min(255, Math.round(255 * h[j])))];
      const at = 4 * (rank[j] * width + (t - first));
      data[at] = shade[0];
      data[at + 1] = shade[1];
      data[at + 2] = shade[2];
      data[at + 3] = t === view.at || j === view.unit ? 255 : 230;
    }
  }
  context.putImageData(image, 0, 0);
  context.fillStyle = "rgba(127,127,127,.45)";
  if (view.at >= first) context.fillRect(view.at - first, 0, 1, H);
  if (view.unit >= 0) context.fillRect(0, rank[view.unit], width, 1);
}

function unitTold() {
  const j = view.unit, held = clampOf(j);
  $("unit-controls").hidden = j < 0 && !view.text.clamps.length && !view.other;
  if (j < 0) {
    $("unit-told").textContent = "Click a row to choose a unit; with the keys, arrows up and down.";
    return;
  }
  const track = view.tracks[j] || { r: 0 };
  const follows = Math.abs(track.r) > 0.3
    ? `It follows ${track.name}: correlation ${track.r.toFixed(2)} over this text.`
    : "It follows nothing that is measured here (no correlation above 0.3).";
  $("unit-told").textContent = `Unit ${j} of layer ${view.layer + 1}. ${follows}${held === null ? "" : ` It is held at ${held}.`}`;
}

function clampOf(unit) {
  const own = (view.other ? view.other.clamps : []).find((c) => c.layer === view.layer && c.unit === unit);
  return own ? own.value : null;
}

// the text under changed units stands beside the text as it is, with the same draws
function hold(value) {
  const before = view.other ? view.other.clamps : [];
  const kept = before.filter((c) => c.layer !== view.layer || c.unit !== view.unit);
  const given = view.at >= 0 ? view.at + 1 : Math.min(view.text.steps.length, Math.max(view.text.own, 1));
  view.other = view.text.again([...kept, { layer: view.layer, unit: view.unit, value }], given);
  while (view.other.steps.length < view.text.steps.length) view.other.write(heat(), view.seed);
  $("other").hidden = false;
  render(true);
}

function free() {
  view.other = null;
  $("other").hidden = true;
  boxes.other.replaceChildren();
  render(true);
}

// the whole

const heat = () => Number($("temperature").value);

function render(all) {
  const from = all || view.byUnit || view.byReach ? 0 : Math.max(0, view.text.steps.length - 4);
  spans(boxes.text, view.text);
  shade(boxes.text, view.text, from);
  if (view.other) {
    spans(boxes.other, view.other);
    shade(boxes.other, view.other, from);
  }
  if (view.playing) for (const box of Object.values(boxes)) box.scrollTop = box.scrollHeight;
  guesses();
  map();
  unitTold();
}

function choose(at) {
  view.at = Math.max(-1, Math.min(view.text.steps.length - 1, at));
  render(true);
  const span = boxes.text.childNodes[view.at];
  if (span && !view.playing) span.scrollIntoView({ block: "nearest" });
}

function play(is) {
  view.playing = is;
  $("play").textContent = is ? "Pause" : "Go on";
  if (is) choose(-1);
}

// goes on from a character: what came after it is written anew, with other draws
function from(at) {
  view.text.cut(at + 1);
  view.text.own = at + 1;
  view.seed = (view.seed * 16807 + 11) % 2147483647;
  if (view.other) view.other = view.text.again(view.other.clamps, at + 1);
  play(true);
}

function start(tokens) {
  const clamps = view.other ? view.other.clamps : null;
  view.text = new Text([]);
  for (const token of tokens) view.text.read(token);
  view.text.own = tokens.length;
  view.order = [];
  if (clamps) view.other = view.text.again(clamps, tokens.length);
  play(true);
}

function encode(text) {
  const unknown = [], tokens = [];
  for (const c of about.lowercase ? text.toLowerCase() : text) {
    if (number.has(c)) tokens.push(number.get(c));
    else unknown.push(c);
  }
  $("told").textContent = unknown.length
    ? `The network has never seen ${[...new Set(unknown)].slice(0, 8).map((c) => `“${c}”`).join(", ")}; left out.`
    : "";
  return tokens;
}

function frame(now) {
  const pause = 1000 / Number($("speed").value);
  if (view.playing && now >= view.due && !document.hidden) {
    if (view.text.steps.length >= MOST) play(false);
    else {
      view.due = Math.max(now, view.due + pause);
      view.text.write(heat(), view.seed);
      if (view.other) while (view.other.steps.length < view.text.steps.length) view.other.write(heat(), view.seed);
      render(false);
    }
  }
  requestAnimationFrame(frame);
}

$("about").textContent = about.sentence;
$("units-about").textContent =
  `${about.hidden} units from top to bottom, the last ${SHOWN} characters from left to right; blue is −1, orange is +1. `
  + "The rows are sorted by what each follows most closely.";
$("degrees").textContent = heat().toFixed(2);
$("temperature").addEventListener("input", () => ($("degrees").textContent = heat().toFixed(2)));
$("play").addEventListener("click", () => play(!view.playing));
$("again").addEventListener("click", () => {
  view.seed = Math.floor(Math.random() * 2147483647);
  start(about.opening);
});
$("prompt").addEventListener("submit", (event) => {
  event.preventDefault();
  const tokens = encode($("typed").value);
  if (tokens.length) start(tokens);
});
boxes.text.addEventListener("click", (event) => {
  const at = [...boxes.text.childNodes].indexOf(event.target);
  if (at >= 0) from(at);
});
boxes.text.addEventListener("pointermove", (event) => {
  if (!view.playing) {
    const at = [...boxes.text.childNodes].indexOf(event.target);
    if (at >= 0 && at !== view.at) choose(at);
  }
});
$("reach").addEventListener("change", () => {
  view.byReach = $("reach").checked;
  if (view.byReach && view.playing) play(false);
  if (view.byReach && view.at < 0) choose(view.text.steps.length - 1);
  render(true);
});
$("map").addEventListener("click", (event) => {
  const box = $("map").getBoundingClientRect();
  view.unit = view.order[Math.floor(((event.clientY - box.top) / box.height) * about.hidden)] ?? -1;
  render(true);
});
$("colour").addEventListener("click", () => {
  view.byUnit = !view.byUnit;
  $("colour").setAttribute("aria-pressed", String(view.byUnit));
  render(true);
});
$("silence").addEventListener("click", () => hold(0));
$("up").addEventListener("click", () => hold(1));
$("down").addEventListener("click", () => hold(-1));
$("free").addEventListener("click", free);
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, button, form")) return;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key], turn = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (event.key === " ") play(!view.playing);
  else if (event.key === "Enter" && view.at >= 0) from(view.at);
  else if (step) {
    if (view.playing) play(false);
    choose(view.at < 0 ? view.text.steps.length - 1 : view.at + step);
  } else if (turn) {
    const row = view.order.indexOf(view.unit);
    view.unit = view.order[Math.max(0, Math.min(about.hidden - 1, row + turn))];
    render(true);
  } else return;
  event.preventDefault();
});
if (about.layers > 1) {
  about.tokens.slice(0, about.layers).forEach((_, l) => {
    const label = document.createElement("label"), input = document.createElement("input");
    Object.assign(input, { type: "radio", name: "layer", checked: l === view.layer });
    input.addEventListener("change", () => {
      Object.assign(view, { layer: l, unit: -1, order: [] });
      render(true);
    });
    label.append(input, ` layer ${l + 1}`);
    $("layers").append(label);
  });
}

// for tests: #check=TEXT writes down what the network says of a text, and stops there
const check = location.hash.match(/^#check=(.*)/);
if (check) {
  const text = new Text([]);
  for (const token of encode(decodeURIComponent(check[1]))) text.read(token);
  const last = text.steps[text.steps.length - 1];
  view.text = text;
  play(false);
  choose(text.steps.length - 1);
  const p = text.steps.map((step) => [...probabilities(step.logits, 1)].map(Math.log));
  const result = { log_p: p, reach: net.reach(text.steps, last.logits.indexOf(Math.max(...last.logits)), REACH) };
  const box = document.createElement("pre");
  box.id = "checked";
  box.textContent = JSON.stringify(result);
  document.body.append(box);
} else {
  start(about.opening);
  for (let k = 0; k < AT_ONCE; k++) view.text.write(heat(), view.seed); // so that there is something to see
  render(true);
  requestAnimationFrame(frame);
}
