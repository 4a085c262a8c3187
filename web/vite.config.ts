/**
 * How the web UI is built: from web/ into web/dist, with hashed names so that the server may let
 * browsers keep the assets for ever. What every page needs is one chunk; each page, the chart, the
 * editor and each language are chunks of their own. test/web/ keeps the size budget.
 */

import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const root = fileURLToPath(new URL('.', import.meta.url))

export default defineConfig({
  root,
  base: '/',
  plugins: [react()],
  build: {
    outDir: `${root}dist`,
    emptyOutDir: true,
    target: 'es2023',
    cssTarget: 'chrome123',
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    assetsInlineLimit: 0,
  },
  server: {
    proxy: {
      '/api': process.env['SHIPWATCH_URL'] ?? 'http://127.0.0.1:9595',
    },
  },
})
