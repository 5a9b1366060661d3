/** @file A file that the user named, as text. */

/** @param name the file as the user typed it @throws AutoCircuitError naming the file */
export async function readText(path: string, name: string): Promise<string> {
  const { fileError, readWholeText } = await import('@auto-circuit/core/run');
  try {
    return await readWholeText(path);
  } catch (cause) {
    throw fileError('circuit', 'read', name, cause);
  }
}
