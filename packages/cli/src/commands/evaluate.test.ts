/** @file `evaluate` on runs and circuit files of the micro model. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withoutPromptValues } from '@auto-circuit/core/run';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../cli.js';
import { refusal } from '../test/run-main.js';

const plugin = fileURLToPath(new URL('../../test-data/micro-task.mjs', import.meta.url));
const data = fileURLToPath(new URL('../../test-data/micro-prompts.json', import.meta.url));

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'evaluate-command-'));
});
afterEach(() => rm(cwd, { recursive: true }));

async function run(command: string) {
  const text = { out: '', err: '' };
  const code = await main([...command.split(' '), '--plugin', plugin], {
    stdout: { write: (chunk) => (text.out += chunk) },
    stderr: { write: (chunk) => (text.err += chunk) },
    cwd,
    env: {},
    signal: new AbortController().signal,
  });
  return { code, ...text };
}
const DISCOVER = 'discover --task micro --algo eap --backend interpreter --quiet';
const measurements = async (folder: string) =>
  JSON.parse(await readFile(join(cwd, folder, 'measurements.json'), 'utf8'));
/** As --json shows them. */
const shown = async (folder: string) => withoutPromptValues(await measurements(folder));

describe('evaluate', () => {
  it('adds metrics and sizes to a run: the numbers that discover would have written', async () => {
    await run(`${DISCOVER} --out few --edges 3,20 --metric kl`);
    await run(`${DISCOVER} --out all --edges 3,8,20 --metric kl,percent-correct`);
    const { code, out, err } = await run('evaluate few --edges 3,8,20 --metric kl,percent-correct --quiet');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/edges +connected +faithfulness +kl \(nats\) +percent-correct/);
    expect(await measurements('few')).toEqual(await measurements('all'));
    expect(await readFile(join(cwd, 'few', 'report.html'), 'utf8')).toContain('percent-correct');
    expect((await run(`${DISCOVER} --out few --edges 3,20 --metric kl --resume --json`)).code).toBe(0);
  });

  it('chooses circuits otherwise from the scores of a run, as discover would have, and leaves the run alone', async () => {
    await run(`${DISCOVER} --out ranked --edges 3,8 --metric kl`);
    await run(`${DISCOVER} --out grown --edges 3,8 --keep 8 --select greedy --metric kl`);
    const before = await measurements('ranked');
    const { code, out } = await run(
      'evaluate ranked --select greedy --edges 3,8 --metric kl --json --out g.json --quiet',
    );
    expect(code).toBe(0);
    expect(JSON.parse(out).measurements).toEqual(await shown('grown'));
    expect(JSON.parse(await readFile(join(cwd, 'g.json'), 'utf8'))).toEqual(await measurements('grown'));
    expect(await measurements('ranked')).toEqual(before);
    const written = async (name: string) => JSON.parse(await readFile(join(cwd, 'grown', name), 'utf8'));
    expect((await written('run.json')).asked.select).toBe('greedy');
    expect(await written('circuit.json')).toMatchObject({ select: 'greedy' });
    expect((await run(`${DISCOVER} --out x --threshold 1 --select top`)).err).toMatch(/nothing to choose/);
  });

  it('numbers of the whole run: CPR, CMD, areas, ROC', async () => {
    await run(`${DISCOVER} --out w --edges 5,25 --keep 5 --metric kl,logit-diff`);
    const { code, out } = await run('evaluate w --metric kl,cpr,cmd,auc,roc --json --quiet');
    expect(code).toBe(0);
    const { curve_numbers: numbers } = JSON.parse(out);
    // By hand from the file: 25 edges, so that MIB's ten shares are 0, 0, 0, 0, 0, 1, 2, 5, 12 and 25 edges.
    const [kl, difference] = await measurements('w');
    const at = (edges: number): number =>
      kl.points.find((point: { edges: number }) => point.edges === edges).faithfulness;
    const shares = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
    const values = [0, 0, 0, 0, 0, 1, 2, 5, 12, 25].map(at);
    const integral = (y: readonly number[]): number =>
      y.slice(1).reduce((sum, value, i) => sum + ((shares[i + 1]! - shares[i]!) * (value + y[i]!)) / 2, 0);
    expect(numbers.cpr).toBeCloseTo(integral(values), 12);
    expect(numbers.cmd).toBeCloseTo(integral(values.map((f) => Math.abs(1 - f))), 12);
    expect(difference.points.map((point: { edges: number }) => point.edges)).toEqual([5, 25]); // not asked for again
    const curve = kl.points.filter((point: { edges: number }) => point.edges > 0);
    const area = curve.slice(1).reduce((sum: number, point: { edges: number; value: number }, i: number) => {
      const before = curve[i];
      return sum + (Math.log10(point.edges / before.edges) * (point.value + before.value)) / 2;
    }, 0);
    expect(numbers['area of kl']).toBeCloseTo(area, 12);
    expect(numbers['roc area (straight)']).toBeGreaterThanOrEqual(0);
    const text = await run('evaluate w --metric cpr --quiet');
    expect(text.out).toMatch(/of the whole run *\ncpr +0\.\d+/);
    expect(
      await refusal('evaluate w --metric cpr --edges log'.split(' ').concat('--plugin', plugin), { cwd }),
    ).toMatchObject({
      code: 'invalid-option',
      fields: { option: '--edges' },
      expected: '--edges with numbers, or the run’s sizes',
    });
  });

  it('optimal ablation: constants are trained once, kept in the run, and used again', async () => {
    const optimal = `${DISCOVER} --ablation optimal --metric kl`;
    await run(`${optimal} --out few --edges 3,20 --keep 3`);
    await run(`${optimal} --out all --edges 3,8,20 --keep 3`);
    const constants = await readFile(join(cwd, 'few', 'constants.safetensors'));
    expect((await run('evaluate few --edges 3,8,20 --quiet')).code).toBe(0);
    expect(await measurements('few')).toEqual(await measurements('all'));
    expect(await readFile(join(cwd, 'few', 'constants.safetensors'))).toEqual(constants);
    const written = JSON.parse(await readFile(join(cwd, 'few', 'run.json'), 'utf8'));
    expect(written.asked.ablation).toBe('optimal');
  });

  it('measures a circuit file with the settings of its run, or others', async () => {
    await run(`${DISCOVER} --out r --edges 6 --keep 6 --metric kl`);
    const [kl] = await shown('r');
    const circuit = async (more = '') =>
      JSON.parse((await run(`evaluate r/circuit.json --metric kl --json --quiet${more}`)).out);
    const same = await circuit();
    expect(same).toMatchObject({ run: null, circuit: join(cwd, 'r', 'circuit.json'), edges_total: 25 });
    expect(same.measurements[0].points).toEqual([{ ...kl!.points[0], requested: null }]);
    expect((await circuit(' --ablation zero')).measurements[0].points[0].value).not.toBe(kl!.points[0]!.value);
    await writeFile(join(cwd, 'mine.json'), await readFile(join(cwd, 'r', 'circuit.json')));
    const alone = await run(
      `evaluate mine.json --task micro --data ${data} --backend interpreter --metric kl --out m.json --quiet`,
    );
    expect(alone.code).toBe(0);
    expect(withoutPromptValues(JSON.parse(await readFile(join(cwd, 'm.json'), 'utf8')))).toEqual(same.measurements);
  });

  it('refuses what does not belong together', async () => {
    await run(`${DISCOVER} --out r --edges 6 --keep 6`);
    const refused = (command: string) => refusal([...command.split(' '), '--plugin', plugin], { cwd });
    expect(await refused('evaluate r --ablation zero')).toMatchObject({
      code: 'invalid-option',
      fields: { option: '--ablation' },
      fix: 'evaluate r/circuit.json to choose others, or run discover again',
    });
    expect(await refused('evaluate r/circuit.json --edges 4')).toMatchObject({
      code: 'invalid-option',
      fields: { option: '--edges', got: '4' },
    });
    expect(await refused('evaluate nowhere')).toMatchObject({ code: 'file-not-found', fields: { path: 'nowhere' } });
    expect((await refused('evaluate .')).message).toMatch(/not a run folder/);
    await writeFile(join(cwd, 'prompts.json'), '{"prompts": []}');
    expect(await refused('evaluate prompts.json')).toMatchObject({
      code: 'unsupported-format',
      fields: { path: 'prompts.json' },
    });
    await writeFile(join(cwd, 'r', 'circuit.json'), '{"graph":');
    expect((await refused('evaluate r/circuit.json')).message).toMatch(/r\/circuit.json is not a JSON file/);
  });
});
