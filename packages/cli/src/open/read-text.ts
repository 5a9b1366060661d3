/** @file A file that the user named, as text. */
import { readFile } from 'node:fs/promises';

/** @param name the file as the user typed it @throws AutoCircuitError naming the file */
export async function readText(path: string, name: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const { fileError } = await import('@auto-circuit/core/run');
    throw fileError('circuit', 'read', name, cause);
  }
}
