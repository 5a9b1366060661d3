/** @file The example plugins' own tests, as `npm test` in their folders runs them: on the built packages. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../../examples/', import.meta.url));
const plugins = readdirSync(root).filter((name) => existsSync(join(root, name, 'package.json')));

it.each(plugins)('%s', (name) => {
  const { status, stdout } = spawnSync(process.execPath, ['--test', '--test-reporter=tap'], {
    cwd: join(root, name),
    encoding: 'utf8',
  });
  expect(status, stdout).toBe(0);
  expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(5);
});
