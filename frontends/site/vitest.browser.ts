import { defineConfig } from "vitest/config";

/** The configuration of the tests in Chromium with the real system. `cargo xtask site` runs them. */
export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    exclude: process.argv.some((argument) => argument.includes("screenshots"))
      ? []
      : ["tests/screenshots.test.ts"],
    testTimeout: 90_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
