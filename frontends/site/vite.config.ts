import { defineConfig } from "vitest/config";

/** The components use React's API. In the browser they run on Preact, whose code is ten times smaller. */
const preact = {
  "react/jsx-runtime": "preact/jsx-runtime",
  "react/jsx-dev-runtime": "preact/jsx-runtime",
  "react-dom/client": "preact/compat/client",
  "react-dom": "preact/compat",
  react: "preact/compat",
};

export default defineConfig({
  resolve: { alias: process.env.RUNTIME === "react" ? {} : preact },
  build: {
    chunkSizeWarningLimit: 800,
    target: ["chrome107", "safari16", "firefox115"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  test: { include: ["src/**/*.test.{ts,tsx}"] },
});
