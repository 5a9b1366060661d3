/**
 * @file What a worker made of a shard, as bytes: one line of JSON that lists the files with their checksums, then the files. Who
 * receives it vouches for nothing: it takes the files that this shard has and no others, checks what they hold, and puts them in
 * place at the end.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { PlanJson } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { z } from 'zod';
import { ByteStream } from './byte-stream.js';
import { lockWhenFree, runFolderOf } from './run-shard.js';

/** Pieces are no longer. */
const PIECE_BYTES = 2 ** 19;
/** The list of files is no longer. */
const MOST_LIST_BYTES = 2 ** 24;
const INCOMING = '.incoming-';

const listSchema = z.object({
  format: z.literal('auto-circuit result 1'),
  plan: z.string(),
  shard: z.int().min(0),
  files: z.array(z.object({ path: z.string(), bytes: z.int().min(0), sha256: z.string() })),
});
type ListedFile = z.infer<typeof listSchema>['files'][number];

/** Whose results they are. */
export interface ShardOfPlan {
  /** The plan's, absolute. */
  readonly folder: string;
  readonly plan: PlanJson;
  readonly shard: number;
}

/**
 * A shard that has ended, well or not, in pieces of at most 512 KiB.
 * @param planned the checksum of the plan that was sent, which may have another one here
 */
export async function* packedShard(of: ShardOfPlan, planned: string): AsyncGenerator<Uint8Array> {
  const { folder, shard } = of;
  const files: ListedFile[] = [];
  for (const path of await shardFiles(of)) files.push(await listed(folder, path));
  const list = { format: 'auto-circuit result 1' as const, plan: planned, shard, files };
  yield new TextEncoder().encode(`${JSON.stringify(list)}\n`);
  for (const { path } of files) yield* createReadStream(join(folder, path), { highWaterMark: PIECE_BYTES });
}

/** Removes what was sent, which nobody looks for here. */
export async function removeShard(of: ShardOfPlan): Promise<void> {
  for (const path of await shardFiles(of)) await rm(join(of.folder, path), { force: true });
}

async function listed(folder: string, path: string): Promise<ListedFile> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(join(folder, path))) hash.update(chunk as Uint8Array);
  const { size } = await stat(join(folder, path));
  return { path: path.split(sep).join('/'), bytes: size, sha256: hash.digest('hex') };
}

/** Files of a shard that are there, relative to the plan's folder; the record last. */
async function shardFiles(of: ShardOfPlan): Promise<readonly string[]> {
  const { parts, runs, record } = await placesOf(of);
  const all: string[] = parts.filter((path) => existsSync(join(of.folder, path)));
  for (const run of runs) {
    const { cellProgress } = await import('@auto-circuit/core/run');
    if (cellProgress(join(of.folder, run)) !== 'done') continue;
    const entries = await readdir(join(of.folder, run), { withFileTypes: true });
    for (const entry of entries) if (entry.isFile()) all.push(join(run, entry.name));
  }
  return [...all, record];
}

/** Where what a shard makes lies, relative to the plan's folder. */
async function placesOf({ folder, plan, shard }: ShardOfPlan) {
  const { partFile, SHARD_FILE, shardFolder } = await import('@auto-circuit/core/run');
  const units = plan.units.filter((unit) => unit.shard === shard);
  const hashOf = (cell: number): string => plan.cells[cell]!.hash!;
  const below = (path: string): string => relative(folder, path);
  return {
    units,
    hashOf,
    parts: units.flatMap(({ cell, range }) => (range ? [below(partFile(folder, hashOf(cell), range).path!)] : [])),
    runs: units.flatMap(({ cell, range }) => (range ? [] : [below(runFolderOf(folder, plan, hashOf(cell)))])),
    record: below(join(shardFolder(folder, shard), SHARD_FILE)),
  };
}

/**
 * Puts what came of a shard into the plan's folder, unless it is there already.
 * @param mostBytes of all files together
 * @throws AutoCircuitError `refused-result` for anything but the results of this shard; then the folder is as it was
 */
export async function receiveShard(
  of: ShardOfPlan,
  result: AsyncIterable<Uint8Array>,
  mostBytes: number,
  signal: AbortSignal,
): Promise<void> {
  const { readShard, shardFolder } = await import('@auto-circuit/core/run');
  const { folder, shard } = of;
  const own = shardFolder(folder, shard);
  await makeResultFolder(own);
  const lock = await lockWhenFree(own, signal, () => undefined);
  try {
    const there = await readShard(folder, shard);
    if (there && Object.keys(there.failed).length === 0) return;
    for (const name of await readdir(own)) {
      if (name.startsWith(INCOMING)) await rm(join(own, name), { recursive: true }); // of a process that was killed
    }
    const incoming = await mkdtemp(join(own, INCOMING));
    try {
      const paths = await unpacked(of, incoming, new ByteStream(result), mostBytes);
      await checkContent({ ...of, folder: incoming }).catch((cause: unknown) => {
        throw cause instanceof AutoCircuitError ? refused(of, cause.parts.what, cause) : cause;
      });
      await putInPlace(of, incoming, paths);
    } finally {
      await rm(incoming, { recursive: true, force: true });
    }
  } finally {
    await lock.release();
  }
}

async function unpacked(
  of: ShardOfPlan,
  into: string,
  stream: ByteStream,
  mostBytes: number,
): Promise<readonly string[]> {
  const { files } = await listOf(of, stream, mostBytes);
  for (const { path, bytes, sha256 } of files) {
    await makeResultFolder(dirname(join(into, path)));
    const hash = createHash('sha256');
    const file = await open(join(into, path), 'wx');
    try {
      for await (const chunk of stream.take(bytes)) {
        hash.update(chunk);
        await file.writeFile(chunk);
      }
      await file.sync();
    } catch (cause) {
      throw cause instanceof RangeError ? refused(of, `it ends within ${path}`, cause) : cause;
    } finally {
      await file.close();
    }
    if (hash.digest('hex') !== sha256) throw refused(of, `${path} has another checksum than is said`);
  }
  if (!(await stream.isAtEnd())) throw refused(of, 'more follows than its files');
  return files.map(({ path }) => path);
}

/** The list of files, all of which this shard may have. */
async function listOf(of: ShardOfPlan, stream: ByteStream, mostBytes: number): Promise<z.infer<typeof listSchema>> {
  const line = await stream.line(MOST_LIST_BYTES);
  if (line === null) throw refused(of, 'it has no list of files');
  let given: unknown;
  try {
    given = JSON.parse(line);
  } catch (cause) {
    throw refused(of, 'its list of files is no JSON', cause);
  }
  const parsed = listSchema.safeParse(given);
  if (!parsed.success) throw refused(of, 'its list of files has another form', parsed.error);
  const { plan, shard, files } = parsed.data;
  if (plan !== of.plan.sha256 || shard !== of.shard) throw refused(of, 'it is of another shard');
  const { RUN_FILES } = await import('@auto-circuit/core/run');
  const { parts, runs, record } = await placesOf(of);
  const names = Object.values(RUN_FILES).filter((name) => name !== RUN_FILES.partial);
  const may = new Set([...parts, record, ...runs.flatMap((run) => names.map((name) => join(run, name)))]);
  const foreign = files.find(({ path }) => !may.delete(path.split('/').join(sep))); // twice is once too often
  if (foreign)
    throw refused(of, `it holds ${JSON.stringify(foreign.path).slice(0, 120)}, which is no file of this shard`);
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total > mostBytes) {
    throw refused(of, `it holds ${total} bytes, and at most ${mostBytes} are taken`);
  }
  return parsed.data;
}

/** Whether the files are what they should be: each by its own checksums, and all that is not said to have failed. */
async function checkContent(of: ShardOfPlan): Promise<void> {
  const { cellHash, partFile, readFinishedRun, readShard } = await import('@auto-circuit/core/run');
  const { folder, plan, shard } = of;
  const record = await readShard(folder, shard);
  if (record?.shard !== shard) throw refused(of, 'it has no record of this shard');
  const { hashOf, units } = await placesOf(of);
  for (const { cell, range } of units) {
    const { name } = plan.cells[cell]!;
    const hash = hashOf(cell);
    if (range) {
      const data = await partFile(folder, hash, range).load();
      if (data === null && record.failed[name] === undefined) throw refused(of, `a part of ${name} is missing`);
      continue;
    }
    const run = runFolderOf(folder, plan, hash);
    if (!existsSync(run) && record.failed[name] !== undefined) continue;
    const made = await readFinishedRun(run);
    if (cellHash(made.run) !== hash) throw refused(of, `it holds another run than ${name}`);
  }
}

/** The record last: where it is, the rest is, too. */
async function putInPlace(of: ShardOfPlan, incoming: string, paths: readonly string[]): Promise<void> {
  const { folder } = of;
  const { record, runs } = await placesOf(of);
  for (const run of runs.filter((one) => existsSync(join(incoming, one)))) {
    await rm(join(folder, run), { recursive: true, force: true }); // what was begun here
    await makeResultFolder(dirname(join(folder, run)));
    await rename(join(incoming, run), join(folder, run));
  }
  for (const path of paths.filter((one) => existsSync(join(incoming, one)) && join(one) !== record)) {
    await makeResultFolder(dirname(join(folder, path)));
    await rename(join(incoming, path), join(folder, path));
  }
  await rename(join(incoming, record), join(folder, record));
}

const refused = ({ folder, shard }: ShardOfPlan, what: string, cause?: unknown): AutoCircuitError =>
  new AutoCircuitError({
    code: 'refused-result',
    fields: { path: folder, shard },
    where: 'submit',
    what: `what came back of shard ${shard} is refused: ${what}`,
    fix: 'check who else writes to the queue; the shard is to be run again',
    cause,
  });

/** @throws AutoCircuitError that names the folder */
async function makeResultFolder(path: string): Promise<void> {
  const { makeFolderFor } = await import('@auto-circuit/core/run');
  await makeFolderFor('results', path);
}
