import { defineConfig } from 'vitest/config';

/** The slow suites, beside those of `npm test`: real models, native runtimes, a browser. */
export default defineConfig({
  ssr: { resolve: { conditions: ['@auto-circuit/source'] } },
  resolve: { conditions: ['@auto-circuit/source'] },
  test: {
    include: ['packages/*/src/**/*.full.test.ts', 'examples/**/*.full.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    fileParallelism: false,
  },
});
