// SPDX-License-Identifier: Apache-2.0
export { ViewerError } from './error.ts';
export { type ServeOptions, serveViewer, type ViewerServer } from './serve.ts';
