// SPDX-License-Identifier: Apache-2.0
// A program that does nothing: what Node.js itself takes.
