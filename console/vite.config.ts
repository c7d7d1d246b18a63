import { defineConfig } from 'vite';

// Three files with fixed names: they are committed (dist/) and become part of the program.
export default defineConfig({
  base: './',
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: false,
    rollupOptions: {
      output: {
        entryFileNames: 'console.js',
        assetFileNames: (asset) => (asset.names[0]?.endsWith('.css') ? 'console.css' : '[name][extname]'),
        inlineDynamicImports: true,
      },
    },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8080', '/v1': 'http://127.0.0.1:8080' } },
});
