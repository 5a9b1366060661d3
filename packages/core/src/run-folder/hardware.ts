/** @file What a shard was computed on, as far as last digits may depend on it: two machines that differ in it may differ in them. */
import { readFile } from 'node:fs/promises';
import { cpus, hostname } from 'node:os';
import { z } from 'zod';
import { errnoOf } from '../files/file-error.js';

/** A machine and what ran on it. */
export const hardwareSchema = z.object({
  /** Its name, which decides nothing. */
  host: z.string(),
  processor: z.string(),
  /** Of the sets that kernels choose by, those that the processor has; `unknown` where the system does not say. */
  instructions: z.string(),
  /** Operating system and architecture. */
  platform: z.string(),
  node: z.string(),
  runtime: z.string(),
  device: z.string(),
  threads: z.number(),
  /** What a run may take, in GiB: sums are made in as many parts as it asks for. */
  memoryGiB: z.number(),
});
/** What a shard was computed on. */
export type Hardware = z.infer<typeof hardwareSchema>;

/** Instruction sets by which math libraries choose their kernels, on x86 and on ARM. */
const SETS = ['sse4_2', 'avx', 'fma', 'avx2', 'avx_vnni', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_tile', 'asimd', 'asimddp', 'i8mm', 'bf16', 'sve', 'sve2']; // biome-ignore format: one line

/** This machine. @param memoryBytes what a run may take */
export async function hardwareHere(
  { runtime, device, threads }: Pick<Hardware, 'runtime' | 'device' | 'threads'>,
  memoryBytes: number,
): Promise<Hardware> {
  return {
    host: hostname(),
    processor: cpus()[0]?.model.trim() || 'unknown',
    instructions: await instructionSets(),
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node.split('.')[0]!,
    runtime,
    device,
    threads,
    memoryGiB: Math.round(memoryBytes / 2 ** 30),
  };
}

async function instructionSets(): Promise<string> {
  const text = await readFile('/proc/cpuinfo', 'utf8').catch((cause: unknown) => {
    if (errnoOf(cause) === undefined) throw cause;
    return '';
  });
  const flags = new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1]?.split(/\s+/) ?? []);
  return flags.size === 0 ? 'unknown' : SETS.filter((name) => flags.has(name)).join(' ');
}

/** One text for each kind of hardware in a list, in order of appearance: hosts do not count. */
export const hardwareKinds = (all: readonly Hardware[]): readonly string[] => [...new Set(all.map(hardwareText))];

/** `Xeon …, avx2 …, linux x64, Node 22, onnxruntime 1.2 on cpu, 2 threads, 8 GiB`. */
export const hardwareText = (one: Hardware): string =>
  [
    one.processor,
    one.instructions,
    one.platform,
    `Node ${one.node}`,
    `${one.runtime} on ${one.device}`,
    `${one.threads} ${one.threads === 1 ? 'thread' : 'threads'}`,
    `${one.memoryGiB} GiB`,
  ].join(', ');
