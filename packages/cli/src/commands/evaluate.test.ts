import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withoutPromptValues } from '@auto-circuit/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../cli.js';

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
    const refused = async (command: string) => {
      const { code, err } = await run(`${command} --quiet`);
      expect(code).toBe(2);
      return err;
    };
    expect(await refused('evaluate r --ablation zero')).toMatch(
      /its own settings, so --ablation has no place here; evaluate r\/circuit.json/,
    );
    expect(await refused('evaluate r/circuit.json --edges 4')).toMatch(/one size/);
    expect(await refused('evaluate nowhere')).toMatch(/there is no nowhere/);
    expect(await refused('evaluate .')).toMatch(/not a run folder/);
    await writeFile(join(cwd, 'prompts.json'), '{"prompts": []}');
    expect(await refused('evaluate prompts.json')).toMatch(/prompts.json is no run folder and no circuit file/);
    await writeFile(join(cwd, 'r', 'circuit.json'), '{"graph":');
    expect(await refused('evaluate r/circuit.json')).toMatch(/r\/circuit.json is not a JSON file/);
  });
});
