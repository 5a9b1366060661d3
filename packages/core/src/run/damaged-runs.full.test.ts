/**
 * @file Files of runs, damaged in every way that a seed draws: a finished run shows the same or is refused, an unfinished one comes
 * to the same files or is refused. Each time with a sentence, and soon.
 *
 *   MUTATIONS=5000 npx vitest run --config vitest.full.config.ts damaged-runs
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { AutoCircuitError } from '../errors/error.js';
import { buildGraph } from '../graph/build.js';
import { type RandomSource, seededRandom } from '../numeric/seeded-random.js';
import { createPatchableModel } from '../patch/engine.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import { readFinishedRun } from '../run-folder/read-run.js';
import { damageFile, filesBelow, writeFilesBelow } from '../testing/damaged-files.js';
import { microModel } from '../testing/micro-model.js';
import { MICRO_IDENTITY, MICRO_RUN_HEADS, microRequest } from '../testing/micro-run.js';
import { discover } from './discover.js';

const MUTATIONS = Number(process.env.MUTATIONS ?? 1500);
/** Longer than this nobody waits for a sentence; the machine of a test may be busy. */
const MOST_MS = 2000;

let root: string;
let model: PatchableModel;
let whole: Record<string, Buffer>;
let shown: string;
beforeAll(async () => {
  // In memory where that is possible: every file is synced.
  root = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'damaged-runs-'));
  const object = microModel(MICRO_RUN_HEADS);
  model = await createPatchableModel({
    model: object,
    graph: buildGraph(object.spec.layout),
    backend: interpreterBackend(),
  });
  await run('whole');
  whole = filesBelow(join(root, 'whole'));
  shown = JSON.stringify(await readFinishedRun(join(root, 'whole')));
});
afterAll(async () => {
  await model.dispose();
  await rm(root, { recursive: true });
});

/** A run, stopped after so many reports of progress. */
async function run(folder: string, stopAfter = Number.POSITIVE_INFINITY): Promise<void> {
  const controller = new AbortController();
  let reports = 0;
  await discover(
    microRequest(model, {
      sizes: { by: 'list', counts: [2, 5, 9, 12, 25] },
      store: { folder: join(root, folder), existing: 'resume', identity: MICRO_IDENTITY },
    }),
    {
      signal: controller.signal,
      onWarning: () => undefined,
      renderReport: ({ run: { versions } }) => JSON.stringify(versions),
      onProgress: () => {
        if (++reports > stopAfter) controller.abort(new Error('stopped'));
      },
    },
  );
}

/** What must be the same: all but the timings; of the checksums what they say, not how it is set. */
const withoutTimings = (files: Record<string, Buffer>) =>
  Object.fromEntries(
    Object.entries(files).flatMap(([name, bytes]) => {
      if (name === 'timings.json') return [];
      const text = bytes.toString('latin1');
      return [[name, name === 'checksums.json' ? JSON.stringify(JSON.parse(text)) : text]];
    }),
  );

/** Damages one file of a folder of runs; says what it did. */
const damage = (folder: string, files: Record<string, Buffer>, random: RandomSource): string =>
  damageFile(join(root, folder), files, random, (name) => name !== 'report.html');

/** Runs `work`, which may only fail with a sentence; whether it did not. */
async function sentenceOrDone(what: string, work: () => Promise<void>): Promise<boolean> {
  const started = performance.now();
  let done = true;
  try {
    await work();
  } catch (error) {
    done = false;
    if (!(error instanceof AutoCircuitError) || error.kind !== 'user') {
      throw new Error(`${what}: no sentence of the user's kind`, { cause: error });
    }
  }
  // Work that is made again takes its time; what is refused does not.
  if (!done) expect(performance.now() - started, what).toBeLessThan(MOST_MS);
  return done;
}

describe('a file of a run that is damaged', () => {
  it(`of a finished run is refused, or changes nothing: ${MUTATIONS} times`, { timeout: 3_600_000 }, async () => {
    const random = seededRandom(1, 'finished runs');
    let refused = 0;
    for (let i = 0; i < MUTATIONS; i++) {
      writeFilesBelow(join(root, 'copy'), whole);
      const what = `${i}: ${damage('copy', whole, random)}`;
      const read = await sentenceOrDone(what, async () => {
        expect(JSON.stringify(await readFinishedRun(join(root, 'copy'))), what).toBe(shown);
      });
      const again = await sentenceOrDone(what, async () => {
        await run('copy');
        expect(withoutTimings(filesBelow(join(root, 'copy'))), what).toEqual(withoutTimings(whole));
      });
      if (!read || !again) refused++;
    }
    expect(refused).toBeGreaterThan(MUTATIONS / 2); // most of what was done is damage
  });

  it(`of an unfinished run is refused, or it comes to the same files: ${MUTATIONS} times`, {
    timeout: 3_600_000,
  }, async () => {
    const random = seededRandom(2, 'unfinished runs');
    const stops = [1, 2, 4, 5, 6, 7];
    const begun: Record<string, Buffer>[] = [];
    for (const [i, stop] of stops.entries()) {
      await expect(run(`begun-${i}`, stop)).rejects.toThrow('stopped');
      begun.push(filesBelow(join(root, `begun-${i}`)));
    }
    expect(new Set(begun.flatMap((files) => Object.keys(files)))).toContain('partial/algorithm.safetensors');
    let refused = 0;
    for (let i = 0; i < MUTATIONS; i++) {
      const which = i % stops.length;
      writeFilesBelow(join(root, 'copy'), begun[which]!);
      const what = `${i}, stopped at ${stops[which]}: ${damage('copy', begun[which]!, random)}`;
      const done = await sentenceOrDone(what, async () => {
        await run('copy');
        expect(withoutTimings(filesBelow(join(root, 'copy'))), what).toEqual(withoutTimings(whole));
      });
      if (!done) refused++;
    }
    expect(refused).toBeGreaterThan(MUTATIONS / 10);
  });
});
