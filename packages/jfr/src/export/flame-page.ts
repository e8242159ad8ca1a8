// SPDX-License-Identifier: Apache-2.0
// What runs inside the page of a flame graph. Plain text here: the page has to stand alone.

export const PAGE_STYLE: string = `
:root { color-scheme: light dark; font: 13px/1.4 system-ui, sans-serif; }
body { margin: 0; display: flex; flex-direction: column; min-height: 100vh; }
header { display: flex; gap: 8px; align-items: center; padding: 8px; flex-wrap: wrap; position: sticky;
  top: 0; background: Canvas; }
h1 { font-size: 15px; margin: 0 auto 0 0; }
input { width: 22em; max-width: 60vw; }
canvas { display: block; width: 100%; outline: none; }
footer { padding: 6px 8px; position: sticky; bottom: 0; background: Canvas;
  border-top: 1px solid GrayText; overflow-wrap: anywhere; }
`;

export const PAGE_SCRIPT: string = `
'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const { names, kinds, name, kind, level, total } = data;
const canvas = document.getElementById('graph');
const context = canvas.getContext('2d');
const detail = document.getElementById('detail');
const ROW = 18;
const count = name.length;
const depth = 1 + level.reduce((a, b) => Math.max(a, b), 0);

// the end of each node's subtree, its parent, and where it begins in units of weight
const end = new Int32Array(count);
const parent = new Int32Array(count).fill(-1);
const begin = new Float64Array(count);
{
  const open = [];
  const filled = new Float64Array(count);
  for (let node = 0; node <= count; node++) {
    const at = node === count ? 0 : level[node];
    while (open.length > at) end[open.pop()] = node;
    if (node === count) break;
    if (open.length > 0) {
      const above = open[open.length - 1];
      parent[node] = above;
      begin[node] = begin[above] + filled[above];
      filled[above] += total[node];
    }
    open.push(node);
  }
}

let zoomed = 0;
let inverted = true;
let pattern = null;
let hovered = -1;

function scaled() {
  const ratio = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = depth * ROW;
  canvas.style.height = height + 'px';
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { width, height };
}

const HUES = [
  [/inlin/i, 175],
  [/jit|compiled/i, 130],
  [/interpret/i, 85],
  [/kernel/i, 25],
  [/native|c\\+\\+/i, 215],
];

function colour(node) {
  const text = kinds[kind[node]];
  const known = HUES.find(([words]) => words.test(text));
  let hash = 7;
  for (const letter of names[name[node]]) hash = (hash * 31 + letter.codePointAt(0)) | 0;
  const hue = known ? known[1] : 40;
  return 'hsl(' + (hue + (hash & 15)) + ' 60% ' + (62 + ((hash >>> 4) & 15)) + '%)';
}

const matches = (node) => pattern !== null && pattern.test(names[name[node]]);

function ancestors(node) {
  const list = new Set();
  for (let at = node; at >= 0; at = parent[at]) list.add(at);
  return list;
}

const rowTop = (node, height) => (inverted ? level[node] * ROW : height - (level[node] + 1) * ROW);

/** Visits what is visible; subtrees below a third of a pixel are passed over. */
function visible(width, visit) {
  for (const node of ancestors(zoomed)) if (node !== zoomed) visit(node, 0, width);
  const scale = width / (total[zoomed] || 1);
  for (let node = zoomed; node < end[zoomed]; ) {
    const w = total[node] * scale;
    if (w < 0.3) {
      node = end[node];
      continue;
    }
    visit(node, (begin[node] - begin[zoomed]) * scale, w);
    node++;
  }
}

function draw() {
  const { width, height } = scaled();
  context.clearRect(0, 0, width, height);
  context.font = '12px system-ui, sans-serif';
  context.textBaseline = 'middle';
  visible(width, (node, x, w) => {
    const y = rowTop(node, height);
    context.globalAlpha = level[node] < level[zoomed] ? 0.45 : 1;
    context.fillStyle = matches(node) ? '#e040fb' : colour(node);
    context.fillRect(x, y, Math.max(w - 0.5, 0.3), ROW - 1);
    if (node === hovered) {
      context.strokeStyle = '#000';
      context.strokeRect(x + 0.5, y + 0.5, Math.max(w - 1.5, 1), ROW - 2);
    }
    if (w > 24) {
      const room = Math.floor((w - 6) / 6.2);
      let text = names[name[node]];
      if (text.length > room) text = room > 2 ? '…' + text.slice(text.length - room + 1) : '';
      context.fillStyle = '#111';
      context.fillText(text, x + 3, y + ROW / 2, w - 6);
    }
  });
  context.globalAlpha = 1;
}

function nodeAt(event) {
  const box = canvas.getBoundingClientRect();
  const x = event.clientX - box.left;
  const row = Math.floor((event.clientY - box.top) / ROW);
  const wanted = inverted ? row : depth - 1 - row;
  for (const node of ancestors(zoomed)) if (level[node] === wanted) return node;
  const scale = canvas.clientWidth / (total[zoomed] || 1);
  const weight = begin[zoomed] + x / scale;
  for (let node = zoomed; node < end[zoomed]; ) {
    if (weight < begin[node] || weight >= begin[node] + total[node]) node = end[node];
    else if (level[node] === wanted) return node;
    else node++;
  }
  return -1;
}

function amount(value) {
  if (data.unit === 'nanoseconds') {
    return value >= 1e9 ? (value / 1e9).toFixed(3) + ' s'
      : value >= 1e6 ? (value / 1e6).toFixed(3) + ' ms' : (value / 1e3).toFixed(1) + ' µs';
  }
  const number = Math.round(value).toLocaleString('en');
  return number + ' ' + (data.unit === 'count' ? data.weightName : data.unit || data.weightName);
}

const share = (value) => ((100 * value) / (total[0] || 1)).toFixed(2) + ' %';

function describe(node) {
  if (node < 0) {
    detail.textContent = amount(total[0]) + ' in all';
    return;
  }
  let below = 0;
  for (let at = node + 1; at < end[node]; at = end[at]) below += total[at];
  const how = kinds[kind[node]];
  detail.textContent = names[name[node]] + ' — ' + amount(total[node]) + ' (' + share(total[node]) + ')'
    + ', self ' + amount(total[node] - below) + (how ? ', ' + how : '');
}

function zoom(node) {
  zoomed = node;
  draw();
}

function search(text) {
  const output = document.getElementById('matched');
  pattern = null;
  output.textContent = '';
  if (text !== '') {
    try {
      pattern = new RegExp(text, 'i');
    } catch {
      output.textContent = 'not a regular expression';
    }
  }
  if (pattern !== null) {
    // a frame inside a matching one is not counted again
    let sum = 0;
    for (let node = 0; node < count; ) {
      if (matches(node)) {
        sum += total[node];
        node = end[node];
      } else node++;
    }
    output.textContent = 'matched: ' + share(sum);
  }
  draw();
}

canvas.addEventListener('mousemove', (event) => {
  const node = nodeAt(event);
  if (node === hovered) return;
  hovered = node;
  describe(node);
  draw();
});
canvas.addEventListener('mouseleave', () => {
  hovered = -1;
  describe(-1);
  draw();
});
canvas.addEventListener('click', (event) => {
  const node = nodeAt(event);
  if (node >= 0) zoom(node);
});
document.getElementById('reset').addEventListener('click', () => zoom(0));
document.getElementById('invert').addEventListener('click', (event) => {
  inverted = !inverted;
  event.target.setAttribute('aria-pressed', String(!inverted));
  draw();
  scrollTo(0, inverted ? 0 : document.body.scrollHeight);
});
const field = document.getElementById('search');
field.addEventListener('input', () => search(field.value));
addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    field.value = '';
    search('');
    zoom(0);
  } else if (event.key === '/' && event.target !== field) {
    event.preventDefault();
    field.focus();
  }
});
addEventListener('resize', draw);
describe(-1);
draw();
`;
