import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  // Under one path, so that a proxy needs to know no more than that.
  base: '/dashboard/',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../dist/dashboard',
    emptyOutDir: true,
    target: 'es2022',
    // Inline scripts and data: URLs are not allowed by the page's policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
