/** @file `validate`: what it confirms, what it finds wrong, what it says where there is nothing to compare with. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { refusal, runMain } from '../test/run-main.js';
import type { Check } from '../validation/checks.js';

const families = fileURLToPath(new URL('../../../models/test-data/families', import.meta.url));
let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'validate-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

/** Where no python3 is. */
const NO_PYTHON = { PATH: '/var/empty' };
async function validated(...args: string[]) {
  const { code, stdout } = await runMain(['validate', ...args, '--json', '--quiet'], { cwd, env: NO_PYTHON });
  return { code, ...(JSON.parse(stdout) as { agrees: boolean; checks: Check[] }) };
}
const passed = (checks: readonly Check[]) => checks.map((check) => check.passed);

/** A Python that answers as it is told, in place of one that has transformers. */
function pythonThatSays(text: string): string {
  const path = join(cwd, 'python');
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

/** Two runtimes start and some dozen programs are compiled for each: seconds, and many of them on a machine that has other work. */
vi.setConfig({ testTimeout: 120_000 });

describe('validate', () => {
  it.each(['gemma3', 'falcon-rw'])('finds %s in order, apart from what is not compared', async (name) => {
    const { code, agrees, checks } = await validated(join(families, name), '--edges', '3');
    expect([code, agrees]).toEqual([0, true]);
    expect(passed(checks)).toEqual([null, true, true, null, null]);
    const [, residual, gradient] = checks as [Check, Check, Check];
    expect(residual.value!).toBeGreaterThan(0);
    expect(residual.value!).toBeLessThan(1e-5);
    expect(gradient.bound!).toBeGreaterThan(gradient.value!);
  });
  it('is not taken in by wide differences that agree by chance, as they do along an edge of this model', async () => {
    const { code, checks } = await validated(join(families, 'falcon2-11b'));
    expect([code, checks[2]!.passed]).toEqual([0, true]);
  });
  it('takes models without files, with numbers as input, and with answers at every position', async () => {
    for (const name of ['micro', 'tracr-reverse']) {
      const { code, checks } = await validated(name, '--edges', '2');
      expect([name, code, passed(checks)]).toEqual([name, 0, [null, true, true, null, null]]);
      expect(checks[0]!.detail).toBe('the model is not a Hugging Face folder');
    }
  });
  it('tries the tokenizer, and processes where it is asked to', async () => {
    const { code, checks } = await validated('ioi-mini', '--process', '--edges', '2', '--backend', 'interpreter');
    expect(code).toBe(0);
    expect(checks[3]).toMatchObject({ passed: true, value: 0, bound: 0 });
  });
  it('finds logits that are not those of transformers: exit code 1, and the table says which', async () => {
    const zeros = Buffer.alloc(4 * 4 * 13).toString('base64');
    const answer = { versions: 'transformers 0', dtype: 'float32', logits: zeros, ids: null };
    const python = pythonThatSays(`echo '${JSON.stringify(answer)}'`);
    const args = ['validate', join(families, 'llama'), '--python', python, '--edges', '2'];
    const { code, stdout } = await runMain([...args, '--quiet'], { cwd });
    expect(code).toBe(1);
    expect(stdout).toMatch(/logits, against transformers .*DIFFERS/);
    expect(stdout).toContain('not within bounds: logits, against transformers\n');
  });
});

describe('the Python of validate', () => {
  const llama = join(families, 'llama');
  it('that was named and is not there, or lacks transformers, is refused', async () => {
    const absent = await refusal(['validate', llama, '--python', join(cwd, 'none')], { cwd });
    expect(absent).toMatchObject({ code: 'runtime-missing', fields: { package: 'transformers' } });
    const answer = JSON.stringify({ failed: "ModuleNotFoundError: No module named 'torch'" });
    const without = await refusal(
      ['validate', llama, '--python', pythonThatSays(`echo '${answer.replaceAll("'", "'\\''")}'`)],
      { cwd },
    );
    expect(without).toMatchObject({ code: 'runtime-missing' });
    expect(without.message).toContain('has no torch');
  });
  it.each([
    [
      'fails',
      `echo '${JSON.stringify({ failed: 'ValueError: no such model' })}'`,
      'transformers says: ValueError: no such model',
    ],
    ['dies', 'echo broken >&2; exit 3', 'ended with code 3: broken'],
    ['is late', `${process.execPath} -e 'setTimeout(() => {}, 8000)'`, 'transformers did not answer within 1 s'],
  ])('that %s is no number: the row says so', async (_case, script, detail) => {
    const { code, checks } = await validated(
      llama,
      '--python',
      pythonThatSays(script),
      '--timeout',
      '1',
      '--edges',
      '2',
    );
    expect(code).toBe(0);
    expect(checks[0]).toMatchObject({ passed: null });
    expect(checks[0]!.detail).toContain(detail);
  });
});

it('refuses a folder that is no model', async () => {
  cpSync(join(families, 'llama', 'config.json'), join(cwd, 'config.json'));
  expect(await refusal(['validate', cwd], { cwd })).toMatchObject({ where: expect.any(String), kind: 'user' });
  expect(JSON.parse(readFileSync(join(cwd, 'config.json'), 'utf8')).model_type).toBe('llama');
});
