/** @file What a worker sends back of a shard is put in place whole, and anything else is refused and leaves nothing. */
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readPlan, readShard } from '@auto-circuit/core/run';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain } from '../test/run-main.js';
import { ByteStream } from './byte-stream.js';
import { ownPlan } from './carried-plan.js';
import { packedShard, receiveShard } from './result-archive.js';

const plugin = fileURLToPath(new URL('../../test-data/micro-task.mjs', import.meta.url));
const STUDY = {
  tasks: ['micro'],
  algos: ['eap', 'acdc'], // one whole run, and one in parts
  settings: { backend: 'interpreter', edges: [5], keep: 5, batchSize: 2 },
  plugins: [plugin],
};
const MOST = 2 ** 24;

let cwd: string;
/** What shards 0 and 2 send: a part, and a whole run. */
const sent = new Map<number, Buffer>();

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'result-archive-'));
  await writeFile(join(cwd, 'study.json'), JSON.stringify(STUDY));
  const run = async (...args: string[]) => {
    const { code, stderr, stdout } = await runMain(args, { cwd });
    expect(code, stderr + stdout).toBe(0);
  };
  await run('plan', 'study.json', '--threads', '1', '--shards', '3', '--out', 'plan');
  await cp(join(cwd, 'plan'), join(cwd, 'away'), { recursive: true });
  for (const shard of [0, 1, 2]) {
    await run('run-shard', 'away', `${shard}`, '--alone');
    const plan = await readPlan(join(cwd, 'away'));
    const pieces: Uint8Array[] = [];
    for await (const piece of packedShard({ folder: join(cwd, 'away'), plan, shard }, plan.sha256)) pieces.push(piece);
    sent.set(shard, Buffer.concat(pieces));
  }
});
afterAll(() => rm(cwd, { recursive: true }));

async function* inPieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
async function received(name: string, shard: number, bytes: Uint8Array, most = MOST): Promise<string> {
  const folder = join(cwd, name);
  await cp(join(cwd, 'plan'), folder, { recursive: true });
  const plan = await readPlan(folder);
  await receiveShard({ folder, plan, shard }, inPieces(bytes), most, new AbortController().signal);
  return folder;
}
async function filesIn(folder: string): Promise<string[]> {
  const all = await readdir(folder, { recursive: true, withFileTypes: true });
  return all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length)).sort(); // biome-ignore format: one line
}
/** An archive whose list is another. */
function relisted(
  shard: number,
  change: (list: { files: { path: string; bytes: number; sha256: string }[]; shard: number }) => void,
): Buffer {
  // biome-ignore format: one line
  const bytes = sent.get(shard)!;
  const end = bytes.indexOf(10);
  const list = JSON.parse(bytes.subarray(0, end).toString());
  change(list);
  return Buffer.concat([Buffer.from(`${JSON.stringify(list)}\n`), bytes.subarray(end + 1)]);
}

describe('what comes back of a shard', () => {
  it('is put in place, once, and collected to the bytes of an experiment', async () => {
    const folder = await received('good', 0, sent.get(0)!);
    for (const shard of [0, 1, 2]) {
      const plan = await readPlan(folder);
      await receiveShard({ folder, plan, shard }, inPieces(sent.get(shard)!), MOST, new AbortController().signal);
      expect(await readShard(folder, shard)).toEqual(await readShard(join(cwd, 'away'), shard));
    }
    expect((await filesIn(folder)).filter((name) => name.includes('incoming') || name.includes('lock'))).toEqual([]);
    for (const args of [
      ['collect', 'good'],
      ['experiment', 'study.json', '--workers', '0', '--threads', '1', '--out', 'local'],
    ]) {
      // biome-ignore format: one line
      expect((await runMain(args, { cwd })).code).toBe(0);
    }
    for (const name of ['results.json', 'results.csv', 'experiment.json', 'report.html']) {
      expect(await readFile(join(folder, 'result', name)), name).toEqual(await readFile(join(cwd, 'local', name)));
    }
  });

  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  it.each<[string, number, () => Buffer, number?]>([
    ['nothing', 0, () => Buffer.alloc(0)],
    ['no list', 0, () => Buffer.from('text')],
    ['a list that is none', 0, () => Buffer.from('{"format":"auto-circuit result 1"}\n')],
    ['another shard', 0, () => sent.get(2)!],
    ['the number of another shard', 0, () => relisted(2, (list) => { list.shard = 0; })], // biome-ignore format: one line
    ['too much', 0, () => sent.get(0)!, 500],
    ['a file outside', 0, () => relisted(0, ({ files }) => { files[0]!.path = '../../evil'; })], // biome-ignore format: one line
    ['an absolute path', 0, () => relisted(0, ({ files }) => { files[0]!.path = '/tmp/evil'; })], // biome-ignore format: one line
    ['a file of the plan', 0, () => relisted(0, ({ files }) => { files[0]!.path = 'plan.json'; })], // biome-ignore format: one line
    ['a file of another shard', 0, () => relisted(0, ({ files }) => { files.at(-1)!.path = 'shards/00001/shard.json'; })], // biome-ignore format: one line
    ['a file twice', 0, () => relisted(0, ({ files }) => { files.push(files[0]!); })], // biome-ignore format: one line
    ['one byte less', 0, () => sent.get(0)!.subarray(0, -1)],
    ['one byte more', 0, () => Buffer.concat([sent.get(0)!, Buffer.from([1])])],
    ['another checksum', 2, () => relisted(2, ({ files }) => { files[1]!.sha256 = sha256('x'); })], // biome-ignore format: one line
    [
      'no part',
      0,
      () => {
        // biome-ignore format: one line
        const { length } = sent.get(0)!;
        const whole = relisted(0, ({ files }) => { files.shift(); }); // biome-ignore format: one line
        const record = JSON.parse(whole.subarray(0, whole.indexOf(10)).toString()).files[0].bytes;
        return Buffer.concat([whole.subarray(0, whole.indexOf(10) + 1), sent.get(0)!.subarray(length - record)]);
      },
    ],
    [
      'a run that is another',
      2,
      () => {
        // with a checksum that fits: only its own ones say it
        const bytes = relisted(2, ({ files }) => {
          let at = sent.get(2)!.indexOf(10) + 1;
          for (const file of files) {
            const content = Buffer.from(sent.get(2)!.subarray(at, at + file.bytes));
            at += file.bytes;
            if (!file.path.endsWith('/run.json')) continue;
            content[content.indexOf('"seed": 0') + 8] = '1'.charCodeAt(0);
            file.sha256 = createHash('sha256').update(content).digest('hex');
          }
        });
        bytes[bytes.indexOf('"seed": 0') + 8] = '1'.charCodeAt(0);
        return bytes;
      },
    ],
  ])('is refused where it is %s', async (what, shard, bytes, most) => {
    const name = `refused ${what}`;
    const error = await received(name, shard, bytes(), most).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'refused-result', fields: { path: join(cwd, name), shard } });
    if (what === 'a run that is another') expect(String(error)).toMatch(/run\.json/);
    expect(await filesIn(join(cwd, name)), 'nothing is left').toEqual(['/plan.json']);
  });
});

describe('a plan that came with a job', () => {
  it('is written with the paths of this worker, and refused where it is not the one that is named', async () => {
    const bytes = await readFile(join(cwd, 'plan', 'plan.json'));
    const { sha256: plan } = JSON.parse(bytes.toString());
    const job = { folder: '/not/here', plan, shard: 1 };
    const own = await ownPlan(job, bytes, join(cwd, 'root'), join(cwd, 'elsewhere'));
    expect(own.folder.startsWith(join(cwd, 'root'))).toBe(true);
    const { host, units } = await readPlan(own.folder);
    expect(host).toMatchObject({ cwd: join(cwd, 'elsewhere'), file: join(cwd, 'elsewhere', 'study.json') });
    expect(units).toEqual(JSON.parse(bytes.toString()).units);
    expect(await ownPlan(job, bytes, join(cwd, 'root'), join(cwd, 'elsewhere'))).toEqual(own);
    const refusals: [unknown, Uint8Array][] = [
      ['../../x', bytes],
      ['0'.repeat(64), bytes],
      [plan, bytes.subarray(1)],
      [plan, Buffer.from(bytes.toString().replace('"threads": 1', '"threads": 2'))],
    ];
    for (const [named, given] of refusals) {
      const refused = ownPlan({ ...job, plan: named as string }, given, join(cwd, 'root'), cwd);
      await expect(refused).rejects.toMatchObject({ code: 'refused-job' });
    }
  });
});

describe('bytes in pieces', () => {
  it.each([1, 2, 3, 100])('of %i are lines and counts of bytes', async (size) => {
    const stream = new ByteStream(inPieces(Buffer.from('first line\nabcdefrest'), size));
    expect(await stream.line(10)).toBe('first line');
    const taken: Uint8Array[] = [];
    for await (const piece of stream.take(6)) taken.push(piece);
    expect(Buffer.concat(taken).toString()).toBe('abcdef');
    expect(await stream.isAtEnd()).toBe(false);
    expect(await stream.line(3)).toBe(null);
  });
});
