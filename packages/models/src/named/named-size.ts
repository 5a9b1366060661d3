/** @file What is known of a published model by its name: its config and where its weights are. */
import type { RawConfig } from '../checkpoint/config.js';

/** A published model's size. */
export interface NamedSize {
  /** The hub's name; null where no safetensors are published under it. */
  readonly hub: string | null;
  readonly config: RawConfig;
}
