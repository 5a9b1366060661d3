/**
 * @file `scores-by-prompt.safetensors`: the scores of every prompt, one tensor for each destination module. The file has its
 * full size from the start and each prompt its place in it, so that no more than one batch is in memory, and work that is taken
 * up again writes the same bytes.
 */
import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { AutoCircuitError } from '../errors/error.js';
import { fileError } from '../files/file-error.js';
import { toHalves } from '../files/half.js';
import { openSafetensors } from '../files/safetensors.js';
import { type SafetensorsLayout, safetensorsLayout } from '../files/safetensors-write.js';
import { scoreShape } from '../graph/build.js';
import type { Graph } from '../graph/types.js';
import type {
  PromptScoreDType,
  PromptScoreSink,
  PromptScoreTable,
  PromptScoreTensors,
} from '../plugin/prompt-scores.js';
import { elementCount, type FloatArray, floatTensor } from '../tensor/tensor.js';
import { moduleMetadata } from './score-files.js';

const BYTES: Readonly<Record<PromptScoreDType, number>> = { float32: 4, float16: 2 };
const DTYPES = { float32: 'F32', float16: 'F16' } as const;
/** Metadata: the place of each prompt in the data set, as a JSON list. */
const PLACES = 'prompts';

/** What a file is made for. */
export interface PromptScoreFileRequest {
  readonly path: string;
  readonly graph: Graph;
  readonly dtype: PromptScoreDType;
  /** The place of each prompt in the data set, in the order of the training batches. */
  readonly places: readonly number[];
}

/** The file while it is filled; closed in any case, finished or not. */
export interface PromptScoreWriter extends PromptScoreSink {
  close(): void;
}

/**
 * Makes the file, or goes on with the one that is there where it is one of the same request. Prompts of which nothing was kept
 * have scores of 0.
 * @throws AutoCircuitError for what the file system refuses; from `keep`, `not-finite` for numbers that float16 cannot hold
 */
export function writePromptScores({ path, graph, dtype, places }: PromptScoreFileRequest): PromptScoreWriter {
  const shapes = graph.destinationBlocks.map((block) => ({ name: block.module, rest: scoreShape(graph, block) }));
  const tensors = shapes.map(({ name, rest }) => ({ name, dtype: DTYPES[dtype], shape: [places.length, ...rest] }));
  const metadata = { ...moduleMetadata(graph), [PLACES]: JSON.stringify(places) };
  const layout = safetensorsLayout(path, tensors, metadata);
  const guarded = <T>(use: () => T): T => {
    try {
      return use();
    } catch (cause) {
      throw fileError('run', 'write', path, cause);
    }
  };
  let descriptor: number | null = guarded(() => openedFor(path, layout));
  return {
    keep(first, given) {
      const file = descriptor!;
      for (const { name, rest } of shapes) {
        const { data } = given[name]!; // [prompts, position?, head?, sources]
        const bytes = encoded(name, data, dtype);
        const at = layout.offsets.get(name)! + first * elementCount(rest) * BYTES[dtype];
        guarded(() => writeAll(file, bytes, at));
      }
      guarded(() => fdatasyncSync(file)); // before a checkpoint says that these prompts are done
    },
    close() {
      if (descriptor !== null) closeSync(descriptor);
      descriptor = null;
    },
  };
}

/** The file, of this layout; what it held stays where it had the same. */
function openedFor(path: string, { header, bytes }: SafetensorsLayout): number {
  const descriptor = openSync(path, 'a+'); // makes it where there is none, and leaves alone what is there
  closeSync(descriptor);
  const file = openSync(path, 'r+');
  const found = new Uint8Array(header.length);
  const same = readSync(file, found, 0, found.length, 0) === header.length && Buffer.compare(found, header) === 0;
  if (same && fstatSync(file).size === bytes) return file;
  ftruncateSync(file, 0);
  writeAll(file, header, 0);
  ftruncateSync(file, bytes); // zeros
  return file;
}

/** One call writes at most 2 GiB. */
const WRITE_LIMIT = 2 ** 28;

function writeAll(file: number, bytes: Uint8Array, at: number): void {
  let done = 0;
  while (done < bytes.length) {
    done += writeSync(file, bytes, done, Math.min(WRITE_LIMIT, bytes.length - done), at + done);
  }
}

function encoded(module: string, data: FloatArray, dtype: PromptScoreDType): Uint8Array {
  if (dtype === 'float32') {
    const narrow = data instanceof Float32Array ? data : Float32Array.from(data);
    return new Uint8Array(narrow.buffer, narrow.byteOffset, narrow.byteLength);
  }
  const halves = toHalves(data);
  const lost = halves.findIndex((bits, i) => (bits & 0x7fff) === 0x7c00 && Number.isFinite(data[i]));
  if (lost < 0) return new Uint8Array(halves.buffer);
  throw new AutoCircuitError({
    code: 'not-finite',
    fields: { module },
    where: 'run',
    what: `a prompt's score of "${module}" is too large for float16`,
    expected: 'at most 65,504',
    got: `${data[lost]}`,
    fix: 'keep the scores of single prompts in float32',
  });
}

/** The scores of every prompt of a run, read a few prompts at a time. */
export interface PromptScoreFile extends PromptScoreTable {
  readonly dtype: PromptScoreDType;
  /** The place of each prompt in the data set. */
  readonly places: readonly number[];
}

/**
 * Opens the file that `writePromptScores` filled.
 * @throws AutoCircuitError for a file that is not there or broken (`invalid-safetensors`, `invalid-file`), or of another graph
 *   (`graph-mismatch`)
 */
export function readPromptScores(path: string, graph: Graph): PromptScoreFile {
  const file = openSafetensors(path);
  const refuse = (key: string, expected: string, got: string): never => {
    throw new AutoCircuitError({
      code: key === PLACES ? 'invalid-file' : 'graph-mismatch',
      fields: { path, key },
      where: 'run',
      what: key === PLACES ? `${path} does not say which prompts its scores are of` : `${path} is of another graph`,
      expected,
      got,
    });
  };
  const places = placesIn(file.metadata[PLACES]);
  if (places === null)
    return refuse(PLACES, `metadata "${PLACES}": a list of whole numbers`, file.metadata[PLACES] ?? 'none');
  let dtype: PromptScoreDType = 'float32';
  for (const block of graph.destinationBlocks) {
    const entry = file.tensors.get(block.module);
    const expected = [places.length, ...scoreShape(graph, block)].join(', ');
    if (entry?.shape.join(', ') !== expected) {
      refuse(block.module, `"${block.module}" of [${expected}]`, entry ? `[${entry.shape.join(', ')}]` : 'none');
    }
    if (entry!.dtype === 'F16') dtype = 'float16';
  }
  return Object.freeze({
    graph,
    dtype,
    places,
    prompts: places.length,
    read(start: number, stop: number): { readonly tensors: PromptScoreTensors } {
      const tensors = graph.destinationBlocks.map((block) => {
        const data = file.readRows(block.module, start, stop) as FloatArray;
        return [block.module, floatTensor(data, [stop - start, ...scoreShape(graph, block)])] as const;
      });
      return { tensors: Object.fromEntries(tensors) };
    },
  });
}

function placesIn(text: string | undefined): readonly number[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text ?? '');
  } catch {
    return null;
  }
  const isList = Array.isArray(value) && value.every((place) => Number.isSafeInteger(place) && place >= 0);
  return isList ? Object.freeze(value as number[]) : null;
}
