/**
 * @file The scores of single prompts as Parquet: a row for each prompt and edge, some prompts to a row group, so that no more
 * than one group is in memory.
 */
import type { PromptScoreFile } from '@auto-circuit/core/run';
import type { ByteWriter, Writer } from 'hyparquet-writer';

/** Rows of one group, about; always whole prompts. */
const GROUP_ROWS = 100_000;

/**
 * Writes columns `prompt` (its place in the data set), `edge` (its name) and `score`: prompts in the order of the training
 * batches, of each the edges in canonical order.
 * @throws AutoCircuitError for what the file system refuses; then `path` is as it was
 */
export async function writePromptParquet(path: string, table: PromptScoreFile): Promise<void> {
  const { edgeAt, flattenScores } = await import('@auto-circuit/core');
  const { scoresOfPrompt } = await import('@auto-circuit/core/plugin');
  const { replaceFileAtomic } = await import('@auto-circuit/core/run');
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const { graph, places, prompts } = table;
  const { edgeCount } = graph;
  const edges = Array.from({ length: edgeCount }, (_, number) => edgeAt(graph, number).name);
  const schema = [
    { name: 'root', num_children: 3 },
    { name: 'prompt', type: 'INT32', repetition_type: 'REQUIRED' },
    { name: 'edge', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
    { name: 'score', type: 'FLOAT', repetition_type: 'REQUIRED' },
  ] as const;
  await replaceFileAtomic(path, async (append) => {
    const bytes: ByteWriter = new ByteWriter();
    const flush = async (): Promise<void> => {
      const written = bytes.getBytes();
      bytes.index = 0; // offsets in the file go on counting
      await append(written.slice());
    };
    const parquet = new ParquetWriter({ writer: Object.assign(bytes, { flush }) as Writer, schema: [...schema] });
    const perGroup = Math.max(1, Math.floor(GROUP_ROWS / edgeCount));
    for (let start = 0; start < prompts; start += perGroup) {
      const stop = Math.min(prompts, start + perGroup);
      const read = table.read(start, stop);
      const rows = (stop - start) * edgeCount;
      const scores = new Float32Array(rows);
      for (let p = start; p < stop; p++) {
        scores.set(flattenScores(graph, scoresOfPrompt(read, p - start)), (p - start) * edgeCount);
      }
      const column = <T>(of: (row: number) => T): T[] => Array.from({ length: rows }, (_, row) => of(row));
      await parquet.write({
        columnData: [
          { name: 'prompt', data: column((row) => places[start + Math.floor(row / edgeCount)]!) },
          { name: 'edge', data: column((row) => edges[row % edgeCount]!) },
          { name: 'score', data: scores },
        ],
        rowGroupSize: rows,
      });
    }
    await parquet.finish();
    await flush();
  });
}
