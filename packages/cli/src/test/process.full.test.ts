/** @file The built program as a process: how fast it starts, pipes that close early, Ctrl-C. */
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const PROMPTS = fileURLToPath(new URL('../../../tasks/data/ioi-mini.json', import.meta.url));

function milliseconds(args: readonly string[]): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  return performance.now() - started;
}

describe('the program', () => {
  it('shows help in a tenth of a second beyond the start of Node.js', () => {
    const best = (args: readonly string[]) => Math.min(...Array.from({ length: 8 }, () => milliseconds(args)));
    expect(best([MAIN, '--help']) - best(['-e', '0'])).toBeLessThan(100);
  });

  it.skipIf(process.platform === 'win32')('does not mind a reader that leaves', () => {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', `"${process.execPath}" "${MAIN}" list | head -1`], {
      encoding: 'utf8',
    });
    expect([status, stdout, stderr]).toEqual([0, 'models\n', '']);
  });

  it.skipIf(process.platform === 'win32')('Ctrl-C stops after a step with 130', async () => {
    const args = [
      MAIN,
      'logits',
      '--model',
      'ioi-mini',
      '--data',
      PROMPTS,
      '--backend',
      'interpreter',
      '--batch-size',
      '1',
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      const before = stderr.includes('backend ');
      stderr += text;
      if (!before && stderr.includes('backend ')) setTimeout(() => child.kill('SIGINT'), 300); // runs by now
    });
    const code = await new Promise((done) => child.on('close', done));
    expect(stderr).toContain('press Ctrl-C again to quit at once');
    expect(stderr).toMatch(/interrupted: stopped by Ctrl-C\n$/);
    expect(code).toBe(130);
  });
});
