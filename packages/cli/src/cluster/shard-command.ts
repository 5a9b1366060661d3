/** @file The command line that does a shard, as another process on this or a like machine starts it. */
import { fileURLToPath } from 'node:url';

/** The built program beside this room. */
const PROGRAM = fileURLToPath(new URL('../main.js', import.meta.url));

/** Program and arguments. @param shard a number, or text that a launcher makes one of @param alone where other shards cannot be seen */
export const runCommand = (folder: string, shard: number | string, alone = false): readonly string[] => [
  process.execPath,
  PROGRAM,
  'run-shard',
  folder,
  `${shard}`,
  '--quiet',
  ...(alone ? ['--alone'] : []),
];
