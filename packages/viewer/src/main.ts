// SPDX-License-Identifier: Apache-2.0
// The page: opens what its address names (`?open=PATH`, several times), or waits for files. Only its
// own origin is ever asked for anything.
import { mountViewer } from './mount.tsx';
import type { OpenableFile } from './open.ts';

const viewer = mountViewer(document.querySelector('#app') as Element);
// For the console, and for tests.
Object.assign(window, { rekindle: viewer });

const files = new URLSearchParams(location.search).getAll('open').map(fileAt);
if (files.length > 0) void viewer.open(files);

function fileAt(path: string): OpenableFile {
  const url = new URL(path, location.href);
  const name = decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf('/') + 1));
  return {
    name,
    async bytes() {
      if (url.origin !== location.origin) throw new Error(`${path} is not on this server`);
      const response = await fetch(url);
      if (!response.ok) {
        throw new Error(`${name}: the server answers ${response.status} ${response.statusText}`);
      }
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}
