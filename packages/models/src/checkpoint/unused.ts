/** @file What a checkpoint holds and a recipe never reads: it is said, since a model without it is another model. */
import type { RawCheckpoint } from './hf-folder.js';

/** Buffers that are written with some checkpoints and follow from the config: causal masks, frequencies, position numbers. */
const HARMLESS =
  /(^|\.)(attn|attention)\.(bias|masked_bias)$|(^|\.)rotary_emb\.(inv_freq|cos_cached|sin_cached)$|(^|\.)position_ids$/;

/** Names that a sentence lists. */
const SHOWN = 4;

/** A checkpoint that remembers what was read of it. */
export interface RecordedCheckpoint {
  readonly raw: RawCheckpoint;
  /** The tensors that were not read so far, in the file's order; harmless buffers are left out. */
  unread(): readonly string[];
}

/** The same checkpoint, which remembers what is read. */
export function recordReads(checkpoint: RawCheckpoint): RecordedCheckpoint {
  const seen = new Set<string>();
  const raw: RawCheckpoint = Object.freeze({
    ...checkpoint,
    read(name: string, shape?: readonly number[]) {
      seen.add(name);
      return checkpoint.read(name, shape);
    },
  });
  return { raw, unread: () => checkpoint.names.filter((name) => !seen.has(name) && !HARMLESS.test(name)) };
}

/** One line that names the tensors; null where there are none. */
export function unusedNote(source: string, names: readonly string[]): string | null {
  if (names.length === 0) return null;
  const listed = names.slice(0, SHOWN).join(', ') + (names.length > SHOWN ? ', …' : '');
  const count = names.length === 1 ? '1 tensor of' : `${names.length} tensors of`;
  return `[checkpoint] ${count} ${source} ${names.length === 1 ? 'is' : 'are'} not part of the model as it is read: ${listed}`;
}
