import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["*.fixture.ts"], testTimeout: 60_000, reporters: ["default"] } });
