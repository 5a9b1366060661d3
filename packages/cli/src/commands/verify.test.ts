/** @file `verify`: what agrees, what differs, what is refused. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { flattenScores, unflattenScores } from '@auto-circuit/core';
import { readFinishedRun, verificationSchema, writeScores } from '@auto-circuit/core/run';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refusal, runMain } from '../test/run-main.js';

const plugin = fileURLToPath(new URL('../../test-data/micro-task.mjs', import.meta.url));

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'verify-command-'));
});
afterEach(() => rm(cwd, { recursive: true }));

const run = (command: string) => runMain([...command.split(' '), '--plugin', plugin, '--quiet'], { cwd });
const DISCOVER = 'discover --task micro --algo eap-ig-inputs --algo.steps 3 --edges 3,8,20 --keep 8';
const file = (name: string) => readFile(join(cwd, 'r', name), 'utf8');
const contents = async (names: readonly string[]) => Promise.all(names.map((name) => readFile(join(cwd, 'r', name))));

describe('verify', () => {
  it('confirms a run on two other backends, changes nothing of it, and shows in the report', async () => {
    expect((await run(`${DISCOVER} --backend onnx --out r`)).code).toBe(0);
    const names = (await readdir(join(cwd, 'r'))).filter((name) => name !== 'report.html');
    const before = await contents(names);
    expect(await file('report.html')).not.toContain('Reproduced');
    for (const backend of ['interpreter', 'tfjs']) {
      const { code, stdout, stderr } = await run(`verify r --backend ${backend}`);
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(new RegExp(`^${backend} on \\w+ against the run’s onnx on cpu`));
      expect(stdout).toMatch(/edges of the kept circuit .* 8 in both, 8 in either +agrees/);
      expect(stdout).toMatch(/logit-diff .*agrees\n/);
      const written = verificationSchema.parse(JSON.parse(await file(`verify-${backend}.json`)));
      expect(written).toMatchObject({ agrees: true, circuit: { both: 8, either: 8 }, against: { name: 'onnx' } });
      expect(written.scores.relative).toBeLessThan(1e-4);
      expect(written.scores.largest).toBeGreaterThan(0);
      expect(written.measurements.map(({ metric }) => metric)).toEqual(['kl', 'logit-diff']);
    }
    expect(await contents(names)).toEqual(before);
    expect((await readdir(join(cwd, 'r'))).sort()).toEqual(
      [...names, 'report.html', 'verify-interpreter.json', 'verify-tfjs.json'].sort(),
    );
    const report = await file('report.html');
    expect(report).toContain('Reproduced on other backends');
    expect(report.match(/>agrees</g)).toHaveLength(2);
    await run('report r');
    expect(await file('report.html')).toBe(report);
    await run('evaluate r --metric percent-correct');
    expect((await file('report.html')).match(/>agrees</g)).toHaveLength(2);
    const { stdout } = await run('verify r --backend onnx --json');
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ run: join(cwd, 'r'), agrees: true, scores: { relative: 0 } });
    expect(document.measurements).toHaveLength(3);
    expect((await run('verify r --backend onnx')).stdout).toMatch(/the same backend as the run’s/);
    expect((await run(`${DISCOVER} --backend onnx --out r --overwrite`)).code).toBe(0);
    expect((await readdir(join(cwd, 'r'))).filter((name) => name.startsWith('verify'))).toEqual([]);
  });

  it('says which numbers of a changed run are not confirmed, with exit code 1', async () => {
    await run(`${DISCOVER} --backend interpreter --out r`);
    const { graph, scores } = await readFinishedRun(join(cwd, 'r'));
    const flat = flattenScores(graph, scores);
    const largest = flat.reduce((most, score) => Math.max(most, Math.abs(score)), 0);
    const strongest = flat.findIndex((score) => Math.abs(score) === largest);
    const changed = flat.map((score, i) => (i === strongest ? 0.9 * score : score));
    await writeScores(join(cwd, 'r', 'scores.safetensors'), graph, unflattenScores(graph, changed));
    const { code, stdout } = await run('verify r --backend onnx --force'); // changed behind its back
    expect(code).toBe(1);
    expect(stdout).toMatch(/scores, relative to the largest .*DIFFERS/);
    expect(stdout).toMatch(/the run is not confirmed; what differs: scores/);
    expect(JSON.parse(await file('verify-onnx.json'))).toMatchObject({ agrees: false, scores: { agrees: false } });
    expect(await file('report.html')).toMatch(/differs: scores/);
  });

  it('finds changed measurements and a changed circuit', async () => {
    await run(`${DISCOVER} --backend interpreter --out r`);
    const measurements = JSON.parse(await file('measurements.json'));
    measurements[1].points[0].value += 0.01;
    await writeFile(join(cwd, 'r', 'measurements.json'), JSON.stringify(measurements));
    const circuit = JSON.parse(await file('circuit.json'));
    circuit.edges.shift();
    await writeFile(join(cwd, 'r', 'circuit.json'), JSON.stringify(circuit));
    const { code, stdout } = await run('verify r --backend tfjs --json --force');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      agrees: false,
      scores: { agrees: true },
      circuit: { edges: 7, both: 6, either: 8, agrees: false },
      measurements: [
        { metric: 'kl', agrees: true },
        { metric: 'logit-diff', at: 3, agrees: false },
      ],
    });
  });

  it('refuses what it cannot compare', async () => {
    await run(`${DISCOVER} --backend interpreter --out r`);
    const refused = (command: string) => refusal([...command.split(' '), '--plugin', plugin], { cwd });
    expect(await refused('verify r')).toMatchObject({ code: 'missing-option', fields: { option: '--backend' } });
    expect(await refused('verify r --backend nothing')).toMatchObject({
      code: 'unknown-name',
      fields: { what: 'backend', name: 'nothing' },
    });
    expect((await refused('verify . --backend onnx')).message).toMatch(/not a run folder/);
    const json = JSON.parse(await file('run.json'));
    json.asked.data.hash = '0'.repeat(64);
    await writeFile(join(cwd, 'r', 'run.json'), JSON.stringify(json));
    expect(await refused('verify r --backend onnx')).toMatchObject({
      code: 'run-damaged',
      fields: { file: 'run.json' },
      fix: 'read it anyway with --force',
    });
    const forced = await run('verify r --backend onnx --force');
    expect(forced.code).toBe(2);
    expect(forced.stderr).toMatch(/^warning: .*run\.json is not what the run wrote: .*; it is read all the same$/m);
    expect(forced.stderr).toMatch(/the data of r is no longer what the run was made with/);
    await rm(join(cwd, 'r', 'measurements.json'));
    const unfinished = await run('verify r --backend onnx --force');
    expect(unfinished.stderr).toMatch(/is not finished; finish it: auto-circuit discover --resume --out FOLDER$/m);
  });
});
