/** @file Rows of Parquet files, such as data sets from a hub are kept in. */
import { AutoCircuitError } from '../errors/error.js';
import type { JsonOrigin } from '../files/json-file.js';

const MAGIC = [0x50, 0x41, 0x52, 0x31]; // PAR1

/** Whether these are the bytes of a Parquet file. */
export const isParquet = (bytes: Uint8Array): boolean => MAGIC.every((byte, i) => bytes[i] === byte);

/**
 * All rows, whole numbers as numbers.
 * @throws AutoCircuitError for a damaged file, or one compressed in a way that is not read (Snappy is)
 */
export async function parquetRows(bytes: Uint8Array, { where, path }: JsonOrigin): Promise<Record<string, unknown>[]> {
  const { parquetReadObjects } = await import('hyparquet');
  const file = new Uint8Array(bytes).buffer; // of its own: a small file lies in a pool with others
  try {
    const rows = await parquetReadObjects({ file });
    return rows.map((row) => plain(row) as Record<string, unknown>);
  } catch (cause) {
    throw new AutoCircuitError({
      code: 'invalid-file',
      fields: { path },
      where,
      what: `${path} cannot be read as Parquet (${cause instanceof Error ? cause.message : String(cause)})`,
      expected: 'a whole file, uncompressed or compressed with Snappy',
      fix: 'download it again, or write it as JSON lines',
      cause,
    });
  }
}

/** 64-bit whole numbers as numbers; nested values too. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}
