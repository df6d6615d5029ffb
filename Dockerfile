# One image for every role: `docker run cloud-node gateway` (coordinator, aggregator, evaluator, …).
# Only what the classic builder knows too: no --mount, no heredoc.

# ── build: TypeScript → dist/
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No install scripts: nothing that compiles the project is native, and tfjs-node would fetch 100 MB for nothing.
RUN npm ci --include=dev --ignore-scripts
# .dockerignore admits only what the build reads.
COPY . .
RUN node scripts/build.mjs

# ── dependencies: what runs, and nothing that builds
FROM node:22-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Not the optional ones: tfjs-node, where it can be had, is larger than all the rest, and the evaluator has WebAssembly.
# Maps and declarations are nearly half of what is left, and no process reads them.
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force && \
  find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete

# ── runtime
FROM node:22-bookworm-slim
ENV NODE_ENV=production MALLOC_ARENA_MAX=1
WORKDIR /app
# Owned by root and not writable by the process; the root file system may be read-only.
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist/bundle dist/bundle
COPY --from=build /app/dist/dashboard dist/dashboard
COPY --from=build /app/dist/swagger-ui dist/swagger-ui
COPY package.json LICENSE ./
COPY bin bin
# By number: Kubernetes can then see that it is not root (runAsNonRoot).
USER 1000:1000
# Gateway; /livez, /readyz and /metrics of a worker (METRICS_PORT).
EXPOSE 8080 9090
# Exec form: SIGTERM reaches Node itself, which drains. Health checks are the orchestrator's: they differ by role.
# The flag spares 20 to 40 MiB of each process; see src/cli/node-flags.ts.
ENTRYPOINT ["node", "--max-semi-space-size=4", "--heap-growing-percent=80", "bin/cloud-node.mjs"]
