import { defineConfig } from "vitest/config";

/** Tests in Chromium with the real system behind the site: `cargo xtask site`. */
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
