/** @file Memory does not grow with the number of patched runs, on either runtime. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../../../bench/leak.mjs', import.meta.url));

describe('each 1,000 patched runs after as many to warm up', () => {
  for (const backend of ['onnx', 'tfjs-wasm']) {
    it(`leave resident memory within 2 % (${backend})`, () => {
      const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', SCRIPT, backend], {
        encoding: 'utf8',
      });
      expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
      expect((JSON.parse(stdout.trim().split('\n').at(-1)!) as { growth: number }).growth).toBeLessThan(0.02);
    });
  }
});
