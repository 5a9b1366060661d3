/** @file Room `commands`: one file a command. What they share lives in flags/, terminal/ and the files beside. */
import type { CliCommand } from '../context.js';
import { listCommand } from './list.js';

/** In the order that help shows. */
export const COMMANDS: readonly CliCommand[] = [listCommand];
