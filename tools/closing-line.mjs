// SPDX-License-Identifier: Apache-2.0
// A vitest reporter: names every skipped test with its reason, and closes with one plain line.
export default class ClosingLine {
  onTestRunEnd(modules) {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state, note } = test.result();
        if (state in counts) counts[state]++;
        if (state === 'skipped')
          console.log(`skipped: ${test.fullName}: ${note ?? 'no reason given'}`);
      }
      if (module.state() === 'failed' && module.errors().length > 0) counts.failed++;
    }
    console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  }
}
