import { defineConfig } from 'vitest/config';

export default defineConfig({
  ssr: { resolve: { conditions: ['@auto-circuit/source'] } },
  resolve: { conditions: ['@auto-circuit/source'] },
  test: {
    name: 'viewer',
    include: ['src/**/*.test.ts'],
    exclude: ['src/**/*.full.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
