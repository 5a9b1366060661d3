/** @file Runs of a measurement that processes share: each does what nobody else does, and reads what the others did. */
import { rm } from 'node:fs/promises';
import type { FolderLock, MeasureUnit, MeasuringShares, OutputArrays } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';

/** The measurement of one cell of a plan. */
export interface SharedMeasurement {
  /** The plan's. */
  readonly folder: string;
  readonly hash: string;
  /** All pieces of it, in order of their batches. */
  readonly units: readonly MeasureUnit[];
  /** The shard that this process does, which begins with pieces of its own; null: of nobody. */
  readonly shard: number | null;
  /** Lets others go on; rejects where this process is to end. */
  readonly wait: () => Promise<void>;
}

/** How this process takes part. */
export function measuringShares(work: SharedMeasurement): MeasuringShares {
  return { ranges: work.units.map(({ range }) => range), gather: (name, make) => gather(work, name, make) };
}

async function gather(
  { folder, hash, units, shard, wait }: SharedMeasurement,
  name: string,
  make: Parameters<MeasuringShares['gather']>[1],
): Promise<readonly OutputArrays[]> {
  const { measuredFile, measuredFolder } = await import('@auto-circuit/core/run');
  const pieces = units.map(({ range }) => ({
    range,
    file: measuredFile(folder, hash, name, range),
    folder: measuredFolder(folder, hash, range),
  }));
  // Each begins elsewhere, so that processes do not meet at every piece.
  const first = Math.max(
    0,
    units.findIndex((unit) => unit.shard === shard),
  );
  const order = [...pieces.slice(first), ...pieces.slice(0, first)];
  const loaded = new Map<unknown, OutputArrays>();
  while (loaded.size < pieces.length) {
    let moved = false;
    for (const piece of order.filter((one) => !loaded.has(one))) {
      const { file, range } = piece;
      if (!file.isThere()) {
        const lock = await lockOf(piece.folder);
        if (lock === null) continue; // somebody is at it
        try {
          if (!file.isThere()) await file.save(await make(range));
        } finally {
          await lock.release();
        }
      }
      moved = true;
      const arrays = await loadedOrRemoved(file);
      if (arrays) loaded.set(piece, arrays);
    }
    if (!moved) await wait();
  }
  return pieces.map((piece) => loaded.get(piece)!);
}

/** The lock of a folder, or null while another process holds it. */
async function lockOf(folder: string): Promise<FolderLock | null> {
  const { lockFolder, makeFolderFor } = await import('@auto-circuit/core/run');
  await makeFolderFor('run-shard', folder);
  try {
    return await lockFolder(folder);
  } catch (error) {
    if (error instanceof AutoCircuitError && error.code === 'run-locked') return null;
    throw error;
  }
}

/** What a file holds; one that is damaged is removed, and what it held is made again. */
async function loadedOrRemoved(
  file: ReturnType<typeof import('@auto-circuit/core/run')['measuredFile']>,
): Promise<OutputArrays | null> {
  try {
    return file.load();
  } catch (error) {
    if (!(error instanceof AutoCircuitError) || error.code !== 'wrong-checkpoint') throw error;
    await rm(file.path, { force: true });
    return null;
  }
}
