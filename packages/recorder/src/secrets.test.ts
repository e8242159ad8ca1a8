// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { MASK, maskArguments, maskValue } from './secrets.ts';

describe('secrets', () => {
  it.each([
    'API_TOKEN',
    'PASSWORD',
    'DB_PASS',
    'AWS_SECRET_ACCESS_KEY',
    'GITHUB_TOKEN',
    'SESSION_COOKIE',
    'ApiKey',
    'SENTRY_DSN',
    'NPM_AUTH',
  ])('named %s are masked', (name) => {
    expect(maskValue(name, 'value')).toBe(MASK);
    expect(maskValue(name, '')).toBe('');
  });

  it.each(['PATH', 'HOME', 'KEYBOARD', 'PWD', 'LANG', 'NODE_OPTIONS'])('%s is none', (name) => {
    expect(maskValue(name, '/usr/bin')).toBe('/usr/bin');
  });

  it('are found in values', () => {
    expect(maskValue('X', '-----BEGIN RSA PRIVATE KEY-----abc')).toBe(MASK);
    expect(maskValue('X', 'eyJhbGciOi.eyJzdWIiOi.sig')).toBe(MASK);
    const url = 'postgres://user:pw@host/db amqp://a:b@c';
    expect(maskValue('URL', url)).toBe(`postgres://user:${MASK}@host/db amqp://a:${MASK}@c`);
  });

  it('are found on command lines', () => {
    expect(
      maskArguments([
        'app.js',
        '--token',
        'abc',
        '--port=1',
        '--password=x',
        'http://u:p@h/',
        '-v',
      ]),
    ).toEqual([
      'app.js',
      '--token',
      MASK,
      '--port=1',
      `--password=${MASK}`,
      `http://u:${MASK}@h/`,
      '-v',
    ]);
    expect(maskArguments(['--token', '--port', '1'])).toEqual(['--token', '--port', '1']);
  });
});
