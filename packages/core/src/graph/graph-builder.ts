/** @file The lists a graph is made of while it is being built, in the order the model writes and reads. */
import { type Site, siteText } from './sites.js';
import type { DestinationBlock, DestinationNode, SourceBlock, SourceNode } from './types.js';

/** What writes: one node, or one for each head. */
export interface SourceSpec {
  readonly at: Site;
  readonly module: string;
  readonly layer: number;
  readonly heads: number | null;
  readonly name: (head: number) => string;
}
/** What reads: a block, before it is known which sources come before it. */
export type DestinationSpec = Omit<DestinationBlock, 'site' | 'sources'>;

/** Nodes and blocks in the order the model writes and reads them. */
export interface GraphParts {
  readonly sources: SourceNode[];
  readonly sourceBlocks: SourceBlock[];
  readonly destinations: DestinationNode[];
  readonly destinationBlocks: DestinationBlock[];
  write(spec: SourceSpec): void;
  /** Adds a block that reads everything written so far (since the stream last started anew); returns its index. */
  readBlock(spec: DestinationSpec): number;
  readNode(block: number, name: string, head: number | null): void;
  /** From here on, blocks read only what is written from here on. */
  startStream(): void;
}

/** An empty list of nodes and blocks. */
export function graphParts(): GraphParts {
  const sources: SourceNode[] = [];
  const sourceBlocks: SourceBlock[] = [];
  const destinations: DestinationNode[] = [];
  const destinationBlocks: DestinationBlock[] = [];
  let start = 0;
  return {
    sources,
    sourceBlocks,
    destinations,
    destinationBlocks,
    write({ at, module, layer, heads, name }) {
      const first = sources.length;
      for (let h = 0; h < (heads ?? 1); h++) {
        const head = heads === null ? null : h;
        sources.push(Object.freeze({ name: name(h), index: sources.length, module, layer, head }));
      }
      sourceBlocks.push(Object.freeze({ site: siteText(at), at, module, layer, start: first, stop: sources.length }));
    },
    readBlock(spec) {
      destinationBlocks.push(
        Object.freeze({ ...spec, site: siteText(spec.at), sources: Object.freeze({ start, stop: sources.length }) }),
      );
      return destinationBlocks.length - 1;
    },
    readNode(block, name, head) {
      const { module, layer } = destinationBlocks[block]!;
      destinations.push(Object.freeze({ name, index: destinations.length, block, module, layer, head }));
    },
    startStream() {
      start = sources.length;
    },
  };
}
