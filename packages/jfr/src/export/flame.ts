// SPDX-License-Identifier: Apache-2.0
// A flame graph as one HTML file: nothing is fetched, everything of the recording is escaped.
import { PAGE_SCRIPT, PAGE_STYLE } from './flame-page.ts';
import { type FlameTree, flameTree } from './flame-tree.ts';
import type { StackProfile } from './stacks.ts';

export interface FlameOptions {
  /** Heading; the event type when left out. */
  readonly title?: string;
}

export function flameGraph(profile: StackProfile, options: FlameOptions = {}): string {
  const { title = profile.event } = options;
  const tree: FlameTree = flameTree(profile);
  const data = { ...tree, unit: profile.unit, weightName: profile.weightName, title };
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<input id="search" type="search" placeholder="search (regular expression)" aria-label="search frames">
<button id="reset" type="button">reset zoom</button>
<button id="invert" type="button" aria-pressed="false">root at the bottom</button>
<output id="matched"></output>
</header>
<canvas id="graph" tabindex="0" aria-label="flame graph"></canvas>
<footer id="detail">&nbsp;</footer>
<script type="application/json" id="data">${escapeJson(data)}</script>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** JSON that cannot end the script element it stands in. */
function escapeJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}
