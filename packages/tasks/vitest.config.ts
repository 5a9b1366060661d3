import { defineConfig } from 'vitest/config';

export default defineConfig({
  ssr: { resolve: { conditions: ['@auto-circuit/source'] } },
  resolve: { conditions: ['@auto-circuit/source'] },
  // Files share their modules: none of them changes what it imports, and loading a package anew for each takes half of the time.
  test: {
    name: 'tasks',
    include: ['src/**/*.test.ts'],
    exclude: ['src/**/*.full.test.ts'],
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
